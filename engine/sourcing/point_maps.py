"""Point maps P: checking them, storing them, and the coarse prior where none is known (paper 2.1 and A.4).

Camera frame: OpenCV (x right, y down, z forward); a map is an (H, W, 3) array with NaN where the point is unknown.
"""

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics, project, unproject
from engine.errors import Unprocessable

# How far a point may fall from the centre of its own pixel. Depth predicted together with intrinsics is not exact.
MEDIAN_LIMIT_PX = 1.0
P95_LIMIT_PX = 3.0
MOST_REPROJECTED = 200_000

# Metres in which the middle of a photographed scene lies: from a macro shot to a valley. Millimetres that are taken for
# metres lie beyond.
METRIC_DEPTHS = (0.01, 1000.0)

PRIOR_FIELD_OF_VIEW_DEGREES = 60.0
PRIOR_HORIZON_SHARE = 0.25
PRIOR_FARTHEST = 12.0
RELIEF_SIDE_PX = 512


class PointMapRefused(Unprocessable):
    """The point map cannot belong to this image and camera."""

    code = "point_map_refused"


def check_point_map(points: NDArray[np.floating], intrinsics: Intrinsics) -> NDArray[np.float32]:
    """Check a point map against its camera; returns it as float32 with NaN where a point is not whole.

    Args:
        points: (height, width, 3), camera frame, any unit.
        intrinsics: of the image at the very size of the map.

    Raises:
        PointMapRefused: of the wrong shape, without a finite point, behind the camera, or not on its pixels.
    """
    expected = (intrinsics.height, intrinsics.width, 3)
    if points.shape != expected:
        raise PointMapRefused(
            f"The point map has shape {points.shape}; this image needs {expected} (height, width, xyz).",
            what_to_do="Send one point for each pixel of the upright photograph.",
        )
    if not np.issubdtype(points.dtype, np.floating):
        raise PointMapRefused(f"The point map holds {points.dtype}; it must hold floating-point numbers.")
    if min(intrinsics.fx, intrinsics.fy) <= 0 or not np.isfinite([intrinsics.cx, intrinsics.cy]).all():
        raise PointMapRefused(f"The intrinsics are not of a camera: {intrinsics}.")
    checked = points.astype(np.float32)
    whole = np.isfinite(checked).all(axis=-1)
    checked[~whole] = np.nan
    valid = np.flatnonzero(whole)
    if valid.size == 0:
        raise PointMapRefused("The point map has no finite point.", what_to_do="Leave it out; the prior is used then.")
    if behind := int(np.count_nonzero(checked[..., 2] <= 0)):
        raise PointMapRefused(
            f"{behind} of {valid.size} points lie behind the camera (z ≤ 0).",
            what_to_do="Convert to the OpenCV camera frame: x right, y down, z forward.",
        )
    _check_reprojection(checked, valid[:: 1 + valid.size // MOST_REPROJECTED], intrinsics)
    return checked


def _check_reprojection(points: NDArray[np.float32], sample: NDArray[np.intp], intrinsics: Intrinsics) -> None:
    """Project the points of the pixels `sample` (flat indices) and compare with the centres of these pixels."""
    rows, columns = np.divmod(sample, intrinsics.width)
    pixels = project(points.reshape(-1, 3)[sample].astype(np.float64), intrinsics)
    distance_px = np.hypot(pixels[:, 0] - (columns + 0.5), pixels[:, 1] - (rows + 0.5))
    median, p95 = np.percentile(distance_px, [50, 95])
    if median > MEDIAN_LIMIT_PX or p95 > P95_LIMIT_PX:
        raise PointMapRefused(
            f"The points do not project to their pixels: off by {median:.1f} px (median) and {p95:.1f} px (95 %), "
            f"allowed are {MEDIAN_LIMIT_PX:g} and {P95_LIMIT_PX:g}.",
            what_to_do="Check that the intrinsics belong to this image size and the frame is OpenCV's (y down).",
            median_px=round(float(median), 3),
            p95_px=round(float(p95), 3),
        )


def check_metres(points: NDArray[np.floating]) -> None:
    """Check that the (height, width, 3) points of a metric map can be in metres.

    Raises:
        PointMapRefused: no photograph is that near or that far.
    """
    median = float(np.nanmedian(points[..., 2]))
    nearest, farthest = METRIC_DEPTHS
    if not nearest <= median <= farthest:
        raise PointMapRefused(
            f"The points lie {median:.4g} m away (median), which is no photograph's distance: "
            f"{nearest:g} to {farthest:g} m are.",
            what_to_do="Convert to metres, or give the map as relative.",
            median_depth=median,
        )


def points_from_depth(depth: NDArray[np.floating], intrinsics: Intrinsics) -> NDArray[np.float64]:
    """Lift an (height, width) depth map along z; zero, negative and infinite depths are unknown.

    Raises:
        PointMapRefused: the depth map is of another size than the image.
    """
    expected = (intrinsics.height, intrinsics.width)
    if depth.shape != expected:
        raise PointMapRefused(f"The depth map has shape {depth.shape}; this image needs {expected} (height, width).")
    known = np.isfinite(depth) & (depth > 0)
    return unproject(np.where(known, depth, np.nan).astype(np.float64), intrinsics)


def prior_intrinsics(*, width_px: int, height_px: int) -> Intrinsics:
    """The camera that is assumed where nothing is known: 60° over the longer side, principal point in the middle."""
    focal_px = 0.5 * max(width_px, height_px) / np.tan(np.radians(PRIOR_FIELD_OF_VIEW_DEGREES / 2))
    return Intrinsics(
        fx=float(focal_px), fy=float(focal_px), cx=width_px / 2, cy=height_px / 2, width=width_px, height=height_px
    )


def prior_point_map(
    masks: list[NDArray[np.bool_]], *, width_px: int, height_px: int
) -> tuple[NDArray[np.float32], Intrinsics]:
    """Guess a point map: objects standing upright on a ground plane, seen by a camera that looks a little down.

    The ground plane lies one unit below the camera and has its horizon a quarter down the image; nothing is farther
    than 12 units. Each object stands where its lowest pixels touch the ground and faces the camera there; over that
    slab rises a relief as round as its silhouette is wide, so that a shape of the right size fits from the front. Only
    a help for placing objects: relative scale, labelled `prior`.

    Args:
        masks: boolean (height, width) masks of the objects in the image; where they overlap the smaller one counts.

    Returns:
        float32 (height, width, 3) points without NaN, and the assumed intrinsics.
    """
    intrinsics = prior_intrinsics(width_px=width_px, height_px=height_px)
    ground_depth = _ground_depth(intrinsics)
    points = np.empty((height_px, width_px, 3), dtype=np.float32)
    depth = points[..., 2]
    depth[:] = ground_depth[:, None]
    for mask in sorted(masks, key=lambda mask: -int(mask.sum())):
        depth[mask] = _standing_depth(mask, ground_depth, focal_px=intrinsics.fx)
    points[..., 0] = (np.arange(width_px, dtype=np.float32) + 0.5 - intrinsics.cx) / intrinsics.fx * depth
    points[..., 1] = ((np.arange(height_px, dtype=np.float32) + 0.5 - intrinsics.cy) / intrinsics.fy)[:, None] * depth
    return points, intrinsics


def _ground_depth(intrinsics: Intrinsics) -> NDArray[np.float64]:
    """Depth of the ground for each row, (height,)."""
    pitch = np.arctan2(intrinsics.cy - PRIOR_HORIZON_SHARE * intrinsics.height, intrinsics.fy)
    slope = (np.arange(intrinsics.height) + 0.5 - intrinsics.cy) / intrinsics.fy
    below_horizon = slope * np.cos(pitch) + np.sin(pitch)
    return np.asarray(1.0 / np.maximum(below_horizon, 1.0 / PRIOR_FARTHEST))


def _standing_depth(
    mask: NDArray[np.bool_], ground_depth: NDArray[np.float64], *, focal_px: float
) -> NDArray[np.float64]:
    """Depths of the mask's pixels, in the order of `mask.nonzero()`."""
    rows, columns = mask.nonzero()
    contact_row = int(np.percentile(rows, 98))  # a few stray pixels below do not move the object
    slab = ground_depth[contact_row]
    top, left = rows.min(), columns.min()
    crop = mask[top : rows.max() + 1, left : columns.max() + 1]
    inside_px = _distance_to_edge(crop)[rows - top, columns - left]
    radius_px = inside_px.max()
    roundness = np.sqrt(1.0 - (1.0 - inside_px / radius_px) ** 2)
    return np.asarray(slab * (1.0 - min(radius_px / focal_px, 0.5) * roundness))


def _distance_to_edge(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of each pixel to the outside of the mask, in pixels; coarse where the mask is large."""
    from scipy import ndimage  # only where a prior is made

    step = 1 + max(mask.shape) // RELIEF_SIDE_PX
    coarse = ndimage.distance_transform_edt(np.pad(mask[::step, ::step], 1))[1:-1, 1:-1] * step
    height, width = mask.shape
    return np.asarray(np.repeat(np.repeat(coarse, step, axis=0), step, axis=1)[:height, :width])
