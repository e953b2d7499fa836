"""Inflates the silhouette to a closed surface and paints it from the photograph.

It knows nothing of the object, so it keeps to what the picture shows: from the camera's side shape and colours fit, the
far side is the mirror image of the near one. Source: paper A.2, image-to-3D generation.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage

from engine.contracts.poses import Pose
from model_workers.generators.inflation import (
    Outline,
    Profile,
    completed,
    height_field,
    inflate,
    outline_of,
    symmetry_axis,
)
from model_workers.generators.projection import (
    Completion,
    completed_colors,
    cut_finer,
    painted,
    project_photograph,
    without_light,
)
from model_workers.generators.protocol import GenerationContext, GeneratorError, PosedShape, Proposal

SMALLEST_MASK_PX = 16
SYMMETRIC_IOU = 0.88
# Below it, the mirror image of what is seen is no part of the object.
COMPLETABLE_IOU = 0.6
# Object frame (x right, y up, z to the viewer) to camera frame (x right, y down, z forward): half a turn about x.
FACING_CAMERA_WXYZ = (0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Variant:
    """One way to inflate. `complete` adds the mirror image of the silhouette, for objects cut off or half hidden."""

    profile: Profile
    thickness: float
    roundness: float = 1.0
    complete: bool = False


PILLOW = Variant("pillow", thickness=1.0)
TURNED = Variant("turned", thickness=1.0)
FURTHER = (
    Variant("pillow", thickness=0.9, roundness=0.6),
    Variant("turned", thickness=0.85, complete=True),
    Variant("pillow", thickness=1.25, complete=True),
    Variant("turned", thickness=0.55, roundness=0.7),
    Variant("pillow", thickness=0.5),
)


@dataclass(frozen=True)
class Coat:
    """One way to lay the photograph on a given shape: how hidden parts are filled, how much of its light is removed."""

    completion: Completion
    light_removed: float


COATS = (
    Coat("mirrored", 0.0),
    Coat("around", 0.6),
    Coat("spread", 0.0),
    Coat("mirrored", 0.8),
    Coat("nearest", 0.3),
)


class ImageTo3D:
    """Silhouette inflation with symmetric completion; seeds go through the variants and vary the thickness."""

    uses_checkpoint = False

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        """Yield one inflated shape per seed.

        Raises:
            GeneratorError: the mask is too small to have a shape.
        """
        if int(context.mask.sum()) < SMALLEST_MASK_PX:
            raise GeneratorError(
                f"the mask has {int(context.mask.sum())} pixels, image_to_3d needs {SMALLEST_MASK_PX} at least"
            )
        outline = outline_of(context.mask)
        axis, symmetry = symmetry_axis(outline.mask)
        first = (TURNED, PILLOW) if symmetry >= SYMMETRIC_IOU else (PILLOW, TURNED)
        outlines = {False: outline, True: completed(outline, axis)}
        fields: dict[tuple[Profile, bool], NDArray[np.float64]] = {}
        for number, seed in enumerate(context.seeds):
            variant = (*first, *FURTHER)[number % (len(FURTHER) + 2)]
            if symmetry < COMPLETABLE_IOU:
                variant = replace(variant, complete=False)
            key = (variant.profile, variant.complete)
            if key not in fields:
                fields[key] = height_field(outlines[variant.complete].mask, variant.profile)
            thickness = variant.thickness * float(np.random.default_rng(seed).uniform(0.85, 1.15))
            mesh = inflate(fields[key], thickness=thickness, roundness=variant.roundness)
            used = outlines[variant.complete]
            axis_x = outline.left + axis * outline.step
            mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=_paint(mesh, used, axis_x, context))
            yield Proposal(
                seed=seed,
                mesh=mesh,
                layout=_layout(mesh, used, context),
                parameters={**asdict(variant), "thickness": thickness, "symmetry": symmetry},
            )

    def texture(self, context: GenerationContext, shape: PosedShape) -> Iterator[Proposal]:
        """Yield the shape with the photograph laid on it, in one coat per seed.

        Raises:
            GeneratorError: the photograph sees nothing of the shape where it was posed.
        """
        mesh = cut_finer(shape.mesh)
        projection = project_photograph(mesh, shape.pose, shape.intrinsics, image=context.image, mask=context.mask)
        if projection.seen.sum() < SMALLEST_MASK_PX:
            raise GeneratorError("the photograph sees nothing of the posed shape; its pose may be wrong")
        for number, seed in enumerate(context.seeds):
            coat = COATS[number % len(COATS)]
            light_removed = coat.light_removed * float(np.random.default_rng(seed).uniform(0.8, 1.2))
            colors = without_light(mesh, shape.pose, projection, strength=light_removed)
            colors = completed_colors(mesh, colors, projection.seen, how=coat.completion)
            parameters = {**asdict(coat), "light_removed": light_removed}
            yield Proposal(seed=seed, mesh=painted(mesh, colors), parameters=parameters)


def _paint(mesh: trimesh.Trimesh, outline: Outline, axis_x: float, context: GenerationContext) -> NDArray[np.uint8]:
    """Colours of the photograph at the vertices; where the object is not seen, those of its mirror image or nearest."""
    column, row = mesh.vertices[:, 0], -mesh.vertices[:, 1]
    # Well inside the outline: its own pixels mix with the background.
    sure = ndimage.binary_erosion(context.mask, iterations=max(1, round(outline.step)))
    sure = sure if sure.any() else context.mask
    x, y = outline.left + column * outline.step, outline.top + row * outline.step
    mirrored_x = 2 * axis_x - x
    hidden = ~_at(sure, x, y) & ~_at(context.mask, x, y)
    x = np.where(hidden & _at(sure, mirrored_x, y), mirrored_x, x)
    smooth = np.stack([ndimage.gaussian_filter(context.image[..., k], 0.4 * outline.step) for k in range(3)], axis=-1)
    nearest = ndimage.distance_transform_edt(~sure, return_distances=False, return_indices=True)
    height, width = context.mask.shape
    r, c = np.clip(y.astype(int), 0, height - 1), np.clip(x.astype(int), 0, width - 1)
    rgb = smooth[nearest[0][r, c], nearest[1][r, c]]
    return np.column_stack([rgb, np.full(len(rgb), 255)]).astype(np.uint8)


def _at(mask: NDArray[np.bool_], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    height, width = mask.shape
    r, c = np.floor(y).astype(int), np.floor(x).astype(int)
    inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
    return np.asarray(inside & mask[np.clip(r, 0, height - 1), np.clip(c, 0, width - 1)])


def _layout(mesh: trimesh.Trimesh, outline: Outline, context: GenerationContext) -> Pose | None:
    """Stand the fitted shape where the silhouette was: its front on the median depth of the mask's points."""
    if context.point_map is None or context.intrinsics is None:
        return None
    depths = context.point_map[..., 2][context.mask]
    depths = depths[np.isfinite(depths) & (depths > 0)]
    if not len(depths):
        return None
    camera, front = context.intrinsics, float(np.median(depths))
    low, high = mesh.bounds
    centre, extent = (low + high) / 2, float((high - low).max())
    # One grid pixel is step · depth / fx at the centre, which lies half a thickness behind the front.
    half_thickness = 0.5 * float(high[2] - low[2])
    depth = front / max(0.1, 1 - half_thickness * outline.step / camera.fx)
    u = outline.left + centre[0] * outline.step
    v = outline.top - centre[1] * outline.step
    scale = extent * outline.step * depth / camera.fx
    return Pose(
        rotation_wxyz=FACING_CAMERA_WXYZ,
        translation=((u - camera.cx) / camera.fx * depth, (v - camera.cy) / camera.fy * depth, depth),
        scale=(scale, scale, scale),
    )
