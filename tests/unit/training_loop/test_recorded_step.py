"""A recorded step learns what one that is launched kernel by kernel learns. Recording needs a CUDA device."""

from dataclasses import replace

import pytest
import torch

from tests.unit.training_loop.tiny import made_up_examples, made_up_pairs, randomise_output, tiny_config
from training_loop.models.generator import GeometryModel
from training_loop.progress import ProgressLog
from training_loop.recipe import OptimiserConfig
from training_loop.recipes import find_recipe
from training_loop.recorded_step import tensors_of
from training_loop.stages import DPOStage, FlowStage, Part
from training_loop.trainer import Trainer

OPTIMISER = OptimiserConfig(learning_rate=1e-4, warmup_steps=1)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="recording needs a CUDA device")


def model_on(device) -> GeometryModel:
    torch.manual_seed(0)
    config = tiny_config()
    # The head start of `micro` is worked out on the host.
    config = replace(config, flow=replace(config.flow, prior_rank=0, prior_landmarks=0))
    model = GeometryModel(config)
    randomise_output(model)
    return model.to(device)


def stage_of(kind, device):
    model = model_on(device)
    if kind == "dpo":
        pairs = made_up_pairs(model.config, 8)
        return DPOStage(model, replace(find_recipe("mini_dpo"), batch_size=4), 0, pairs)
    recipe = replace(find_recipe("mini_sft"), batch_size=4, draws=2)
    return FlowStage(model, recipe, 0, [Part(made_up_examples(model.config, 6), 4)])


def trained(kind, device, *, cuda_graph):
    stage = stage_of(kind, device)
    log = ProgressLog(None, None, total_steps=6)
    trainer = Trainer(stage, optimiser=OPTIMISER, steps=6, log=log, precision="fp32", cuda_graph=cuda_graph)
    loss = trainer.fit()["loss"]
    return loss, torch.cat([weight.detach().cpu().flatten() for weight in stage.parameters()]), trainer


@needs_cuda
@pytest.mark.parametrize("kind", ["flow", "dpo"])
def test_recorded_training_is_training(kind):
    loss, weights, _ = trained(kind, "cuda", cuda_graph=False)
    recorded_loss, recorded_weights, trainer = trained(kind, "cuda", cuda_graph=True)
    assert trainer.recorded is not None
    assert recorded_loss == pytest.approx(loss, rel=1e-3)
    # Where a gradient is nearly nothing, its sign decides a step of AdamW.
    assert (recorded_weights - weights).abs().max() < 2 * 6 * OPTIMISER.learning_rate
    assert (recorded_weights - weights).abs().mean() < 1e-3 * OPTIMISER.learning_rate
    batch = trainer.stage.draw(0, range(2))
    with pytest.raises(ValueError, match="one shape"):
        trainer.recorded(batch)


def test_without_a_gpu_nothing_is_recorded():
    loss, weights, trainer = trained("flow", "cpu", cuda_graph=True)
    assert trainer.recorded is None
    plain_loss, plain_weights, _ = trained("flow", "cpu", cuda_graph=False)
    assert loss == plain_loss
    assert torch.equal(weights, plain_weights)


def test_a_batch_has_its_tensors_in_a_fixed_order():
    stage = stage_of("flow", "cpu")
    first, second = (tensors_of(stage.draw(step, range(4))) for step in (0, 1))
    assert [tensor.shape for tensor in first] == [tensor.shape for tensor in second]
    assert len(first) > 8
