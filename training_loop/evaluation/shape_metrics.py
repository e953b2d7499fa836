"""Shape metrics between a predicted and a true mesh, each fitted to [-1, 1] on its own.

Source: paper section D.3.1.
"""

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]


class MeshError(ValueError):
    """A mesh that cannot be measured."""


@dataclass(frozen=True)
class ShapeMetrics:
    """F1 at 0.01 (1 is best), IoU of 64³ surface voxels (1 is best), bidirectional mean distance (0 is best)."""

    f1_at_0p01: float
    voxel_iou: float
    chamfer_l2: float


def normalise_to_unit_cube(points: Points) -> Points:
    """Centre the bounding box of (n, 3) points and scale its longest side to [-1, 1].

    Raises:
        MeshError: no points, points that are not finite, or no extent.
    """
    if not len(points) or not np.isfinite(points).all():
        raise MeshError("the mesh has no vertex, or one that is NaN or infinite")
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    if extent <= 0:
        raise MeshError("the mesh has no extent")
    return np.asarray((points - (low + high) / 2) * (2 / extent))


def sample_surface(mesh: trimesh.Trimesh, count: int, seed: int) -> Points:
    """(count, 3) points uniform by area.

    Raises:
        MeshError: the mesh has no area.
    """
    triangles = np.asarray(mesh.triangles, dtype=np.float64)
    areas = 0.5 * np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1)
    if not len(areas) or not np.isfinite(areas).all() or areas.sum() <= 0:
        raise MeshError("the mesh has no triangle with area, or vertices that are not finite")
    rng = np.random.default_rng(seed)
    chosen = triangles[
        np.searchsorted(np.cumsum(areas), rng.random(count) * areas.sum(), side="right").clip(max=len(areas) - 1)
    ]
    u, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return np.asarray((1 - u) * chosen[:, 0] + u * (1 - v) * chosen[:, 1] + u * v * chosen[:, 2])


def surface_voxels(points: Points, resolution: int = 64) -> NDArray[np.int64]:
    """Sorted flat indices of the cells of [-1, 1]³ that hold a point."""
    cells = np.clip(np.floor((points + 1) / 2 * resolution).astype(np.int64), 0, resolution - 1)
    return np.unique(cells @ np.array([resolution**2, resolution, 1]))


def compare_points(predicted: Points, truth: Points, *, threshold: float = 0.01, workers: int = -1) -> ShapeMetrics:
    """Metrics of two point sets in [-1, 1]³; no alignment is done here."""
    to_truth = cKDTree(truth).query(predicted, workers=workers)[0]
    to_predicted = cKDTree(predicted).query(truth, workers=workers)[0]
    precision, recall = float((to_truth < threshold).mean()), float((to_predicted < threshold).mean())
    ours, theirs = surface_voxels(predicted), surface_voxels(truth)
    common = len(np.intersect1d(ours, theirs, assume_unique=True))
    return ShapeMetrics(
        f1_at_0p01=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        voxel_iou=common / (len(ours) + len(theirs) - common),
        chamfer_l2=float((to_truth.mean() + to_predicted.mean()) / 2),
    )


def compare_meshes(
    predicted: trimesh.Trimesh, truth: trimesh.Trimesh, *, points: int = 100_000, seed: int = 0, workers: int = -1
) -> ShapeMetrics:
    """Normalise both meshes, sample both surfaces and compare.

    Raises:
        MeshError: a mesh is empty, has no area or is not finite.
    """
    samples = []
    for offset, mesh in enumerate((predicted, truth)):
        fitted = trimesh.Trimesh(normalise_to_unit_cube(np.asarray(mesh.vertices)), mesh.faces, process=False)
        samples.append(sample_surface(fitted, points, 2 * seed + offset))
    return compare_points(samples[0], samples[1], workers=workers)


def occupancy_iou(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two solid grids in the same frame."""
    either = int((predicted | truth).sum())
    return float((predicted & truth).sum() / either) if either else 1.0
