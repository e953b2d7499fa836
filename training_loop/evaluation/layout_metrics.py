"""Layout metrics between two posed surfaces in the camera frame.

Source: paper section D.3.2, Table 9 (2D IoU). What the paper leaves open is listed in `docs/paper_map.md`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist, pdist

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, transform_points
from training_loop.evaluation.meshes import Points, Surface, SurfacePoints, sample_surface
from training_loop.evaluation.nearest import distance_tree, nearest_distances
from training_loop.evaluation.registration import Registration, register
from training_loop.silhouette import mask_iou, silhouette

POINTS = 1_000_000
ADD_S_THRESHOLD = 0.1

# Distances up to this share of the diameter are exact for every point, see `nearest`.
NEAR = 0.015


@dataclass(frozen=True)
class LayoutMetrics:
    """What D.3.2 and Table 9 report.

    Attributes:
        iou_3d: of the boxes along the camera's axes around the posed surfaces; 1 is best.
        icp_rot_deg: angle by which ICP still turns the posed prediction; 0 is best.
        add_s: mean nearest distance, averaged over both ways, over the true object's diameter (Eq. 8, 9); 0 is best.
        add_s_at_0p1: 1 where `add_s` is below 0.1, else 0.
        iou_2d: of the posed prediction's silhouette and the mask; None without a camera.
    """

    iou_3d: float
    icp_rot_deg: float
    add_s: float
    add_s_at_0p1: float
    iou_2d: float | None = None


def posed(surface: Surface, pose: Pose) -> Surface:
    """The surface in the camera frame."""
    return Surface(transform_points(pose, surface.vertices), surface.faces, surface.dropped_faces, surface.open_edges)


def compare_layouts(
    predicted: Surface,
    truth: Surface,
    *,
    camera: Intrinsics | None = None,
    mask: NDArray[np.bool_] | None = None,
    points: int = POINTS,
    seed: int = 0,
    workers: int = -1,
) -> LayoutMetrics:
    """Compare two surfaces in the camera frame.

    Args:
        camera: with it 2D IoU is measured, against `mask` (H, W), or against the true silhouette where there is none.
        points: drawn from each surface; the truth draws with `seed`, the prediction with `seed + 1`.
    """
    ours, theirs = sample_surface(predicted, points, seed + 1), sample_surface(truth, points, seed)
    distance = add_s(ours.points, theirs.points, diameter(truth.vertices), workers=workers)
    iou_2d = None
    if camera is not None:
        if mask is None:
            mask = silhouette(truth.vertices, truth.faces, camera)
        iou_2d = mask_iou(silhouette(predicted.vertices, predicted.faces, camera), mask)
    return LayoutMetrics(
        iou_3d=box_iou(predicted.vertices, truth.vertices),
        icp_rot_deg=residual_rotation(ours, theirs, workers=workers).angle_deg,
        add_s=distance,
        add_s_at_0p1=float(distance < ADD_S_THRESHOLD),
        iou_2d=iou_2d,
    )


def box_iou(first: Points, second: Points) -> float:
    """Intersection over union of the boxes along the axes around (n, 3) and (m, 3) points."""
    low, high = (np.stack([function(points, axis=0) for points in (first, second)]) for function in (np.min, np.max))
    # A flat object gets a thickness that changes nothing else.
    thickness = 1e-9 * float((high - low).max())
    sizes = np.maximum(high - low, thickness)
    common = np.minimum(high[0] + thickness, high[1] + thickness) - np.maximum(low[0], low[1])
    overlap = float(np.minimum(np.clip(common, 0, None), sizes.min(axis=0)).prod())
    return overlap / (float(sizes[0].prod()) + float(sizes[1].prod()) - overlap)


def add_s(predicted: Points, truth: Points, diameter: float, *, workers: int = -1) -> float:
    """ADD-S of posed points, symmetric and over the diameter: Eq. 8 and 9."""
    ours, theirs = predicted / diameter, truth / diameter
    there = nearest_distances(ours, distance_tree(theirs), threshold=NEAR, near=NEAR, workers=workers)
    back = nearest_distances(theirs, distance_tree(ours), threshold=NEAR, near=NEAR, workers=workers)
    return (there.mean + back.mean) / 2


def diameter(vertices: Points) -> float:
    """The largest distance between two of (n, 3) points, which two vertices of a surface always have."""
    if len(vertices) < 5:
        return float(pdist(vertices).max())
    centred = vertices - vertices.mean(axis=0)
    try:
        hull = ConvexHull(centred)
    except QhullError:
        # Flat and straight objects have a hull once their points are joggled.
        hull = ConvexHull(centred, qhull_options="QJ")
    corners = vertices[hull.vertices]
    return max(float(cdist(block, corners).max()) for block in np.array_split(corners, -(-len(corners) // 1000)))


def residual_rotation(predicted: SurfacePoints, truth: SurfacePoints, *, workers: int = -1) -> Registration:
    """Registration of the posed prediction, once place and size are made equal: only the rotation is measured.

    Places are centroids of the surfaces, sizes the root mean squared distances from them.
    """
    centred = [surface.points - surface.points.mean(axis=0) for surface in (predicted, truth)]
    sizes = [float(np.sqrt((points**2).sum(axis=1).mean())) for points in centred]
    ours, theirs = (
        SurfacePoints(points * (0.7 / size), surface.normals)
        for points, size, surface in zip(centred, sizes, (predicted, truth), strict=True)
    )
    return register(ours, theirs, workers=workers)
