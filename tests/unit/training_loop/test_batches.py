import threading
from dataclasses import dataclass, replace

import pytest
import torch

from tests.unit.training_loop.tiny import made_up_examples, randomise_output, tiny_config
from training_loop.batches import (
    Chance,
    Mixture,
    NoTrainingData,
    Part,
    batch_indices,
    map_tensors,
    prefetch,
)
from training_loop.models.generator import GeometryModel
from training_loop.recipe import TimeConfig
from training_loop.recipes import find_recipe
from training_loop.stages import DistilStage, FlowStage, restrict

CPU = torch.device("cpu")


def test_an_epoch_visits_every_example_once():
    seen = torch.cat([batch_indices(10, 4, step, seed=3) for step in range(5)])
    assert sorted(seen[:10].tolist()) == list(range(10))
    assert sorted(seen[10:].tolist()) == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()


def test_a_rows_numbers_are_its_own_whoever_draws_them():
    def draw(rows):
        chance = Chance(1, "sft", 7, rows, CPU)
        return chance.uniform(), chance.normal(3, 2), chance.times(TimeConfig())

    for together, alone in zip(draw(range(6)), draw([4]), strict=True):
        assert torch.equal(together[4], alone[0])
    assert not torch.equal(draw([4])[1], draw([5])[1])


def test_a_mixture_keeps_its_shares_and_visits_each_source_in_epochs():
    config = tiny_config()
    first, second = made_up_examples(config, 3, seed=1), made_up_examples(config, 4, seed=2)
    mixture = Mixture([Part(first, 1), Part(second, 2)], seed=0)
    batches = [mixture.gather(step, range(3)) for step in range(6)]
    from_second = torch.cat([batch.crop[1:] for batch in batches[:2]])
    assert {crop.numpy().tobytes() for crop in from_second} == {crop.numpy().tobytes() for crop in second.crop}
    assert all((first.crop == batch.crop[0]).flatten(1).all(1).any() for batch in batches)
    assert torch.equal(mixture.gather(4, [2]).crop[0], batches[4].crop[2])
    with pytest.raises(NoTrainingData, match="no example"):
        Mixture([Part(first, 0)], seed=0)


def test_batches_are_drawn_ahead_in_another_thread_and_come_in_order():
    threads, drawn = set(), []

    def draw(step):
        threads.add(threading.get_ident())
        drawn.append(step)
        return {"step": torch.tensor(step)}

    batches = prefetch(draw, ((step,) for step in range(5)), CPU, depth=2)
    assert next(batches)["step"].item() == 0
    assert [int(batch["step"]) for batch in batches] == [1, 2, 3, 4]
    assert drawn == [0, 1, 2, 3, 4]
    assert threading.get_ident() not in threads


def test_what_goes_wrong_ahead_is_raised_where_the_batch_is_wanted():
    def draw(step):
        if step == 1:
            raise NoTrainingData("gone")
        return torch.tensor(step)

    batches = prefetch(draw, ((step,) for step in range(4)), CPU, depth=2)
    assert next(batches).item() == 0
    with pytest.raises(NoTrainingData, match="gone"):
        next(batches)


def test_tensors_are_found_wherever_they_are():
    @dataclass(frozen=True)
    class Batch:
        tensor: torch.Tensor
        nested: dict[str, torch.Tensor]
        nothing: None = None

    doubled = map_tensors(Batch(torch.ones(2), {"a": torch.ones(1)}), lambda tensor: 2 * tensor)
    assert doubled.tensor.tolist() == [2.0, 2.0]
    assert doubled.nested["a"].tolist() == [2.0]


def test_rows_that_are_made_elsewhere_train_as_well():
    """The hook for rows that a GPU makes or keeps: anything with a length that gathers examples."""

    class Endless:
        def __len__(self):
            return 10**9

        def gather(self, indices):
            return made_up_examples(config, len(indices), seed=int(indices[0]))

    config = tiny_config()
    model = GeometryModel(config)
    stage = FlowStage(model, replace(find_recipe("mini_pretrain"), batch_size=2), 0, [Part(Endless(), 2)])
    loss, _ = stage.loss(stage.draw(3, range(2)))
    assert loss.isfinite()


def test_a_fixed_share_of_a_distillation_batch_is_told_a_step_size():
    model = GeometryModel(tiny_config())
    recipe = replace(find_recipe("mini_distil"), batch_size=16)
    stage = DistilStage(model, recipe, 0, [Part(made_up_examples(model.config, 8), 16)])
    batch = stage.draw(5, range(16))
    assert (batch.d > 0).sum() == 4
    assert torch.equal(batch.rows, batch.d.nonzero()[:, 0])
    told = batch.d[batch.rows]
    assert torch.equal(torch.log2(told).round(), torch.log2(told))
    steps = batch.flow.t[batch.rows] / (2 * told)
    assert torch.equal(steps, steps.round())
    alone = stage.draw(5, [int(batch.rows[0])])
    assert alone.d.item() == told[0].item()


@pytest.mark.parametrize("kind", [FlowStage, DistilStage])
def test_several_draws_of_a_row_teach_as_if_the_row_came_several_times(kind):
    model = GeometryModel(tiny_config())
    randomise_output(model)
    recipe = replace(find_recipe("mini_distil"), batch_size=4, draws=4, drop_condition=0.0)
    stage = kind(model, recipe, 0, [Part(made_up_examples(model.config, 4), 4)])
    batch = stage.draw(1, range(4))
    flow = batch.flow if kind is DistilStage else batch
    assert (len(flow.views.crop), len(flow.t), len(flow.x_0["shape"])) == (4, 16, 16)
    assert len({round(time, 6) for time in flow.t.tolist()}) > 12
    views = replace(flow.views, **{name: value.repeat_interleave(4, 0) for name, value in vars(flow.views).items()})
    repeated = replace(flow, views=views, keep=flow.keep.repeat_interleave(4))
    single = kind(model, replace(recipe, draws=1), 0, [Part(made_up_examples(model.config, 4), 4)])
    whole, _ = stage.loss(batch)
    apart, _ = single.loss(replace(batch, flow=repeated) if kind is DistilStage else repeated)
    assert whole.item() == pytest.approx(apart.item(), rel=1e-5)
    # Two processes share a batch by its rows.
    half = stage.draw(1, [2, 3])
    assert torch.equal((half.flow if kind is DistilStage else half).x_0["shape"], flow.x_0["shape"][8:])


def test_a_stage_sees_what_its_recipe_says():
    views = replace(made_up_examples(tiny_config(), 2).views(), has_points=torch.ones(2, dtype=torch.bool))
    cropped = restrict(views, ("crop",))
    assert torch.equal(cropped.full, views.crop)
    assert not cropped.has_points.any()
    assert restrict(views, ("crop", "full", "point_map")) == views
