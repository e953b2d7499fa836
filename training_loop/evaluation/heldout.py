"""Evaluate a model on held-out instances of the shape library, where everything is known."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch

from training_loop.evaluation.results import failure
from training_loop.evaluation.shape_metrics import ShapeMetrics, compare_meshes, occupancy_iou
from training_loop.examples import prepare_target, stack_views
from training_loop.models.config import SHAPE
from training_loop.models.generator import GeometryModel
from training_loop.sampling import SamplerConfig, sample_latents
from training_loop.surface import EmptySurface, mesh_from_logits
from training_loop.synthetic import SyntheticExample, synthetic_examples

logger = logging.getLogger(__name__)

# Coarser than in D.3: between checkpoints many examples say more than many points on each.
EMD_CELLS = 512


@dataclass(frozen=True)
class HeldoutResult:
    """One held-out target: the example, the predicted logits (R, R, R) and its metrics."""

    example: SyntheticExample
    logits: np.ndarray
    metrics: dict[str, float]


def evaluate_heldout(
    model: GeometryModel, *, count: int, seed: int, sampler: SamplerConfig, image_px: int = 96, points: int = 20_000
) -> Iterator[HeldoutResult]:
    """Sample one candidate for each of `count` held-out examples (candidate seed = example index) and measure it.

    `solid_iou` compares solid grids in the canonical frame; the other metrics follow D.3.1 without ICP. An empty
    prediction counts as zero overlap and the distance of a diagonal.
    """
    for index, example in enumerate(synthetic_examples(seed=seed, count=count, image_px=image_px, split="heldout")):
        target = prepare_target(
            image=example.image,
            mask=example.mask,
            point_map=example.point_map,
            intrinsics=example.intrinsics,
            pose=None,
            config=model.config.conditioning,
        )
        views = stack_views([target.views], model.config.conditioning).to(model.device)
        x_1 = sample_latents(model, views, [seed + index], sampler, layout=False)
        with torch.no_grad():
            logits = model.vae.decode(x_1[SHAPE])[0].cpu().numpy()
        metrics = {"solid_iou": occupancy_iou(logits > 0, example.occupancy)}
        try:
            measured = compare_meshes(
                mesh_from_logits(logits),
                example.mesh,
                points=points,
                seed=seed + index,
                emd_cells=EMD_CELLS,
                registered=False,
            )
            metrics |= vars(measured)
        except EmptySurface:
            logger.warning("the prediction for held-out example %d is empty", index)
            metrics |= failure(str(index), [field.name for field in fields(ShapeMetrics)]).metrics
        yield HeldoutResult(example, logits, metrics)
