"""Flying Occlusions: two shapes of the library pasted into a real photograph, one in front of the other.

The pair teaches to complete what is hidden and to read the whole image, not the crop alone. Orientation is random and
nothing rests on anything: the composite says nothing about where things belong.

Source: paper B.2.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose
from training_loop.rendering import Rendering, render
from training_loop.shape_library import ShapeInstance
from training_loop.synthetic import (
    Split,
    categories_of,
    place_in_image,
    sample_intrinsics,
    sample_light,
    sample_shape,
)
from training_loop.voxels import voxelise

MIN_VISIBLE_SHARE = 0.1
MAX_VISIBLE_SHARE = 0.9
MIN_VISIBLE_IMAGE_SHARE = 0.002
OCCLUDER_SELECTED_SHARE = 1 / 3

_PLACEMENTS_PER_PAIR = 12
_PAIRS = 20


class NoOcclusionFoundError(RuntimeError):
    """No placement of the drawn shapes satisfied the visibility rules."""


@dataclass(frozen=True)
class FlyingOcclusion:
    """One composite and the selected shape in it.

    `image` (H, W, 3) uint8; `mask` (H, W) what is visible of the selected shape, `whole_mask` (H, W) its full extent;
    the two are equal where it is the occluder. `pose` takes the selected shape to the camera frame of the rendering,
    which the photograph knows nothing of. `occupancy` (R, R, R) is indexed [x, y, z] in the object frame.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    whole_mask: NDArray[np.bool_]
    role: Literal["occludee", "occluder"]
    intrinsics: Intrinsics
    pose: Pose
    occupancy: NDArray[np.bool_]
    category: str
    mesh: trimesh.Trimesh
    description: str
    instance_seed: int


def visible_mask(object_mask: NDArray[np.bool_], occluder_mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """M_vis = M_obj ⊙ (1 − M_occluder), all (H, W) bool."""
    return object_mask & ~occluder_mask


def is_well_occluded(object_mask: NDArray[np.bool_], visible: NDArray[np.bool_]) -> bool:
    """Whether 0.1 ≤ |M_vis| / |M_obj| ≤ 0.9 and |M_vis| / |I| ≥ 0.2 %."""
    whole, seen = int(object_mask.sum()), int(visible.sum())
    if whole == 0:
        return False
    return MIN_VISIBLE_SHARE <= seen / whole <= MAX_VISIBLE_SHARE and seen >= MIN_VISIBLE_IMAGE_SHARE * visible.size


def flying_occlusions(
    photographs: Sequence[NDArray[np.uint8]],
    *,
    seed: int,
    count: int,
    image_px: int,
    split: Split,
    start: int = 0,
    heldout_categories: Sequence[str] = (),
    resolution: int = 64,
) -> Iterator[FlyingOcclusion]:
    """Yield composites `start` … `start + count - 1` of the endless sequence of (seed, split).

    Raises:
        ValueError: no photograph is given, or one is not (H, W, 3) uint8.
    """
    if not photographs:
        raise ValueError("flying occlusions need at least one photograph to paste into")
    for number, photograph in enumerate(photographs):
        if photograph.ndim != 3 or photograph.shape[2] != 3 or photograph.dtype != np.uint8:
            raise ValueError(f"photograph {number} must be (H, W, 3) uint8, got {photograph.dtype} {photograph.shape}")
    categories = categories_of(split, heldout_categories)
    for index in range(start, start + count):
        rng = np.random.default_rng([seed, 2 + (split == "heldout"), index])
        photograph = photographs[int(rng.integers(len(photographs)))]
        yield draw_flying_occlusion(rng, photograph, categories, split=split, image_px=image_px, resolution=resolution)


def draw_flying_occlusion(
    rng: np.random.Generator,
    photograph: NDArray[np.uint8],
    categories: Sequence[str],
    *,
    split: Split,
    image_px: int,
    resolution: int = 64,
) -> FlyingOcclusion:
    """Draw pairs until the visibility rules hold, composite one, select its occluder one time in three.

    Raises:
        NoOcclusionFoundError: the rules cannot be met, as in very small images.
    """
    background = random_crop(rng, photograph, image_px)
    intrinsics = sample_intrinsics(rng, image_px)
    for _ in range(_PAIRS):
        pair = sample_shape(rng, categories, split), sample_shape(rng, categories, split)
        placed = _place_pair(rng, intrinsics, *pair)
        if placed is None:
            continue
        (behind, behind_pose), (front, front_pose) = placed
        image = front.over(behind.over(background))
        visible = visible_mask(behind.mask, front.mask)
        occluder_selected = bool(rng.random() < OCCLUDER_SELECTED_SHARE)
        shape = pair[1] if occluder_selected else pair[0]
        return FlyingOcclusion(
            image=image,
            mask=front.mask if occluder_selected else visible,
            whole_mask=front.mask if occluder_selected else behind.mask,
            role="occluder" if occluder_selected else "occludee",
            intrinsics=intrinsics,
            pose=front_pose if occluder_selected else behind_pose,
            occupancy=voxelise(shape.mesh, resolution),
            category=shape.category,
            mesh=shape.mesh,
            description=shape.description,
            instance_seed=shape.seed,
        )
    raise NoOcclusionFoundError(
        f"no placement of {_PAIRS} pairs met the visibility rules at {image_px} px; use larger images"
    )


def _place_pair(
    rng: np.random.Generator, intrinsics: Intrinsics, occludee: ShapeInstance, occluder: ShapeInstance
) -> tuple[tuple[Rendering, Pose], tuple[Rendering, Pose]] | None:
    """Place the occludee, then throw the occluder at it until it hides enough and not too much."""
    light = sample_light(rng)
    vertices = np.asarray(occludee.mesh.vertices)
    span_px = float(rng.uniform(0.25, 0.85)) * intrinsics.width
    pose = place_in_image(
        random_rotation(rng),
        intrinsics,
        vertices,
        scale=1.0,
        span_px=span_px,
        position=rng.uniform(-0.45, 0.45, size=2),
    )
    behind = render(occludee.mesh, pose, intrinsics, light, cull_backfaces=True, antialias=3)
    # Every allowed occlusion leaves at most this much visible.
    if behind.mask.sum() * MAX_VISIBLE_SHARE < MIN_VISIBLE_IMAGE_SHARE * behind.mask.size:
        return None
    rows, columns = np.nonzero(behind.mask)
    for _ in range(_PLACEMENTS_PER_PAIR):
        aim = int(rng.integers(rows.size))
        front_pose = _aimed(
            rng,
            intrinsics,
            np.asarray(occluder.mesh.vertices),
            span_px=span_px * float(rng.uniform(0.4, 1.2)),
            target_px=np.array([columns[aim] + 0.5, rows[aim] + 0.5]),
            in_front_of=float(np.nanmin(behind.depth)),
        )
        front = render(occluder.mesh, front_pose, intrinsics, light, cull_backfaces=True, antialias=3)
        # Either of the two may be selected, so the occluder must be large enough to be seen as well.
        if front.mask.sum() < MIN_VISIBLE_IMAGE_SHARE * front.mask.size:
            continue
        if is_well_occluded(behind.mask, visible_mask(behind.mask, front.mask)):
            return (behind, pose), (front, front_pose)
    return None


def _aimed(
    rng: np.random.Generator,
    intrinsics: Intrinsics,
    vertices: NDArray[np.float64],
    *,
    span_px: float,
    target_px: NDArray[np.float64],
    in_front_of: float,
) -> Pose:
    """Centre a randomly turned object on a pixel, wholly nearer than a depth."""
    pose = place_in_image(random_rotation(rng), intrinsics, vertices, scale=1.0, span_px=span_px, position=np.zeros(2))
    x, y, z = pose.translation
    offset = (target_px - (intrinsics.cx, intrinsics.cy)) * z / (intrinsics.fx, intrinsics.fy)
    # Scaling the scene about the camera changes its depth and nothing in the image.
    share = 0.9 * in_front_of / (z + 0.9)
    return replace(
        pose,
        translation=(float((x + offset[0]) * share), float((y + offset[1]) * share), z * share),
        scale=(share, share, share),
    )


def random_rotation(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A uniformly random rotation as a unit quaternion wxyz with w ≥ 0."""
    quaternion = rng.normal(size=4)
    quaternion /= np.linalg.norm(quaternion)
    if quaternion[0] < 0:
        quaternion = -quaternion
    w, x, y, z = (float(value) for value in quaternion)
    return (w, x, y, z)


def random_crop(rng: np.random.Generator, photograph: NDArray[np.uint8], image_px: int) -> NDArray[np.uint8]:
    """A square piece of a photograph, 60 to 100 % of its shorter side, resized to (image_px, image_px, 3)."""
    height, width = photograph.shape[:2]
    side = max(1, round(min(height, width) * float(rng.uniform(0.6, 1.0))))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    piece = Image.fromarray(photograph[top : top + side, left : left + side])
    return np.asarray(piece.resize((image_px, image_px), Image.Resampling.BILINEAR))
