"""Speed and memory of the geometry model: sampling, SFT and DPO steps at full size on a GPU; `mini` on the CPU.

`python -m benchmarks.geometry_model [part …] [--output FILE]` needs torch alone; without parts it measures what the
machine can. Weights are random, and none is zero: arithmetic on zeros is faster than on data. `training_loop.flops`
counts the operations; utilisation is against the rate of a bf16 matrix product measured by the same run.
"""

import argparse
import copy
import gc
import json
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training_loop import flops
from training_loop.models.conditioning import ViewBatch
from training_loop.models.config import ROTATION, SCALE, SHAPE, TRANSLATION, ConditioningConfig, full, mini
from training_loop.models.generator import GeometryModel
from training_loop.models.geometry_flow import Latents
from training_loop.objectives import dpo_loss, flow_matching_loss
from training_loop.precision import autocast
from training_loop.sampling import SamplerConfig, sample_latents

TERA = 1e12
CANDIDATES = 8
STEPS = 25
# Candidates and rescale_t: 1 guides the first half of the steps, the released 3 the first 19.
SAMPLING_CASES = {"eight": (CANDIDATES, 1.0), "eight_released_times": (CANDIDATES, 3.0), "one": (1, 1.0)}
WEIGHTS = {SHAPE: 1.0, ROTATION: 0.1, TRANSLATION: 1.0, SCALE: 0.1}


def random_views(config: ConditioningConfig, targets: int, device: torch.device) -> ViewBatch:
    """Noise for pictures and points of T targets."""
    px, points_px = config.image_px, config.point_map_px
    points = torch.randn(2, targets, 4, points_px, points_px, device=device)
    points[:, :, 3] = 1.0
    pictures = torch.randint(0, 256, (2, targets, 4, px, px), dtype=torch.uint8, device=device)
    known = torch.ones(targets, dtype=torch.bool, device=device)
    return ViewBatch(crop=pictures[0], full=pictures[1], point_crop=points[0], point_full=points[1], has_points=known)


def random_model(model: GeometryModel) -> GeometryModel:
    """Fill layers that start at zero."""
    with torch.no_grad():
        for weight in model.parameters():
            if not weight.any():
                weight.normal_(std=0.02)
    return model


def random_latents(model: GeometryModel, batch: int) -> Latents:
    """Noise of every modality."""
    return {name: torch.randn(batch, *shape, device=model.device) for name, shape in model.latent_shapes().items()}


def timed(function: Callable[[], object], device: torch.device, *, warmup: int, repetitions: int) -> dict[str, float]:
    """Median and spread of the seconds of `function`, the device's queue being empty before and after."""
    seconds = []
    for repetition in range(-warmup, repetitions):
        synchronise(device)
        started = time.perf_counter()
        function()
        synchronise(device)
        if repetition >= 0:
            seconds.append(time.perf_counter() - started)
    return {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)}


def synchronise(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matmul_rate(device: torch.device, size: int = 8192) -> float:
    """Measured bf16 operations per second of one large matrix product on random data."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))

    def ten() -> None:
        for _ in range(10):
            torch.mm(a, b)

    return 10 * 2 * size**3 / timed(ten, device, warmup=1, repetitions=5)["median"]


def relative_error(found: Tensor, reference: Tensor) -> float:
    """‖found - reference‖ / ‖reference‖."""
    found, reference = found.detach().double(), reference.detach().double()
    return float((found - reference).norm() / reference.norm())


def agreement(model: GeometryModel) -> dict[str, Any]:
    """What the fast way gives against float32 without compiling, and a seed's candidate alone against one in company.

    bf16 rounds at 4e-3; the velocity and the gradients of the loss may differ by a few times that.
    """
    model.conditioner.requires_grad_(False)
    views, x_1 = random_views(model.config.conditioning, 1, model.device), random_latents(model, 1)
    x_0, t = random_latents(model, 1), torch.tensor([0.4], device=model.device)
    weights = [weight for weight in model.flow.parameters() if weight.requires_grad]
    velocities, gradients = [], []
    for precision, stance in (("fp32", "force_eager"), ("bf16", "default")):
        with torch.compiler.set_stance(stance), autocast(model.device, precision):
            tokens = model.conditioner(views)
            condition = model.flow.condition(tokens, views.crop)
            fields: list[Latents] = []

            def field(x: Latents, t: Tensor, d: Tensor | None, condition: Any = condition, to: Any = fields) -> Latents:
                to.append(model.velocity(x, t, condition, d))
                return to[-1]  # type: ignore[no-any-return]

            loss = flow_matching_loss(field, x_0, x_1, t, WEIGHTS, {}).total
            found = torch.autograd.grad(loss, weights, allow_unused=True)
        velocities.append({name: value.detach() for name, value in fields[0].items()})
        gradients.append(torch.cat([g.flatten() for g in found if g is not None]))
    config, alone = SamplerConfig(steps=STEPS, rescale_t=1.0, strength=1.0), 3
    company = sample_latents(model, views, list(range(CANDIDATES)), config)
    single = sample_latents(model, views, [alone], config)
    return {
        "velocity_relative_error": {n: relative_error(velocities[1][n], velocities[0][n]) for n in velocities[0]},
        "gradient_relative_error": relative_error(gradients[1], gradients[0]),
        "gradient_cosine": torch.cosine_similarity(gradients[0].double(), gradients[1].double(), dim=0).item(),
        "candidate_alone_relative_error": {n: relative_error(single[n][0], company[n][alone]) for n in single},
    }


def sampling(model: GeometryModel, rate: float, cases: tuple[str, ...] = tuple(SAMPLING_CASES)) -> dict[str, Any]:
    """Seconds a candidate of one target, everything from pictures to latents counted; then decoding."""
    model.halve_linear_weights()  # as workers do on a GPU
    views = random_views(model.config.conditioning, 1, model.device)
    results = {}
    for name in cases:
        candidates, rescale_t = SAMPLING_CASES[name]
        config = SamplerConfig(steps=STEPS, rescale_t=rescale_t)
        seeds = list(range(candidates))
        torch.cuda.reset_peak_memory_stats()
        seconds = timed(partial(sample_latents, model, views, seeds, config), model.device, warmup=1, repetitions=3)
        operations = flops.sampling_flops(
            model.config, candidates=candidates, steps=STEPS, guided_steps=config.guided_steps
        )
        results[name] = {
            "candidates": candidates,
            "steps": STEPS,
            "guided_steps": config.guided_steps,
            "seconds": seconds,
            "seconds_per_candidate": seconds["median"] / candidates,
            "tflops_per_second": operations / seconds["median"] / TERA,
            "model_flops_utilisation": operations / seconds["median"] / rate,
            "peak_memory_gib": peak_memory_gib(),
        }
        print(name, results[name], file=sys.stderr, flush=True)
    latents = torch.randn(CANDIDATES, *model.config.vae.latent_shape, device=model.device)

    def decode() -> Tensor:
        with torch.no_grad(), autocast(model.device, "bf16"):
            return model.vae.decode(latents)

    results["decode_eight"] = {"seconds": timed(decode, model.device, warmup=1, repetitions=3)}
    return results


def peak_memory_gib() -> float:
    """Most memory that tensors took since the last reset."""
    return torch.cuda.max_memory_allocated() / 2**30


class Updates:
    """What follows the gradients: clipping, AdamW without decay, and the moving average of the weights."""

    def __init__(self, weights: list[nn.Parameter]) -> None:
        self.weights = weights
        self.average = [weight.detach().clone() for weight in weights]
        self.optimiser = torch.optim.AdamW(weights, lr=1e-5, betas=(0.9, 0.95), weight_decay=0.0, fused=True)

    def step(self, loss: Tensor) -> None:
        """Back-propagate and update."""
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        torch._foreach_lerp_(self.average, [weight.detach() for weight in self.weights], 1e-3)


def sft_step(model: GeometryModel, updates: Updates, views: ViewBatch, x_1: Latents) -> None:
    """Flow matching on every modality, the encoder frozen, a tenth of the conditions dropped."""
    batch = len(x_1[SHAPE])
    with autocast(model.device, "bf16"):
        with torch.no_grad():
            tokens = model.conditioner(views)
        condition = model.flow.condition(tokens, views.crop, torch.rand(batch, device=model.device) > 0.1)
        x_0 = {name: torch.randn_like(value) for name, value in x_1.items()}
        t = torch.rand(batch, device=model.device)
        result = flow_matching_loss(lambda x, t, d: model.velocity(x, t, condition, d), x_0, x_1, t, WEIGHTS, {})
    updates.step(result.total)


def dpo_step(
    model: GeometryModel, reference: nn.Module, updates: Updates, views: ViewBatch, pair: list[Tensor]
) -> None:
    """Preferences over shapes against the frozen reference; winner and loser share their target's condition."""
    with autocast(model.device, "bf16"):
        with torch.no_grad():
            tokens = model.conditioner(views)
            of_reference = reference.condition(tokens, views.crop, layout=False)  # type: ignore[operator]
        condition = model.flow.condition(tokens, views.crop, layout=False)
        x_0, t = torch.randn_like(pair[0]), torch.rand(len(pair[0]), device=model.device)
        result = dpo_loss(
            lambda x, t, d: model.velocity(x, t, condition, d),
            lambda x, t, d: reference(x, t, of_reference, d),
            x_0,
            pair[0],
            pair[1],
            t,
            beta=2000.0,
        )
    updates.step(result.total)


def training(model: GeometryModel, rate: float, kind: str, batch_sizes: list[int]) -> dict[str, Any]:
    """Seconds, utilisation and memory of whole steps, for each batch size that fits (pairs for `dpo`)."""
    model.conditioner.requires_grad_(False)
    model.vae.requires_grad_(False)
    reference: nn.Module = nn.Identity()
    if kind == "dpo":
        reference = copy.deepcopy(model.flow).requires_grad_(False)
        reference.compile_blocks()
    updates = Updates([weight for weight in model.parameters() if weight.requires_grad])
    results: dict[str, Any] = {}
    for batch in batch_sizes:
        views, x_1 = random_views(model.config.conditioning, batch, model.device), random_latents(model, batch)
        pair = [torch.randn_like(x_1[SHAPE]) for _ in range(2)]
        torch.cuda.reset_peak_memory_stats()
        if kind != "dpo":
            operations = flops.sft_step_flops(model.config, batch=batch)
            step = partial(sft_step, model, updates, views, x_1)
        else:
            operations = flops.dpo_step_flops(model.config, pairs=batch)
            step = partial(dpo_step, model, reference, updates, views, pair)
        try:
            seconds = timed(step, model.device, warmup=2, repetitions=4)
        except torch.OutOfMemoryError:
            results[str(batch)] = "out of memory"
            updates.optimiser.zero_grad(set_to_none=True)
            gc.collect()
            torch.cuda.empty_cache()
            continue
        results[str(batch)] = {
            "seconds": seconds,
            "seconds_per_example": seconds["median"] / batch,
            "tflops_per_second": operations / seconds["median"] / TERA,
            "model_flops_utilisation": operations / seconds["median"] / rate,
            "peak_memory_gib": peak_memory_gib(),
        }
        print(kind, batch, results[str(batch)], file=sys.stderr, flush=True)
    measured = {size: value for size, value in results.items() if isinstance(value, dict)}
    best = max(measured, key=lambda size: measured[size]["model_flops_utilisation"], default=None)
    return {"best_batch": best, "by_batch": results}


def mini_sampling() -> dict[str, Any]:
    """Eight candidates of one target in four shortcut steps on the CPU, meshes not counted."""
    torch.manual_seed(0)
    model = random_model(GeometryModel(mini())).eval()
    views = random_views(model.config.conditioning, 1, model.device)
    config = SamplerConfig(steps=4, shortcut=True)

    def sample() -> None:
        latents = sample_latents(model, views, list(range(CANDIDATES)), config)
        with torch.no_grad():
            model.vae.decode(latents[SHAPE])

    return {
        "candidates": CANDIDATES,
        "shortcut_steps": 4,
        "threads": torch.get_num_threads(),
        "seconds": timed(sample, model.device, warmup=1, repetitions=5),
    }


def full_model(device: torch.device) -> GeometryModel:
    """The full preset with random weights and compiled blocks."""
    torch.manual_seed(0)
    with device:
        model = random_model(GeometryModel(full()))
    model.compile_blocks()
    return model


# Batch sizes, pairs for `dpo`. Checkpointed: the blocks' activations are computed again for the gradients.
TRAINING_CASES = {"sft": [6, 12, 15], "sft_checkpointed": [12], "dpo": [3, 6, 9]}
PARTS = ("mini_cpu", "agreement", "sampling", *TRAINING_CASES)


def measure(
    parts: tuple[str, ...] = PARTS, output: Path | None = None, batch_sizes: list[int] | None = None
) -> dict[str, Any]:
    """Measure parts; those that need a GPU are left out where there is none. `output` is written after every part.

    `batch_sizes` takes the place of `TRAINING_CASES`.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    results: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks.geometry_model", *sys.argv[1:]]),
    }
    rate = 0.0
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        rate = matmul_rate(device)
        results["bf16_matmul_tflops_per_second"] = rate / TERA
    for part in parts:
        started = time.perf_counter()
        if part == "mini_cpu":
            results[part] = mini_sampling()
        elif device.type == "cuda":
            model = full_model(device)
            if part == "agreement":
                results[part] = agreement(model.eval())
            elif part == "sampling":
                results[part] = sampling(model.eval(), rate)
            else:
                model.flow.checkpoint_activations = part == "sft_checkpointed"
                results[part] = training(model, rate, part, batch_sizes or TRAINING_CASES[part])
            del model
            gc.collect()
            torch.cuda.empty_cache()
        else:
            results[part] = "needs a GPU"
        print(f"{part}: {time.perf_counter() - started:.0f} s in all", file=sys.stderr, flush=True)
        if output is not None:
            output.write_text(json.dumps(results, indent=2) + "\n")
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=PARTS, default=PARTS, help="what to measure (default: everything)")
    parser.add_argument("--output", type=Path, help="also write the JSON here, after every part")
    parser.add_argument("--batch-sizes", type=int, nargs="+", help="of training steps (default: several)")
    arguments = parser.parse_args()
    print(json.dumps(measure(tuple(arguments.parts), arguments.output, arguments.batch_sizes), indent=2))


if __name__ == "__main__":
    main()
