"""Does a stage keep what the model could before? The same held-out library shapes, sampled before and after it.

Narrow fine-tuning loses generality; what is measured here lands in the run's metrics, where a gate can read it.
"""

from dataclasses import replace

import torch
from torch import Tensor

from training_loop.examples import Examples
from training_loop.library_examples import LibraryConfig, draw_examples
from training_loop.models.config import SHAPE
from training_loop.models.generator import GeometryModel
from training_loop.recipes import RegressionConfig
from training_loop.sampling import default_sampler, sample_latents

TARGETS_AT_ONCE = 16


def heldout_shapes(model: GeometryModel, config: RegressionConfig, *, image_px: int) -> Examples:
    """Isolated shapes of the library that no stage trains on, the same in every run."""
    library = LibraryConfig(image_px=image_px, split="heldout", point_map_share=1.0)
    return draw_examples(library, model.config.conditioning, seed=0, start=0, count=config.count)


@torch.no_grad()
def sampled_logits(model: GeometryModel, examples: Examples, seed: int) -> Tensor:
    """Occupancy logits (N, R, R, R) of one candidate for every example, all from the same noise."""
    chunks = []
    for indices in torch.split(torch.arange(len(examples)), TARGETS_AT_ONCE):
        views = examples.gather(indices).views().to(model.device)
        x_1 = sample_latents(model, views, [seed], default_sampler(model), layout=False)
        chunks.append(model.vae.decode(x_1[SHAPE]))
    return torch.cat(chunks)


def mean_solid_iou(logits: Tensor, occupancy: Tensor, level: float = 0.0) -> float:
    """Mean IoU of (N, R, R, R) solid grids where logits exceed `level`."""
    full = logits > level
    return float(((full & occupancy).sum((1, 2, 3)) / (full | occupancy).sum((1, 2, 3)).clamp(min=1)).mean())


def heldout_solid_iou(model: GeometryModel, examples: Examples) -> float:
    """Mean solid IoU of one candidate for every held-out example."""
    training = model.training
    model.eval()
    iou = mean_solid_iou(sampled_logits(model, examples, seed=0), examples.occupancy().to(model.device))
    model.train(training)
    return iou


def regression_metrics(before: float, after: float, config: RegressionConfig) -> dict[str, float]:
    """What to record: `regression_passed` is 1.0 where the fall is within the tolerance."""
    fall = before - after
    return {
        "regression_before": before,
        "regression_after": after,
        "regression_fall": fall,
        "regression_passed": float(fall <= config.tolerance),
    }


def calibrated_surface(model: GeometryModel, library: LibraryConfig, *, count: int, seed: int) -> float:
    """The logit above which cells are full that gives fresh library shapes the best mean IoU."""
    fresh = draw_examples(
        replace(library, scene="isolated"), model.config.conditioning, seed=seed, start=library.count, count=count
    )
    model.eval()
    logits, truth = sampled_logits(model, fresh, seed), fresh.occupancy().to(model.device)
    levels: list[float] = torch.linspace(-4.0, 1.0, 21).tolist()
    return max(levels, key=lambda level: mean_solid_iou(logits, truth, level))
