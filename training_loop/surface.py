"""From an occupancy grid to a watertight mesh, in numpy.

Topology: the boundary between full and empty cells of a grid made well-composed first, which is a closed 2-manifold.
Geometry: each vertex sits at the mean of the zero crossings around it (surface nets), then a few Taubin steps.
"""

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage


class EmptySurface(ValueError):
    """Nothing is occupied."""


def mesh_from_logits(logits: NDArray[np.float32], *, smoothing_steps: int = 4) -> trimesh.Trimesh:
    """Return the surface where the logits of an (R, R, R) grid over [-0.5, 0.5]³ cross zero, in the object frame.

    Raises:
        EmptySurface: no logit is positive.
    """
    if not (logits > 0).any():
        raise EmptySurface("no cell is occupied, so there is no surface")
    resolution = logits.shape[0]
    padded = np.pad(logits.astype(np.float32), 1, constant_values=-1.0)
    full = make_well_composed(padded > 0)
    # Cells filled by the repair get a small positive value, so that signs and topology agree.
    field = np.clip(np.where(full, np.maximum(padded, 0.05), np.minimum(padded, -0.05)), -4.0, 4.0)
    vertices, faces = _boundary(full, field)
    vertices = taubin_smooth(vertices, faces, smoothing_steps)
    return trimesh.Trimesh(vertices=(vertices - 1.0) / resolution - 0.5, faces=faces, process=False)


def without_crumbs(logits: NDArray[np.float32], smallest_share: float) -> NDArray[np.float32]:
    """Empty the connected parts (by faces) that hold less than `smallest_share` of all full cells."""
    parts, count = ndimage.label(logits > 0)
    sizes = np.bincount(parts.reshape(-1), minlength=count + 1)
    crumb = sizes < smallest_share * sizes[1:].sum()
    crumb[0] = False
    return np.where(crumb[parts], np.float32(-1.0), logits)


def without_cavities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill what is enclosed on all sides and nobody sees: a decoder's shells become solids."""
    full = logits > 0
    return np.where(ndimage.binary_fill_holes(full) & ~full, np.float32(1.0), logits)


def make_well_composed(full: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill cells until no two full (or empty) cells of a 2×2×2 block touch only along an edge or at a corner."""
    full = full.copy()
    while True:
        before = int(full.sum())
        for axis in range(3):
            view = np.moveaxis(full, axis, 0)
            a, b = view[:, :-1, :-1], view[:, 1:, :-1]
            c, d = view[:, :-1, 1:], view[:, 1:, 1:]
            main, other = a & d & ~b & ~c, b & c & ~a & ~d
            b |= main
            a |= other
        corners = {
            (i, j, k): full[i : full.shape[0] - 1 + i, j : full.shape[1] - 1 + j, k : full.shape[2] - 1 + k]
            for i in (0, 1)
            for j in (0, 1)
            for k in (0, 1)
        }
        count = np.sum(list(corners.values()), axis=0)
        for i, j, k in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)):
            near, far = corners[i, j, k], corners[1 - i, 1 - j, 1 - k]
            # Two full cells at opposite corners, or all but two opposite ones: fill one neighbour, or one of the two.
            bridge = (count == 2) & near & far
            hole = (count == 6) & ~near & ~far
            corners[1 - i, j, k][bridge] = True
            near[hole] = True
        if int(full.sum()) == before:
            return full


def _boundary(full: NDArray[np.bool_], field: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices (in cells, at lattice corners moved to the crossings) and outward triangles of the boundary."""
    shape = np.array(full.shape)
    strides = np.array([(shape[1] + 1) * (shape[2] + 1), shape[2] + 1, 1])
    quads, totals, weights = [], np.zeros(((shape + 1).prod(), 3)), np.zeros((shape + 1).prod())
    for axis in range(3):
        lower = np.take(full, range(shape[axis] - 1), axis)
        upper = np.take(full, range(1, shape[axis]), axis)
        cells = np.argwhere(lower != upper)
        outward = full[tuple(cells.T)]
        neighbour = cells.copy()
        neighbour[:, axis] += 1
        first, second = field[tuple(cells.T)], field[tuple(neighbour.T)]
        crossing = cells + 0.5
        crossing[:, axis] += first / (first - second)
        one, two = np.eye(3, dtype=int)[(axis + 1) % 3], np.eye(3, dtype=int)[(axis + 2) % 3]
        ring = [neighbour, neighbour + one, neighbour + one + two, neighbour + two]
        quad = np.stack([corner @ strides for corner in ring], axis=1)
        quad[~outward] = quad[~outward][:, ::-1]
        quads.append(quad)
        for column in range(4):
            for channel in range(3):
                totals[:, channel] += np.bincount(quad[:, column], crossing[:, channel], minlength=len(totals))
            weights += np.bincount(quad[:, column], minlength=len(weights))
    quad = np.concatenate(quads)
    used, inverse = np.unique(quad, return_inverse=True)
    vertices = totals[used] / weights[used, None]
    quad = inverse.reshape(-1, 4)
    return vertices, np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])


def taubin_smooth(vertices: NDArray[np.float64], faces: NDArray[np.int64], steps: int) -> NDArray[np.float64]:
    """Alternate shrinking and inflating Laplacian steps, which smooth without losing volume."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    degree = np.bincount(edges[:, 0], minlength=len(vertices))[:, None]
    for step in range(2 * steps):
        mean = np.stack(
            [np.bincount(edges[:, 0], vertices[edges[:, 1], axis], minlength=len(vertices)) for axis in range(3)],
            axis=1,
        )
        vertices = vertices + (0.5 if step % 2 == 0 else -0.53) * (mean / degree - vertices)
    return vertices
