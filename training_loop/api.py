"""What workers and command lines call. Exact signatures:

    run_training(*, stage, recipe, overrides=None, parent_checkpoint=None, shards=(), replay_shards=(), examples=None,
                 output_dir, seed, on_progress=None, device="cpu")
                 -> TrainingResult(checkpoint: Path, metrics: dict[str, float], log: Path)
    load_generator(path, *, device="cpu") -> GeometryModel                      cache it; it is not changed by sampling
    sample_candidates(*, model, image, mask, point_map=None, intrinsics=None, seeds, steps=None, cfg=None,
                      shortcut=False) -> list[Sample(seed, mesh, latent, layout)]
    implicit_rewards(*, policy, reference, image, mask, point_map=None, intrinsics=None, latents, draws=8,
                     time=None, seed=0) -> (N,) float32                         which candidates people would prefer
    evaluate_checkpoint(*, checkpoint, heldout_count, seed, device="cpu", sampler=None) -> dict[str, Estimate]

`stage` is a TrainingStage or its value; `recipe` a name of `training_loop.recipes.RECIPES`; `overrides` dotted field
paths. Calling run_training again with the same arguments and output_dir continues where it stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, transform_points
from training_loop.checkpoints import load_model
from training_loop.colouring import paint_from_photograph
from training_loop.evaluation.bootstrap import Estimate, bootstrap_mean
from training_loop.evaluation.heldout import evaluate_heldout
from training_loop.examples import prepare_target, stack_views
from training_loop.layout_refinement import Refinement, refine_layout
from training_loop.models.config import ROTATION, SCALE, SHAPE, TRANSLATION
from training_loop.models.generator import GeometryModel
from training_loop.pose_codec import LayoutTarget, PoseCodecError, PoseFrame, assumed_intrinsics, decode_pose
from training_loop.reward import implicit_rewards
from training_loop.runs import TrainingResult, run_training
from training_loop.sampling import default_sampler, sample_latents
from training_loop.surface import EmptySurface, mesh_from_logits, without_cavities, without_crumbs

__all__ = [
    "Sample",
    "TrainingResult",
    "evaluate_checkpoint",
    "implicit_rewards",
    "load_generator",
    "run_training",
    "sample_candidates",
]

# Parts with less of a candidate's volume than this are noise, not the object.
CRUMB_SHARE = 0.02


@dataclass(frozen=True)
class Sample:
    """One candidate: a watertight coloured mesh (object frame), its latent x₁ (cells, channels) and its layout.

    The layout is in the point map's unit; without a point map it is true up to one factor (the centre has z ≈ 1).
    """

    seed: int
    mesh: trimesh.Trimesh
    latent: NDArray[np.float32]
    layout: Pose | None
    refinement: Refinement | None = None


def load_generator(path: Path, *, device: str = "cpu") -> GeometryModel:
    """Load a checkpoint for sampling; cache the result.

    Raises:
        CheckpointError: the file is no checkpoint or does not fit its own configuration.
    """
    return load_model(path, device=device)


def sample_candidates(
    *,
    model: GeometryModel,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    point_map: NDArray[np.float32] | None = None,
    intrinsics: Intrinsics | None = None,
    seeds: Sequence[int],
    steps: int | None = None,
    cfg: float | None = None,
    shortcut: bool = False,
    refine_layouts: bool = False,
) -> list[Sample]:
    """Sample one candidate a seed for the target (I, M), all in one batch with its conditioning encoded once.

    Args:
        image: (H, W, 3) uint8. mask: (H, W) bool. point_map: (H, W, 3) float32, OpenCV camera, NaN unknown.
        steps: Euler steps; None is the preset's default. cfg: guidance strength s; None is the preset's default.
        shortcut: few-step mode of a distilled checkpoint; no guidance.
        refine_layouts: refine each layout on the mask, and on the point map's depth (paper E.3).

    Raises:
        ViewError: image, mask and point map do not fit together, or the mask is empty.
        EmptySurface: no candidate has any surface.
    """
    target = prepare_target(
        image=image,
        mask=mask,
        point_map=point_map,
        intrinsics=intrinsics,
        pose=None,
        config=model.config.conditioning,
    )
    sampler = default_sampler(model)
    sampler = replace(
        sampler,
        steps=sampler.steps if steps is None else steps,
        strength=sampler.strength if cfg is None else cfg,
        shortcut=shortcut,
    )
    views = stack_views([target.views], model.config.conditioning).to(model.device)
    x_1 = sample_latents(model, views, seeds, sampler)
    with torch.no_grad():
        logits = model.vae.decode(x_1[SHAPE]).cpu().numpy()
    layouts = {name: value.cpu().numpy() for name, value in model.denormalise_layout(x_1).items()}
    samples = []
    for index, seed in enumerate(seeds):
        try:
            mesh = mesh_from_logits(without_cavities(without_crumbs(logits[index], CRUMB_SHARE)))
        except EmptySurface:
            continue
        mesh, layout = fit_to_unit_cube(mesh, _layout(layouts, index, target.frame))
        camera, refinement = intrinsics or assumed_intrinsics(*mask.shape), None
        if refine_layouts and layout is not None:
            refinement = refine_layout(
                vertices_object=mesh.vertices,
                faces=mesh.faces,
                pose=layout,
                mask=mask,
                intrinsics=camera,
                depth=None if point_map is None else point_map[..., 2],
            )
            layout = refinement.pose
        paint_from_photograph(mesh, image, mask, layout, camera)
        latent = x_1[SHAPE][index].cpu().numpy()
        samples.append(Sample(seed=seed, mesh=mesh, latent=latent, layout=layout, refinement=refinement))
    if not samples:
        raise EmptySurface("every candidate came out empty; use a better trained checkpoint, or other seeds")
    return samples


def fit_to_unit_cube(mesh: trimesh.Trimesh, layout: Pose | None) -> tuple[trimesh.Trimesh, Pose | None]:
    """Centre the mesh and scale its longest side to 1, as candidates are stored; the layout takes up the difference."""
    low, high = mesh.bounds
    centre, extent = (low + high) / 2, float((high - low).max())
    fitted = trimesh.Trimesh((np.asarray(mesh.vertices) - centre) / extent, mesh.faces, process=False)
    if layout is None:
        return fitted, None
    x, y, z = (float(value) for value in transform_points(layout, centre[None])[0])
    a, b, c = (extent * value for value in layout.scale)
    return fitted, Pose(rotation_wxyz=layout.rotation_wxyz, translation=(x, y, z), scale=(a, b, c))


def _layout(x_1: Mapping[str, NDArray[np.float32]], index: int, frame: PoseFrame) -> Pose | None:
    target = LayoutTarget(
        rotation_6d=x_1[ROTATION][index, 0].astype(np.float64),
        translation=x_1[TRANSLATION][index, 0].astype(np.float64),
        log_scale=np.clip(x_1[SCALE][index, 0].astype(np.float64), -12, 12),
    )
    try:
        return decode_pose(target, frame, isotropic=True)
    except (PoseCodecError, ValueError):
        return None


def evaluate_checkpoint(
    *,
    checkpoint: Path,
    heldout_count: int,
    seed: int,
    device: str = "cpu",
    sampler: Mapping[str, Any] | None = None,
    on_example: Callable[[int], None] = lambda done: None,
) -> dict[str, Estimate]:
    """Mean metrics on held-out library shapes, with intervals: `solid_iou` and those of `ShapeMetrics`.

    `sampler` changes fields of the preset's. `on_example` is called with the number of examples measured so far.
    """
    model = load_model(checkpoint, device=device)
    sampling = replace(default_sampler(model), **(sampler or {}))
    rows = []
    for result in evaluate_heldout(model, count=heldout_count, seed=seed, sampler=sampling):
        rows.append(result.metrics)
        on_example(len(rows))
    return {name: bootstrap_mean([row[name] for row in rows], seed=seed) for name in rows[0]}
