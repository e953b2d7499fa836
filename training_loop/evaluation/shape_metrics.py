"""Shape metrics between a predicted and a true surface, each fitted to [-1, 1] on its own, then registered.

Source: paper section D.3.1. What the paper leaves open, and what is chosen here, is listed in `docs/paper_map.md`.
"""

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from training_loop.evaluation.earth_mover import EMD_CELLS, earth_mover_distance
from training_loop.evaluation.meshes import Points, Surface, fitted, sample_surface, surface_of
from training_loop.evaluation.nearest import distance_tree, nearest_distances
from training_loop.evaluation.registration import Registration, register

F1_THRESHOLD = 0.01
VOXEL_RESOLUTION = 64
POINTS = 1_000_000


@dataclass(frozen=True)
class ShapeMetrics:
    """What D.3.1 reports.

    Attributes:
        f1_at_0p01: harmonic mean of precision and recall at 0.01; 1 is best.
        voxel_iou: of the 64³ cells of [-1, 1]³ that hold a point of the surface; 1 is best.
        chamfer_l2: mean of the two mean distances to the nearest point, not squared; 0 is best.
        emd: mean distance of the best one-to-one assignment; 0 is best. None where it was not asked for.
    """

    f1_at_0p01: float
    voxel_iou: float
    chamfer_l2: float
    emd: float | None = None


@dataclass(frozen=True)
class ShapeComparison:
    """Metrics, and the registration of the fitted prediction onto the fitted truth (None where it was left out)."""

    metrics: ShapeMetrics
    registration: Registration | None


def compare_surfaces(
    predicted: Surface,
    truth: Surface,
    *,
    points: int = POINTS,
    seed: int = 0,
    emd_cells: int | None = EMD_CELLS,
    registered: bool = True,
    workers: int = -1,
) -> ShapeComparison:
    """Fit both surfaces to [-1, 1], sample them, register the prediction onto the truth and measure.

    Args:
        points: drawn from each surface; the truth draws with `seed`, the prediction with `seed + 1`.
        emd_cells: cells of the earth mover's distance, a power of two; None leaves it out.
        registered: False measures without ICP.
    """
    ours = sample_surface(fitted(predicted), points, seed + 1)
    theirs = sample_surface(fitted(truth), points, seed)
    registration = register(ours, theirs, workers=workers) if registered else None
    moved = ours.points if registration is None else registration.apply(ours.points)
    metrics = compare_points(moved, theirs.points, emd_cells=emd_cells, workers=workers)
    return ShapeComparison(metrics, registration)


def compare_meshes(
    predicted: trimesh.Trimesh,
    truth: trimesh.Trimesh,
    *,
    points: int = POINTS,
    seed: int = 0,
    emd_cells: int | None = EMD_CELLS,
    registered: bool = True,
    workers: int = -1,
) -> ShapeMetrics:
    """Measure one mesh against another; see `compare_surfaces`.

    Raises:
        MeshError: a mesh is empty, has no area or is not finite.
    """
    return compare_surfaces(
        surface_of(predicted),
        surface_of(truth),
        points=points,
        seed=seed,
        emd_cells=emd_cells,
        registered=registered,
        workers=workers,
    ).metrics


def compare_points(
    predicted: Points, truth: Points, *, emd_cells: int | None = None, workers: int = -1
) -> ShapeMetrics:
    """Metrics of two point sets in the same frame, (n, 3) and (m, 3), neighbours next to each other in each."""
    precision = nearest_distances(predicted, distance_tree(truth), threshold=F1_THRESHOLD, workers=workers)
    recall = nearest_distances(truth, distance_tree(predicted), threshold=F1_THRESHOLD, workers=workers)
    both = precision.share_within + recall.share_within
    return ShapeMetrics(
        f1_at_0p01=2 * precision.share_within * recall.share_within / both if both else 0.0,
        voxel_iou=voxel_iou(predicted, truth),
        chamfer_l2=(precision.mean + recall.mean) / 2,
        emd=None if emd_cells is None else earth_mover_distance(predicted, truth, cells=emd_cells),
    )


def voxel_iou(predicted: Points, truth: Points, resolution: int = VOXEL_RESOLUTION) -> float:
    """IoU of the cells that hold a point; the cells of [-1, 1]³ go on outside, so that nothing is cut off."""
    ours, theirs = occupied_cells(predicted, resolution), occupied_cells(truth, resolution)
    common = len(np.intersect1d(ours, theirs, assume_unique=True))
    return common / (len(ours) + len(theirs) - common)


def occupied_cells(points: Points, resolution: int = VOXEL_RESOLUTION) -> NDArray[np.int64]:
    """Sorted numbers of the cells that hold a point; `resolution` of them a side make up [-1, 1]³.

    Fitting puts the outermost faces exactly on the border of the grid, and registration moves them by a millionth. So
    the outermost cells reach out by half a cell.
    """
    position = (points + 1) / 2 * resolution
    cells = np.floor(position).astype(np.int64)
    cells[(position >= resolution) & (position < resolution + 0.5)] = resolution - 1
    cells[(position < 0) & (position >= -0.5)] = 0
    # Room on all sides: a registered shape reaches out by its diagonal at most.
    side = 8 * resolution
    return np.unique(((cells + side // 2) * np.array([side**2, side, 1])).sum(axis=1))


def occupancy_iou(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two solid grids in the same frame."""
    either = int((predicted | truth).sum())
    return float((predicted & truth).sum() / either) if either else 1.0
