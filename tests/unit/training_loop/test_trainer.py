import json
import math
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.unit.training_loop.tiny import made_up_examples, made_up_pairs, randomise_output, tiny_config
from training_loop.models.generator import GeometryModel
from training_loop.progress import ProgressLog
from training_loop.recipe import OptimiserConfig
from training_loop.recipes import find_recipe
from training_loop.stages import DistilStage, DPOStage, FlowStage, NoTrainingData, Part, VAEStage
from training_loop.trainer import Diverged, ResumeError, Trainer

OPTIMISER = OptimiserConfig(learning_rate=1e-3, warmup_steps=2, schedule="cosine", ema_decay=0.9)


class Quadratic:
    """(w - 3)², with a NaN at a chosen step."""

    name = "quadratic"
    batch_size = 1

    def __init__(self, nan_at: int = -1) -> None:
        self.module, self.nan_at = nn.Module(), nan_at
        self.module.weight = self.weight = nn.Parameter(torch.zeros(2))

    def trained(self):
        return {"module": self.module}

    def draw(self, step, rows):
        return torch.tensor(float("nan") if step == self.nan_at else 1.0)

    def loss(self, factor):
        return (self.weight - 3).square().sum() * factor, {}


def flow_stage(seed=0) -> FlowStage:
    torch.manual_seed(0)
    model = GeometryModel(tiny_config())
    recipe = replace(find_recipe("mini_pretrain"), batch_size=4, weights={"shape": 1.0, "rotation": 0.1})
    return FlowStage(model, recipe, seed, [Part(made_up_examples(model.config, 6), 4)])


def loss_of(stage, step):
    return stage.loss(stage.draw(step, range(stage.batch_size)))


def trainer(stage, tmp_path, steps, **kwargs) -> Trainer:
    log = ProgressLog(tmp_path / "progress.jsonl", None, total_steps=steps)
    return Trainer(stage, optimiser=OPTIMISER, steps=steps, log=log, precision="fp32", **kwargs)


def test_a_layout_without_weight_is_not_computed_and_the_shape_learns_the_same():
    losses, gradients = [], []
    for weights in ({"shape": 1.0}, {"shape": 1.0, "rotation": 0.0}):
        stage = flow_stage()
        randomise_output(stage.model)
        stage.recipe = replace(stage.recipe, weights=weights)
        batch = stage.draw(0, range(4))
        assert list(batch.x_1) == ["shape"] or "rotation" in weights
        loss, _ = stage.loss(batch)
        loss.backward()
        losses.append(loss.item())
        gradients.append(stage.model.conditioner.norm.weight.grad)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    torch.testing.assert_close(*gradients)


def test_training_moves_towards_the_minimum(tmp_path):
    stage = Quadratic()
    first = loss_of(stage, 0)[0].item()
    trainer(stage, tmp_path, 50).fit()
    assert loss_of(stage, 0)[0].item() < first


def test_a_run_by_the_clock_ends_with_its_time_and_its_rate(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("training_loop.trainer.time.monotonic", lambda: now[0])
    stage = Quadratic()
    honest = stage.draw

    def slow(step, rows):
        now[0] += 0.5 if step < 10 else 0.25  # whatever made it slow has gone
        return honest(step, rows)

    stage.draw = slow
    run = trainer(stage, tmp_path, 1000, seconds=10.0, flush_every_steps=4)
    run.fit()
    assert now[0] == pytest.approx(10.0, abs=1.0)
    rates = [json.loads(line)["learning_rate"] for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    assert len(rates) == run.step == pytest.approx(30, abs=4)
    assert rates[-1] < 0.02 * max(rates)


def test_a_linear_end_keeps_the_rate_and_then_lowers_it_to_nothing(tmp_path):
    run = trainer(Quadratic(), tmp_path, 10)
    run.config = replace(OPTIMISER, schedule="linear_end", warmup_steps=1)
    run.fit()
    rates = [json.loads(line)["learning_rate"] for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    assert rates[:7] == pytest.approx([1e-3] * 7)
    assert rates[7:] == pytest.approx([7.5e-4, 5e-4, 2.5e-4])


def test_averaged_weights_can_be_saved_while_training_goes_on(tmp_path):
    stage = Quadratic()
    run = trainer(stage, tmp_path, 5, on_flush=lambda run: seen.append(look(run)))
    seen: list[tuple[float, float, float]] = []

    def look(run: Trainer) -> tuple[float, float, float]:
        before = stage.weight[0].item()
        with run.averaged():
            averaged = stage.weight[0].item()
        return before, averaged, stage.weight[0].item()

    run.fit()
    assert all(before == after for before, _, after in seen)
    assert any(averaged != before for before, averaged, _ in seen)
    assert stage.weight[0].item() == pytest.approx(seen[-1][1])


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole = flow_stage()
    trainer(whole, tmp_path, 6).fit()

    class Killed(Exception):
        pass

    interrupted = flow_stage()
    state = tmp_path / "state.pt"
    run = trainer(interrupted, tmp_path, 6, state_path=state, save_every_steps=2)
    honest = interrupted.draw
    interrupted.draw = lambda step, rows: (_ for _ in ()).throw(Killed()) if step == 5 else honest(step, rows)
    with pytest.raises(Killed):
        run.fit()
    again = flow_stage()
    resumed = trainer(again, tmp_path, 6, state_path=state, save_every_steps=2)
    assert resumed.step == 4
    resumed.fit()
    for expected, got in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(expected, got)


def test_the_state_of_another_run_is_refused(tmp_path):
    state = tmp_path / "state.pt"
    trainer(Quadratic(), tmp_path, 2, state_path=state, fingerprint="a").fit()
    with pytest.raises(ResumeError, match="another run"):
        trainer(Quadratic(), tmp_path, 2, state_path=state, fingerprint="b")


def test_divergence_stops_before_the_update(tmp_path):
    stage = Quadratic(nan_at=3)
    run = trainer(stage, tmp_path, 10)
    with pytest.raises(Diverged, match="step 3") as caught:
        run.fit()
    assert caught.value.step == 3
    assert run.step == 3
    three_steps = Quadratic()
    reference = trainer(three_steps, tmp_path, 10)
    for step in range(3):
        loss_of(three_steps, step)[0].backward()
        reference._clip_gradients()
        reference._update_weights()
        reference.step += 1
    assert torch.equal(stage.weight, three_steps.weight)
    last = json.loads((tmp_path / "progress.jsonl").read_text().splitlines()[-1])
    assert "diverged" in last


def test_an_infinite_gradient_stops_as_well(tmp_path):
    class Steep(Quadratic):
        def loss(self, factor):
            return torch.sqrt(self.weight).sum(), {}

    with pytest.raises(Diverged, match="gradient_norm"):
        trainer(Steep(), tmp_path, 2).fit()


def test_progress_is_logged_and_reported(tmp_path):
    seen = []
    log = ProgressLog(tmp_path / "p.jsonl", lambda step, total, metrics: seen.append((step, total)), total_steps=3)
    Trainer(Quadratic(), optimiser=OPTIMISER, steps=3, log=log, precision="fp32").fit()
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert {"loss", "gradient_norm", "learning_rate", "seconds"} <= set(lines[0])


class AsksTheDevice(TorchDispatchMode):
    """Refuses what would make a GPU's host wait: reading a value, or a shape that depends on values."""

    WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "unique", "_unique2"}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        by_mask = name in ("index", "index_put_") and any(i is not None and i.dtype == torch.bool for i in args[1])
        assert name not in self.WAITING, name
        assert not by_mask, f"{name} by a mask"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["vae", "pretrain", "dpo", "distil"])
def test_no_step_waits_for_the_device(name, tmp_path):
    torch.manual_seed(0)
    model = GeometryModel(tiny_config())
    examples = made_up_examples(model.config, 4)
    recipe = replace(find_recipe("mini_pretrain" if name == "vae" else f"mini_{name}"), batch_size=4)
    parts = [Part(examples, 4)]
    stage = {
        "vae": lambda: VAEStage(model.vae, examples, replace(recipe.vae, batch_size=2), 0),
        "pretrain": lambda: FlowStage(model, recipe, 0, parts),
        "distil": lambda: DistilStage(model, recipe, 0, parts),
        "dpo": lambda: DPOStage(model, recipe, 0, made_up_pairs(model.config, 4), parts),
    }[name]()
    run = trainer(stage, tmp_path, 1)
    batch = stage.draw(0, range(stage.batch_size))
    with AsksTheDevice():
        run._forward_and_backward(iter([batch]))
        run._clip_gradients()
        run._update_weights()


def test_accumulated_gradients_equal_those_of_the_whole_batch(tmp_path):
    whole, pieces = flow_stage(), flow_stage()
    trainer(whole, tmp_path, 1).fit()
    trainer(pieces, tmp_path, 1, micro_batch_size=3).fit()
    first, second = (json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines())
    assert second["loss"] == pytest.approx(first["loss"], rel=1e-6)
    assert second["gradient_norm"] == pytest.approx(first["gradient_norm"], rel=1e-5)


def test_metrics_that_are_fetched_in_bursts_still_make_a_line_a_step(tmp_path):
    run = trainer(Quadratic(), tmp_path, 5, flush_every_steps=3)
    fetched, flush = [], run._flush

    def counted():
        fetched.append(run.step)
        return flush()

    run._flush = counted
    run.fit()
    assert fetched == [3, 5]
    assert [json.loads(line)["step"] for line in run.log.path.read_text().splitlines()] == [1, 2, 3, 4, 5]


def test_no_step_after_a_divergence_changes_anything_before_it_is_seen(tmp_path):
    stage, reference = Quadratic(nan_at=3), Quadratic()
    run = trainer(stage, tmp_path, 10, flush_every_steps=10, state_path=tmp_path / "state.pt")
    with pytest.raises(Diverged, match="step 3"):
        run.fit()
    steps = trainer(reference, tmp_path, 10)
    for step in range(3):
        loss_of(reference, step)[0].backward()
        steps._clip_gradients()
        steps._update_weights()
        steps.step += 1
    assert torch.equal(stage.weight, reference.weight)
    assert not (tmp_path / "state.pt").exists()


def test_scalars_become_tensorboard_events(tmp_path):
    log = ProgressLog(tmp_path / "p.jsonl", None, total_steps=1, events=tmp_path / "events")
    log.step("sft", 1, {"loss": 0.5, "implicit_reward": [[0.1, 0.2]]})
    log.close()
    (event_file,) = (tmp_path / "events").iterdir()
    assert b"sft/loss" in event_file.read_bytes()
    assert b"implicit_reward" not in event_file.read_bytes()


def test_without_tensorboard_the_log_says_so_once(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    log = ProgressLog(tmp_path / "p.jsonl", None, total_steps=2, events=tmp_path / "events")
    log.step("sft", 1, {"loss": 0.5})
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert lines == [{"tensorboard": "not installed"}, {"stage": "sft", "step": 1, "loss": 0.5}]


def test_dpo_starts_at_log_2_and_raises_the_margin(tmp_path):
    torch.manual_seed(0)
    model = GeometryModel(tiny_config())
    stage = DPOStage(
        model, replace(find_recipe("mini_dpo"), batch_size=4), 0, made_up_pairs(model.config, 4, apart=1.0)
    )
    assert loss_of(stage, 0)[0].item() == pytest.approx(math.log(2), abs=1e-6)
    trainer(stage, tmp_path, 25).fit()
    loss, metrics = loss_of(stage, 0)
    assert metrics["reward_margin"].item() > 0
    assert loss.item() < 0.69


def test_dpo_without_pairs_says_what_to_do():
    model = GeometryModel(tiny_config())
    pairs = made_up_pairs(model.config, 1).gather(torch.zeros(0, dtype=torch.long))
    with pytest.raises(NoTrainingData, match="no preference pair"):
        DPOStage(model, find_recipe("mini_dpo"), 0, pairs)


def test_the_vae_learns_a_handful_of_boxes(tmp_path):
    torch.manual_seed(0)
    model = GeometryModel(tiny_config())
    examples = made_up_examples(model.config, 8)
    model.vae.start_from_principal_components(examples.occupancy())
    recipe = replace(find_recipe("mini_pretrain").vae, batch_size=4)
    stage = VAEStage(model.vae, examples, recipe, 0)
    trainer(stage, tmp_path, 15).fit()
    assert loss_of(stage, 100)[1]["voxel_iou"].item() > 0.9
