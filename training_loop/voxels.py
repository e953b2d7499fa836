"""Solid occupancy of a mesh on a regular grid over [-0.5, 0.5]³."""

import numpy as np
import trimesh
from numpy.typing import NDArray

from training_loop.triangle_coverage import cover


def voxelise(mesh: trimesh.Trimesh, resolution: int = 64) -> NDArray[np.bool_]:
    """Return solid occupancy (R, R, R) indexed [x, y, z]; a cell is full if its centre is inside the mesh.

    Inside means a nonzero winding number, so closed parts may overlap or nest, and a cavity (an inner surface wound the
    other way) is empty. A mesh that is not closed has no inside: there each axis votes and two of three win.

    Raises:
        ValueError: the resolution is below 1 or a vertex is not finite.
    """
    if resolution < 1:
        raise ValueError(f"resolution must be at least 1, got {resolution}")
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    if not np.isfinite(vertices).all():
        raise ValueError("the mesh has vertices that are NaN or infinite; repair it before voxelising")
    grid = (vertices[np.asarray(mesh.faces)] + 0.5) * resolution
    if mesh.is_watertight:
        return np.asarray(_winding_along_z(grid, resolution) != 0)
    votes = np.zeros((resolution,) * 3, dtype=np.int8)
    for axis in range(3):
        # Cyclic rolls keep the handedness; the result is rolled back to [x, y, z].
        order = [(axis + 1) % 3, (axis + 2) % 3, axis]
        winding = _winding_along_z(grid[:, :, order], resolution)
        votes += np.transpose(winding != 0, np.argsort(order))
    return np.asarray(votes >= 2)


def _winding_along_z(corners: NDArray[np.float64], resolution: int) -> NDArray[np.int32]:
    """Winding number at every cell centre: signed crossings of the ray from z = -∞, summed along the column."""
    coverage = cover(corners[:, :, :2], resolution, resolution)
    crossing = np.einsum("ij,ij->i", coverage.weights, corners[coverage.triangle, :, 2])
    edge_1 = corners[:, 1, :2] - corners[:, 0, :2]
    edge_2 = corners[:, 2, :2] - corners[:, 0, :2]
    # Entering through a face that looks towards -z adds one; leaving through one that looks towards +z takes it back.
    step = -np.sign(edge_1[:, 0] * edge_2[:, 1] - edge_1[:, 1] * edge_2[:, 0])
    first_above = np.clip(np.ceil(crossing - 0.5), 0, resolution).astype(np.int64)
    size = resolution + 1
    flat = (coverage.column * resolution + coverage.row) * size + first_above
    deltas = np.bincount(flat, weights=step[coverage.triangle], minlength=resolution * resolution * size)
    return np.cumsum(deltas.reshape(resolution, resolution, size)[:, :, :resolution], axis=2).round().astype(np.int32)


def occupied_centres(occupancy: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the (n, 3) centres of the full cells of an (R, R, R) grid, object frame."""
    resolution = occupancy.shape[0]
    return np.asarray((np.argwhere(occupancy) + 0.5) / resolution - 0.5, dtype=np.float32)
