"""Training on several GPUs: SFT steps by DDP and FSDP2 over NCCL, blocks compiled or not, by the trainer itself.

    torchrun --standalone --nproc-per-node 1 -m benchmarks.parallel_training --output one.json
    torchrun --standalone --nproc-per-node 2 -m benchmarks.parallel_training --output two.json
    python -m benchmarks.parallel_training --compare one.json two.json

The global batch, its data and its noise are the same however many processes share it: so the losses must be, too, and
seconds a step tell what another GPU is worth. Weights are random, rows are noise. On CPUs it runs over gloo, with a
small `--preset`, to see that it works. It needs what `requirements/training.in` names.
"""

import argparse
import gc
import json
import platform
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from benchmarks.geometry_model import TERA, matmul_rate, random_model, random_views
from training_loop import flops
from training_loop.examples import Examples
from training_loop.models.config import PRESETS, ModelConfig
from training_loop.models.generator import GeometryModel
from training_loop.parallel import Parallel, join, unsharded
from training_loop.progress import ProgressLog
from training_loop.recipes import find_recipe
from training_loop.stages import FlowStage, Part
from training_loop.trainer import Trainer

ROWS = 24


@dataclass(frozen=True)
class Case:
    """How the processes share the work, and whether the blocks are compiled (on a GPU)."""

    strategy: str
    compiled: bool


# The first is what the `full_*` recipes do.
CASES = {"fsdp_compiled": Case("fsdp", True), "ddp_compiled": Case("ddp", True), "fsdp": Case("fsdp", False)}


def random_rows(config: ModelConfig, device: torch.device) -> Examples:
    """Noise of every kind, the same in all processes."""
    torch.manual_seed(1)
    views = random_views(config.conditioning, ROWS, device)
    everywhere = torch.ones(ROWS, dtype=torch.bool, device=device)
    return Examples(
        **vars(views),
        occupancy_bits=torch.zeros(ROWS, 1, dtype=torch.uint8, device=device),
        rotation_6d=torch.randn(ROWS, 6, device=device),
        translation=torch.randn(ROWS, 3, device=device),
        log_scale=torch.randn(ROWS, 3, device=device),
        has_rotation=everywhere,
        has_placement=everywhere,
        category=torch.full((ROWS,), -1, device=device),
        shape_latents=torch.randn(ROWS, *config.vae.latent_shape, device=device),
    )


def train(case: Case, parallel: Parallel, device: torch.device, settings: argparse.Namespace) -> dict[str, Any]:
    """Steps of one case: the first ones, which compile, then as many that are timed; then the whole weights."""
    parallel = replace(parallel, strategy=case.strategy)
    torch.manual_seed(0)
    with device:
        model = random_model(GeometryModel(PRESETS[settings.preset]()))
    model.vae.requires_grad_(False)
    if case.compiled and device.type == "cuda":
        model.compile_blocks()
    recipe = replace(find_recipe("full_sft"), batch_size=settings.batch, micro_batch_size=settings.micro_batch)
    stage = FlowStage(model, recipe, 0, [Part(random_rows(model.config, device), settings.batch)])
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "progress.jsonl"
        trainer = Trainer(
            stage,
            optimiser=replace(recipe.optimiser, warmup_steps=1),
            steps=2 * settings.steps,
            log=ProgressLog(path if parallel.is_first else None, None, total_steps=2 * settings.steps),
            micro_batch_size=settings.micro_batch,
            # The host looks once after the first half and once at the end.
            flush_every_steps=settings.steps,
            parallel=parallel,
        )
        trainer.fit()
        lines = [json.loads(line) for line in path.read_text().splitlines()] if parallel.is_first else []
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
    started = time.perf_counter()
    whole = unsharded(model)
    norm = float(torch.stack(torch._foreach_norm([w.detach().float() for w in whole.flow.parameters()])).norm())
    result = {
        "peak_memory_gib": parallel.gather(peak),
        "whole_weights": {"seconds": time.perf_counter() - started, "norm": norm},
    }
    if lines:
        result |= {
            "first_steps_seconds": lines[0]["seconds"],
            "seconds_per_step": lines[-1]["seconds"],
            "losses": [line["loss"] for line in lines],
            "gradient_norms": [line["gradient_norm"] for line in lines],
        }
    del trainer, stage, model, whole
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return result


def measure_in_parallel(settings: argparse.Namespace) -> dict[str, Any]:
    """All cases, in every process; the first one's answer is complete."""
    parallel, name = join("cuda" if torch.cuda.is_available() else "cpu", "fsdp")
    device = torch.device(name)
    results: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else platform.machine(),
        "torch": torch.__version__,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processes": parallel.world_size,
        "preset": settings.preset,
        "global_batch": settings.batch,
        "micro_batch": settings.micro_batch,
        "steps": settings.steps,
        "cases": {},
    }
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        results["bf16_matmul_tflops_per_second"] = matmul_rate(device) / TERA
    # One process shares nothing: compiled or not is all there is to try.
    for name in settings.cases or (CASES if parallel.world_size > 1 else ["fsdp_compiled", "fsdp"]):
        found = train(CASES[name], parallel, device, settings)
        if settings.preset == "full" and "seconds_per_step" in found:
            operations = flops.sft_step_flops(PRESETS["full"](), batch=settings.batch)
            each = operations / found["seconds_per_step"] / parallel.world_size / TERA
            found["tflops_per_second_and_gpu"] = each
            if device.type == "cuda":
                found["model_flops_utilisation"] = each / results["bf16_matmul_tflops_per_second"]
        results["cases"][name] = found
        if parallel.is_first:
            print(name, found, file=sys.stderr, flush=True)
            if settings.output is not None:  # after every case: what was measured is not lost
                settings.output.write_text(json.dumps(results, indent=2) + "\n")
    return results


def compare(one: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """For every case of the second run: speed-up and efficiency against the first run's best, and how losses agree."""
    fastest = min(one["cases"].values(), key=lambda case: case["seconds_per_step"])
    compared = {}
    for name, case in more["cases"].items():
        speedup = fastest["seconds_per_step"] / case["seconds_per_step"]
        pairs = zip(fastest["losses"], case["losses"], strict=True)
        norms = fastest["whole_weights"]["norm"], case["whole_weights"]["norm"]
        compared[name] = {
            "speedup": speedup,
            "efficiency": speedup * one["processes"] / more["processes"],
            "largest_relative_loss_difference": max(abs(a - b) / abs(a) for a, b in pairs),
            "relative_weight_norm_difference": abs(norms[0] - norms[1]) / norms[0],
        }
    return compared


def main() -> None:
    """Measure and print, or compare two measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="full", choices=[*PRESETS], help="of the model (default: full)")
    parser.add_argument("--batch", type=int, default=12, help="global batch (default: 12)")
    parser.add_argument("--micro-batch", type=int, default=6, help="rows at once in a process (default: 6)")
    parser.add_argument("--steps", type=int, default=5, help="steps that are timed, after as many others (default: 5)")
    parser.add_argument("--cases", nargs="+", choices=[*CASES], help="what to try (default: all that make sense)")
    parser.add_argument("--output", type=Path, help="also write the JSON here, after every case")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("ONE", "MORE"), help="compare two such files")
    settings = parser.parse_args()
    if settings.compare:
        print(json.dumps(compare(*(json.loads(path.read_text()) for path in settings.compare)), indent=2))
        return
    results = measure_in_parallel(settings)
    if not dist.is_initialized() or dist.get_rank() == 0:
        print(json.dumps(results, indent=2))
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
