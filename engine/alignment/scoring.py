"""How well a posed mesh fits: silhouette IoU against M, and the share of M's points near the surface (paper A.4, g).

open3d is imported inside the functions that cast rays: the web process never does.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.alignment.initial_pose import require_same_size
from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, transform_points

# Larger photographs are sampled on a grid whose long side has this many rays.
MAX_LONG_SIDE_PX = 1024

# τ as a share of the object's visible extent.
TOLERANCE_SHARE = 0.05

# The extent leaves out this percentage of the points at either end of each axis: flying pixels.
EXTENT_PERCENTILE = 2.0

# Objects with more points than this are sampled evenly.
MAX_POINTS = 100_000


@dataclass(frozen=True)
class Scores:
    """Advice on a pose. The inlier share is None where M has no valid point.

    Attributes:
        silhouette_iou: of the posed mesh's silhouette and M, in [0, 1].
        inlier_share: of M's valid points within `inlier_tolerance` of the surface, in [0, 1].
        inlier_tolerance: τ, in the unit of the point map.
    """

    silhouette_iou: float
    inlier_share: float | None
    inlier_tolerance: float | None


def score_pose(
    *,
    vertices_object: NDArray[np.floating],
    faces: NDArray[np.integer],
    pose: Pose,
    mask: NDArray[np.bool_],
    points_camera: NDArray[np.floating],
    intrinsics: Intrinsics,
) -> Scores:
    """Score one pose.

    Args:
        vertices_object: (n, 3) in the object frame; `faces`: (m, 3) indices into them.
        mask: (height, width) M.
        points_camera: (height, width, 3) point map P in the camera frame, NaN where unknown.
        intrinsics: of the photograph at the size of the mask.

    Raises:
        ValueError: point map and mask have different sizes.
    """
    require_same_size(points_camera, mask)
    scene = _scene(transform_points(pose, np.asarray(vertices_object, dtype=np.float64)), faces)
    u, v = pixel_grid(width=mask.shape[1], height=mask.shape[0])
    silhouette = _cast_silhouette(scene, u, v, intrinsics)
    sampled = mask[v.astype(np.intp)[:, None], u.astype(np.intp)[None, :]]
    iou = intersection_over_union(silhouette, sampled)

    tolerance = inlier_tolerance(points_camera, mask)
    if tolerance is None:
        return Scores(silhouette_iou=iou, inlier_share=None, inlier_tolerance=None)
    points = visible_points(points_camera, mask)
    distances = _distances(scene, points[:: -(-len(points) // MAX_POINTS)])
    return Scores(silhouette_iou=iou, inlier_share=float(np.mean(distances <= tolerance)), inlier_tolerance=tolerance)


def pixel_grid(*, width: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sample positions (u of every column, v of every row) in pixels of the full image.

    Every pixel centre, or an even grid of MAX_LONG_SIDE_PX along the long side of a larger image.
    """
    share = min(1.0, MAX_LONG_SIDE_PX / max(width, height))
    columns, rows = max(1, round(width * share)), max(1, round(height * share))
    return (np.arange(columns) + 0.5) * width / columns, (np.arange(rows) + 0.5) * height / rows


def intersection_over_union(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return |A ∩ B| / |A ∪ B| of two masks of one shape; 0 where both are empty."""
    union = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / union if union else 0.0


def inlier_tolerance(points_camera: NDArray[np.floating], mask: NDArray[np.bool_]) -> float | None:
    """Return τ in the unit of the point map; None where M has no valid point, or all of them are one."""
    points = visible_points(points_camera, mask)
    return (TOLERANCE_SHARE * visible_extent(points) or None) if len(points) else None


def visible_points(points_camera: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the (n, 3) valid points of M."""
    points = np.asarray(points_camera[mask], dtype=np.float64)
    return points[np.isfinite(points).all(axis=1)]


def visible_extent(points: NDArray[np.float64]) -> float:
    """Return the diagonal of the box around (n, 3) points, without the outermost of them."""
    low, high = np.percentile(points, [EXTENT_PERCENTILE, 100 - EXTENT_PERCENTILE], axis=0)
    return float(np.linalg.norm(high - low))


def _scene(vertices_camera: NDArray[np.float64], faces: NDArray[np.integer]) -> Any:
    import open3d

    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        open3d.core.Tensor(np.ascontiguousarray(vertices_camera, dtype=np.float32)),
        open3d.core.Tensor(np.ascontiguousarray(faces, dtype=np.uint32)),
    )
    return scene


def _cast_silhouette(
    scene: Any, u: NDArray[np.float64], v: NDArray[np.float64], intrinsics: Intrinsics
) -> NDArray[np.bool_]:
    import open3d

    rays = np.zeros((len(v), len(u), 6), dtype=np.float32)
    rays[..., 3] = ((u - intrinsics.cx) / intrinsics.fx)[None, :]
    rays[..., 4] = ((v - intrinsics.cy) / intrinsics.fy)[:, None]
    rays[..., 5] = 1.0
    hit: NDArray[np.bool_] = np.isfinite(scene.cast_rays(open3d.core.Tensor(rays))["t_hit"].numpy())
    return hit


def _distances(scene: Any, points: NDArray[np.float64]) -> NDArray[np.float32]:
    import open3d

    distances: NDArray[np.float32] = scene.compute_distance(
        open3d.core.Tensor(np.ascontiguousarray(points, dtype=np.float32))
    ).numpy()
    return distances
