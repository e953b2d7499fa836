"""Twenty steps on the CPU must reproduce the recorded losses; a refactoring must not change them.

To record them anew after a deliberate change: LATHE_RECORD_GOLDEN=1 pytest tests/golden/test_training_curves.py
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unit.training_loop.tiny import made_up_examples, made_up_pairs, tiny_config
from training_loop.models.generator import GeometryModel
from training_loop.progress import ProgressLog
from training_loop.recipes import find_recipe
from training_loop.stages import DistilStage, DPOStage, FlowStage, Part, VAEStage
from training_loop.trainer import Trainer

RECORDED = Path(__file__).with_name("training_curves.json")
STEPS = 20


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(name):
    torch.manual_seed(0)
    model = GeometryModel(tiny_config())
    examples = made_up_examples(model.config, 12)
    recipe = replace(find_recipe("mini_pretrain" if name == "vae" else f"mini_{name}"), batch_size=4)
    if name == "vae":
        return VAEStage(model.vae, examples, replace(recipe.vae, batch_size=2), 0), recipe.vae.optimiser
    if name == "pretrain":
        return FlowStage(model, recipe, 0, [Part(examples, 4)]), recipe.optimiser
    if name == "distil":
        return DistilStage(model, recipe, 0, [Part(examples, 4)]), recipe.optimiser
    return DPOStage(model, recipe, 0, made_up_pairs(model.config, 6)), recipe.optimiser


@pytest.mark.parametrize("name", ["vae", "pretrain", "dpo", "distil"])
def test_the_loss_curve_is_the_recorded_one(name, tmp_path):
    stage, optimiser = build(name)
    log = ProgressLog(tmp_path / "progress.jsonl", None, total_steps=STEPS)
    Trainer(stage, optimiser=optimiser, steps=STEPS, log=log, precision="fp32").fit()
    losses = [json.loads(line)["loss"] for line in log.path.read_text().splitlines()]
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if os.environ.get("LATHE_RECORD_GOLDEN"):
        RECORDED.write_text(json.dumps({**recorded, name: [round(loss, 6) for loss in losses]}, indent=1) + "\n")
    # Processors round differently in the last digits, and training amplifies it a little.
    assert losses == pytest.approx(json.loads(RECORDED.read_text())[name], rel=2e-3)
