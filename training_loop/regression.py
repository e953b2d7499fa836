"""Does a stage keep what the model could before? The same held-out targets, sampled before and after it.

Two kinds of earlier data: shapes of the library that no stage trains on, and a few examples of the older snapshots,
which replay leaves out. What is measured lands in the run's metrics, where a gate can read it.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from training_loop.data import SnapshotExamples
from training_loop.examples import Examples
from training_loop.library_examples import LibraryConfig, draw_examples
from training_loop.models.config import SHAPE
from training_loop.models.generator import GeometryModel
from training_loop.recipe import RegressionConfig
from training_loop.samples import SnapshotEntry
from training_loop.sampling import default_sampler, sample_latents

TARGETS_AT_ONCE = 16
HELD_OUT_OF_REPLAY = 20


@dataclass(frozen=True)
class HeldOut:
    """Targets with their solid grids (N, R, R, R)."""

    examples: Examples
    occupancy: Tensor

    def mean_solid_iou(self, model: GeometryModel) -> float:
        """Mean solid IoU of one candidate for every target."""
        training = model.training
        iou = mean_solid_iou(sampled_logits(model.eval(), self.examples, seed=0), self.occupancy.to(model.device))
        model.train(training)
        return iou


def heldout_library(model: GeometryModel, count: int, *, image_px: int) -> HeldOut:
    """Isolated shapes of the library, the same in every run."""
    library = LibraryConfig(image_px=image_px, split="heldout", point_map_share=1.0)
    examples = draw_examples(library, model.config.conditioning, seed=0, start=0, count=count)
    return HeldOut(examples, examples.occupancy())


def heldout_replay(model: GeometryModel, replay: SnapshotExamples, count: int) -> HeldOut:
    """The first examples of older snapshots' held-out entries; their solid grid is what their latent decodes to."""
    examples = replay.gather(torch.arange(min(count, len(replay))))
    with torch.no_grad():
        return HeldOut(examples, model.vae.decode(examples.shape_latents.to(model.device)) > 0)


def split_replay(entries: Sequence[SnapshotEntry]) -> tuple[list[SnapshotEntry], list[SnapshotEntry]]:
    """Entries to replay and entries to hold out: about one in twenty, always the same ones."""
    held = [zlib.crc32(entry.parts.key.encode()) % HELD_OUT_OF_REPLAY == 0 for entry in entries]
    return (
        [entry for entry, out in zip(entries, held, strict=True) if not out],
        [entry for entry, out in zip(entries, held, strict=True) if out],
    )


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


def regression_metrics(
    before: Mapping[str, float], after: Mapping[str, float], config: RegressionConfig
) -> dict[str, float]:
    """What to record of the held-out sets: figures of each, the largest fall, and whether all are within the tolerance.

    `regression_passed` is 1.0 or 0.0.
    """
    metrics = {f"regression_{name}_before": value for name, value in before.items()}
    metrics |= {f"regression_{name}_after": value for name, value in after.items()}
    fall = max(before[name] - after[name] for name in before)
    return metrics | {"regression_fall": fall, "regression_passed": float(fall <= config.tolerance)}


def calibrated_surface(model: GeometryModel, library: LibraryConfig, *, count: int, seed: int) -> float:
    """The logit above which cells are full that gives fresh library shapes the best mean IoU."""
    fresh = draw_examples(
        replace(library, scene="isolated"), model.config.conditioning, seed=seed, start=library.count, count=count
    )
    model.eval()
    logits, truth = sampled_logits(model, fresh, seed), fresh.occupancy().to(model.device)
    levels: list[float] = torch.linspace(-4.0, 1.0, 21).tolist()
    return max(levels, key=lambda level: mean_solid_iou(logits, truth, level))
