"""How well a checkpoint explains real photographs: its posed shapes against the targets' masks."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from engine.contracts.generation import GenerateRequest, Modality
from engine.contracts.targets import TargetInput
from engine.storage.blobs import BlobStore
from model_workers.generators.protocol import GenerationContext
from model_workers.inputs import decode_context
from training_loop.api import load_generator, sample_candidates
from training_loop.models.generator import GeometryModel
from training_loop.pose_codec import assumed_intrinsics
from training_loop.rendering import render
from training_loop.surface import EmptySurface


def mean_silhouette_iou(
    checkpoint: Path,
    targets: Sequence[TargetInput],
    *,
    seed: int,
    store: BlobStore,
    device: str,
    on_target: Callable[[int], None] = lambda done: None,
) -> float:
    """Sample a shape with its layout for each target and compare silhouette and mask; no surface counts 0.

    `on_target` is called with the number of targets measured so far.
    """
    model = load_generator(checkpoint, device=device)
    scores = []
    for target in targets:
        request = GenerateRequest("", 1, "sam3d", Modality.SHAPE, target, seeds=(seed,), deadline_seconds=0.0)
        scores.append(_silhouette_iou(model, decode_context(request, store=store, cache=checkpoint.parent)))
        on_target(len(scores))
    return float(np.mean(scores))


def _silhouette_iou(model: GeometryModel, context: GenerationContext) -> float:
    try:
        (sample,) = sample_candidates(
            model=model,
            image=context.image,
            mask=context.mask,
            point_map=context.point_map,
            intrinsics=context.intrinsics,
            seeds=context.seeds,
        )
    except EmptySurface:
        return 0.0
    if sample.layout is None:
        return 0.0
    camera = context.intrinsics or assumed_intrinsics(*context.mask.shape)
    seen = render(sample.mesh, sample.layout, camera).mask
    return float((seen & context.mask).sum() / max(1, (seen | context.mask).sum()))
