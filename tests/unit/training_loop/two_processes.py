"""What `test_parallel.py` trains, in its own process and in each of two, started as torchrun does:

torchrun --standalone --nproc-per-node 2 -m tests.unit.training_loop.two_processes FOLDER
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from tests.unit.training_loop.tiny import made_up_examples, made_up_pairs, randomise_output, tiny_config
from training_loop.models.generator import GeometryModel
from training_loop.parallel import Parallel, join, unsharded
from training_loop.progress import ProgressLog
from training_loop.recipe import OptimiserConfig, Recipe
from training_loop.recipes import find_recipe
from training_loop.runs import run_training
from training_loop.stages import DistilStage, DPOStage, FlowStage, Part
from training_loop.trainer import Trainer

OPTIMISER = OptimiserConfig(learning_rate=1e-3, warmup_steps=2, ema_decay=0.9)
STEPS = 4
# Name → rows that a forward pass takes. `compiled` compiles the blocks; the last goes on with what one process has
# begun, accumulating gradients and computing activations twice.
CASES = {"pretrain": 0, "dpo": 0, "distil": 0, "compiled": 0, "resumed": 1}


def build(case: str):
    torch.manual_seed(0)
    model = GeometryModel(tiny_config())
    randomise_output(model)
    examples = made_up_examples(model.config, 6)
    model.flow.checkpoint_activations = case == "resumed"
    if case == "compiled":
        # Traced, which is where sharding could get in the way; the code for the machine would take a minute.
        model.flow.compile_blocks(backend="eager")
    name = case if case in ("dpo", "distil") else "pretrain"
    recipe: Recipe = replace(find_recipe(f"mini_{name}"), batch_size=4)
    parts = [Part(examples, 4)]
    if case == "dpo":
        recipe = replace(recipe, dpo=replace(recipe.dpo, flow_matching_weight=0.5))
        return model, DPOStage(model, recipe, 0, made_up_pairs(model.config, 5), parts)
    return model, (DistilStage if case == "distil" else FlowStage)(model, recipe, 0, parts)


def train(case: str, folder: Path, parallel: Parallel, *, steps: int = STEPS) -> None:
    """Leave losses, gradient norms and whole weights in `folder`."""
    model, stage = build(case)
    log = ProgressLog(folder / f"{case}.jsonl" if parallel.is_first else None, None, total_steps=steps)
    trainer = Trainer(
        stage,
        optimiser=OPTIMISER,
        steps=steps,
        log=log,
        precision="fp32",
        micro_batch_size=CASES[case],
        state_path=folder / f"{case}.pt",
        parallel=parallel,
    )
    trainer.fit()
    model = unsharded(model)
    if parallel.is_first:
        torch.save(model.state_dict(), folder / f"{case}_weights.pt")
    if case == "compiled":
        breaks = torch._dynamo.utils.counters["graph_break"]
        assert not breaks, f"compiled blocks fall into pieces: {dict(breaks)}"


def train_for_a_time(folder: Path, parallel: Parallel) -> None:
    """Leave the last step in `folder`; every process believes in another length of the training."""
    _, stage = build("pretrain")
    trainer = Trainer(
        stage,
        optimiser=OPTIMISER,
        steps=1000,
        log=ProgressLog(None, None, total_steps=1000),
        precision="fp32",
        parallel=parallel,
        flush_every_steps=2,
        seconds=1.0 + parallel.rank,
    )
    trainer.fit()
    (folder / f"timed-{parallel.rank}.json").write_text(json.dumps(trainer.step))


def run(folder: Path, strategy: str) -> None:
    """A whole run on a snapshot and the library, from the checkpoint in `folder`."""
    run_training(
        stage="sft",
        recipe="mini_sft",
        overrides={
            "batch_size": 4,
            "steps": 2,
            "precision": "fp32",
            "parallel": strategy,
            "library.count": 4,
            "library.image_px": 48,
            "library_share": 0.5,
            "regression.count": 1,
        },
        parent_checkpoint=folder / "parent.safetensors",
        shards=[folder / "snapshot.tar"],
        output_dir=folder / strategy / "run",
        seed=0,
    )


def outcome(case: str, folder: Path):
    lines = [json.loads(line) for line in (folder / f"{case}.jsonl").read_text().splitlines()]
    weights = torch.load(folder / f"{case}_weights.pt", weights_only=True)
    return [line["loss"] for line in lines], [line["gradient_norm"] for line in lines], weights


if __name__ == "__main__":
    torch.set_num_threads(1)
    for strategy in ("ddp", "fsdp"):
        for name in CASES:
            train(name, Path(sys.argv[1]) / strategy, join("cpu", strategy)[0])
    train_for_a_time(Path(sys.argv[1]), join("cpu", "ddp")[0])
    run(Path(sys.argv[1]), "fsdp")
    torch.distributed.destroy_process_group()
