"""Where a training step of `mini` spends a GPU's time: eager, compiled, by attention kernel; its dearest kernels.

`python -m benchmarks.mini_step [--batch 512] [--output FILE]` needs torch alone. Data are noise. Every variant that
fails says so in the JSON and does not stop the others.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend
from torch.profiler import ProfilerActivity, profile

from benchmarks.geometry_model import matmul_rate, random_model, synchronise
from benchmarks.parallel_training import random_rows
from training_loop.models import attention
from training_loop.models.config import mini
from training_loop.models.generator import GeometryModel
from training_loop.progress import ProgressLog
from training_loop.recipes import find_recipe
from training_loop.recorded_step import WARM_UP_RUNS
from training_loop.stages import FlowStage, Part
from training_loop.trainer import Trainer

WARM_UP, TIMED, PROFILED, DEAREST = 5, 20, 3, 24
FLASH = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
EFFICIENT = [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def measure(
    device: torch.device, batch: int, *, compiled: str, backends: list[SDPBackend], recorded: bool = False
) -> dict[str, Any]:
    """Milliseconds of a step by the trainer, those that the device worked, and the kernels that took longest."""
    torch.manual_seed(0)
    torch._dynamo.reset()
    attention.CUDA_BACKENDS[:] = backends
    with device:
        model = random_model(GeometryModel(mini()))
    model.vae.requires_grad_(False)
    if compiled != "no":
        model.flow.compile_blocks()
    if compiled == "all":
        model.conditioner.compile(dynamic=False)
    recipe = replace(find_recipe("mini_pretrain_gpu"), batch_size=batch)
    stage = FlowStage(model, recipe, 0, [Part(random_rows(model.config, device), batch)])

    def run(steps: int) -> None:
        log = ProgressLog(None, None, total_steps=steps)
        optimiser = replace(recipe.optimiser, learning_rate=0.0)
        trainer = Trainer(
            stage, optimiser=optimiser, steps=steps, log=log, flush_every_steps=steps, cuda_graph=recorded
        )
        trainer.fit()
        synchronise(device)

    begun = time.perf_counter()
    run(WARM_UP)
    first = time.perf_counter()
    run(1)
    one = time.perf_counter()
    run(TIMED)
    found: dict[str, Any] = {
        "warm_up_seconds": first - begun,
        # What every run costs, recording too, is left out.
        "milliseconds_per_step": 1e3 * (time.perf_counter() - one - (one - first)) / (TIMED - 1),
        "first_step_milliseconds": 1e3 * (one - first),
    }
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device.type == "cuda" else [])
    with profile(activities=activities) as profiled:
        run(PROFILED)
    kernels = [event for event in profiled.key_averages() if event.device_type.name == "CUDA"]
    kernels.sort(key=lambda event: -event.self_device_time_total)
    # What is recorded runs a few times before it is.
    passes = PROFILED + (WARM_UP_RUNS if recorded else 0)
    per_step = 1e-3 / passes
    return found | {
        "device_milliseconds_per_step": per_step * sum(event.self_device_time_total for event in kernels),
        "kernels_per_step": sum(event.count for event in kernels) / passes,
        "dearest": [
            [round(per_step * event.self_device_time_total, 3), event.count / passes, event.key[:110]]
            for event in kernels[:DEAREST]
        ],
    }


def agreement(device: torch.device, batch: int) -> dict[str, Any]:
    """Losses and weights after some steps, recorded and not: they should differ by rounding alone."""
    found = []
    for recorded in (False, True):
        torch.manual_seed(0)
        with device:
            model = random_model(GeometryModel(mini()))
        model.vae.requires_grad_(False)
        recipe = replace(find_recipe("mini_pretrain_gpu"), batch_size=batch)
        stage = FlowStage(model, recipe, 0, [Part(random_rows(model.config, device), batch)])
        log = ProgressLog(None, None, total_steps=TIMED)
        trainer = Trainer(stage, optimiser=recipe.optimiser, steps=TIMED, log=log, cuda_graph=recorded)
        metrics = trainer.fit()
        found.append((metrics["loss"], torch.cat([weight.detach().flatten() for weight in stage.parameters()])))
    (loss, weights), (replayed_loss, replayed) = found
    return {
        "loss": [loss, replayed_loss],
        "largest_weight_difference": float((weights - replayed).abs().max()),
        "mean_weight_difference": float((weights - replayed).abs().mean()),
    }


def main(argv: list[str] | None = None) -> int:
    """Measure every variant and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--variants", nargs="+")
    options = parser.parse_args(argv)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    both = list(attention.CUDA_BACKENDS)
    variants: dict[str, Callable[[], dict[str, Any]]] = {
        "blocks compiled": lambda: measure(device, options.batch, compiled="blocks", backends=both),
        "all compiled": lambda: measure(device, options.batch, compiled="all", backends=both),
        "all compiled, flash": lambda: measure(device, options.batch, compiled="all", backends=FLASH),
        "all compiled, efficient": lambda: measure(device, options.batch, compiled="all", backends=EFFICIENT),
        "all compiled, half the batch": lambda: measure(device, options.batch // 2, compiled="all", backends=both),
        "eager": lambda: measure(device, options.batch, compiled="no", backends=both),
        "eager, recorded": lambda: measure(device, options.batch, compiled="no", backends=both, recorded=True),
        "blocks compiled, recorded": lambda: measure(
            device, options.batch, compiled="blocks", backends=both, recorded=True
        ),
        "recorded as eager": lambda: agreement(device, options.batch),
    }
    results: dict[str, Any] = {"torch": torch.__version__, "batch": options.batch}
    if device.type == "cuda":
        results |= {"device": torch.cuda.get_device_name(), "matmul_tflops": matmul_rate(device) / 1e12}
    for name in options.variants or variants:
        try:
            results[name] = variants[name]()
        except Exception as error:  # noqa: BLE001 - the other variants are wanted all the same
            results[name] = {"failed": f"{type(error).__name__}: {error}"[:1500]}
        print(name, json.dumps(results[name]), flush=True)
        if options.output:
            options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
