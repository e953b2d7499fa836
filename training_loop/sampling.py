"""From noise to shape and layout: Euler steps of the velocity field, guided or in shortcut mode.

Source: released sampler (guidance interval, rescaled time); paper section C.4 (shortcut mode).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training_loop.models.conditioning import ViewBatch
from training_loop.models.config import LAYOUT_CHANNELS, SHAPE
from training_loop.models.generator import GeometryModel
from training_loop.models.geometry_flow import ConditioningCache, Latents
from training_loop.precision import autocast


class SamplingError(ValueError):
    """Sampling settings that make no sense."""


@dataclass(frozen=True)
class SamplerConfig:
    """`strength` s of guidance (1+s)·cond - s·uncond while τ lies in `guidance_interval`.

    `temperature` < 1 shrinks the noise that sampling starts from: fewer crumbs, less variety.
    In shortcut mode each step is told its size and nothing is guided: guidance is distilled into the weights.
    """

    steps: int = 25
    strength: float = 7.0
    guidance_interval: tuple[float, float] = (0.0, 0.5)
    rescale_t: float = 3.0
    shortcut: bool = False
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SamplingError(f"sampling needs at least one step, got {self.steps}")
        if self.rescale_t <= 0:
            raise SamplingError(f"rescale_t must be positive, got {self.rescale_t}")

    def is_guided(self, t: float) -> bool:
        """Whether the step that starts at τ = t is guided."""
        low, high = self.guidance_interval
        return not self.shortcut and self.strength != 0 and low <= t <= high

    @property
    def guided_steps(self) -> int:
        """How many of the steps are guided."""
        return sum(self.is_guided(t) for t in time_grid(self.steps, self.rescale_t)[:-1].tolist())


def default_sampler(model: GeometryModel) -> SamplerConfig:
    """The preset's sampler: 25 steps and s = 7 as released; fewer, milder and cooler for the small ones."""
    if model.config.preset == "micro":
        return SamplerConfig(steps=12, strength=1.0, temperature=0.8)
    if model.config.preset == "mini":
        return SamplerConfig(steps=12, strength=3.0, temperature=0.7)
    return SamplerConfig()


def time_grid(steps: int, rescale_t: float) -> Tensor:
    """(steps + 1,) times from 0 to 1; rescale_t > 1 makes the steps near the noise shorter."""
    t = torch.linspace(0.0, 1.0, steps + 1, dtype=torch.float64)
    return t / (1 + (rescale_t - 1) * (1 - t))


def seeded_noise(model: GeometryModel, seeds: Sequence[int], *, layout: bool = True) -> Latents:
    """x_0 of each seed, drawn on the CPU from a generator of its own, so that a batch changes nobody's noise."""
    names = [SHAPE, *(LAYOUT_CHANNELS if layout else ())]
    shapes = model.latent_shapes()
    drawn: dict[str, list[Tensor]] = {name: [] for name in names}
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed % 2**63)
        for name in names:
            drawn[name].append(torch.randn(shapes[name], generator=generator))
    return {name: torch.stack(values).to(model.device) for name, values in drawn.items()}


@torch.no_grad()
def sample_latents(
    model: GeometryModel,
    views: ViewBatch,
    seeds: Sequence[int],
    config: SamplerConfig,
    *,
    layout: bool = True,
) -> Latents:
    """Sample len(seeds) candidates for each of T targets; returns x_1, modality → (T · seeds, N, C), targets outermost.

    Conditioning is encoded once per target; its keys and values are shared by seeds and steps.
    """
    with autocast(model.device, "bf16" if model.device.type == "cuda" else "fp32"):
        condition = model.condition(views, layout=layout)
        return euler(model, condition, seeds, config, layout=layout)


def euler(
    model: GeometryModel,
    condition: ConditioningCache,
    seeds: Sequence[int],
    config: SamplerConfig,
    *,
    layout: bool = True,
) -> Latents:
    """The steps of `sample_latents` from a condition that is prepared already."""
    targets = len(condition.known)
    noise = seeded_noise(model, seeds, layout=layout)
    x = {name: config.temperature * value.repeat(targets, 1, 1) for name, value in noise.items()}
    # Equal steps tell the truth about d; a rescaled grid would hand the model step sizes that it never saw.
    grid = time_grid(config.steps, 1.0 if config.shortcut else config.rescale_t)
    batch = x[SHAPE].shape[0]
    for start, end in zip(grid[:-1].tolist(), grid[1:].tolist(), strict=True):
        t = torch.full((batch,), start, device=model.device)
        if config.shortcut:
            v = model.velocity(x, t, condition, torch.full_like(t, end - start))
        else:
            v = model.velocity(x, t, condition)
            if config.is_guided(start):
                unconditional = model.velocity(x, t, None)
                v = {name: (1 + config.strength) * v[name] - config.strength * unconditional[name] for name in v}
        x = {name: x[name] + (end - start) * v[name] for name in x}
    return x
