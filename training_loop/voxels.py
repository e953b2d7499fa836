"""Solid occupancy of a mesh on a regular grid over [-0.5, 0.5]³.

A closed mesh is measured by winding numbers: exact at cell centres, indifferent to overlapping parts, right about
cavities. Meshes found in the wild are often open, doubled or wound at random; for those, a cell is full if lines along
two of three axes say so, or if the surface shuts it off from the outside.
"""

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage

from training_loop.triangle_coverage import cover

_THIN_SAMPLES = 30_000


def voxelise(mesh: trimesh.Trimesh, resolution: int = 64) -> NDArray[np.bool_]:
    """Return solid occupancy (R, R, R) indexed [x, y, z]; a cell is full if its centre is inside the mesh.

    Inside means a nonzero winding number, so closed parts may overlap or nest, and a cavity (an inner surface wound the
    other way) is empty. Vertices that coincide count as one, whatever seams of texture separate them.

    Raises:
        ValueError: the resolution is below 1 or a vertex is not finite.
    """
    if resolution < 1:
        raise ValueError(f"resolution must be at least 1, got {resolution}")
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    if not np.isfinite(vertices).all():
        raise ValueError("the mesh has vertices that are NaN or infinite; repair it before voxelising")
    vertices, faces = _merge_vertices(vertices, np.asarray(mesh.faces, dtype=np.int64))
    single = _without_twins(faces)
    corners = (vertices[single] + 0.5) * resolution
    if len(single) == len(faces) and _is_closed(faces):
        return np.asarray(_winding(_crossings(corners, 2, resolution)[1]) != 0)
    votes = np.zeros((resolution,) * 3, dtype=np.int8)
    # Cells at odd places, the steps between neighbouring cells at even ones.
    free = np.zeros((2 * resolution + 1,) * 3, dtype=bool)
    free[1::2, 1::2, 1::2] = True
    for axis in range(3):
        count, step = _crossings(corners, axis, resolution)
        order = np.argsort(_order(axis))
        # A line that does not come out where it went in has passed through a hole and knows nothing.
        balanced = step.sum(axis=2, keepdims=True) == 0
        votes += np.transpose((_winding(step) != 0) & balanced, order)
        between = tuple(slice(None, None, 2) if other == axis else slice(1, None, 2) for other in range(3))
        free[between] = np.transpose(count == 0, order)
    return np.asarray((votes >= 2) | ~_reachable(free)[1::2, 1::2, 1::2])


def voxelise_with_thin_walls(mesh: trimesh.Trimesh, resolution: int = 64) -> NDArray[np.bool_]:
    """Like `voxelise`, and full where walls thinner than a cell pass between the centres.

    Points of the surface are moved inwards by a third of a cell; the cells that they lie in are full. Thick parts
    hardly grow by it, plates and pan rims stay whole.
    """
    solid = voxelise(mesh, resolution)
    corners = np.asarray(mesh.triangles, dtype=np.float64)
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    doubled = np.linalg.norm(crossed, axis=1)
    if not doubled.sum() > 0:
        return solid
    rng = np.random.default_rng(resolution)
    chosen = np.searchsorted(np.cumsum(doubled), rng.random(_THIN_SAMPLES) * doubled.sum(), side="right")
    chosen = chosen.clip(max=len(corners) - 1)
    u, v = np.sqrt(rng.random((_THIN_SAMPLES, 1))), rng.random((_THIN_SAMPLES, 1))
    picked = corners[chosen]
    points = (1 - u) * picked[:, 0] + u * (1 - v) * picked[:, 1] + u * v * picked[:, 2]
    points -= crossed[chosen] / np.maximum(doubled[chosen], 1e-30)[:, None] * (0.33 / resolution)
    cells = np.floor((points + 0.5) * resolution).astype(np.int64)
    cells = cells[((cells >= 0) & (cells < resolution)).all(axis=1)]
    solid[cells[:, 0], cells[:, 1], cells[:, 2]] = True
    return solid


def occupied_centres(occupancy: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the (n, 3) centres of the full cells of an (R, R, R) grid, object frame."""
    resolution = occupancy.shape[0]
    return np.asarray((np.argwhere(occupancy) + 0.5) / resolution - 0.5, dtype=np.float32)


def _order(axis: int) -> list[int]:
    """Axes with `axis` last; cyclic, which keeps the handedness."""
    return [(axis + 1) % 3, (axis + 2) % 3, axis]


def _crossings(
    corners: NDArray[np.float64], axis: int, resolution: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count (R, R, R + 1), and sum with signs, where lines along `axis` through the centres meet the surface.

    Entry k of a line lies between the centres k - 1 and k; the two ends hold what lies outside of them. Axes are in
    `_order(axis)`. Entering through a face that looks back along the line counts +1, leaving -1.
    """
    turned = corners[:, :, _order(axis)]
    coverage = cover(turned[:, :, :2], resolution, resolution)
    crossing = np.einsum("ij,ij->i", coverage.weights, turned[coverage.triangle, :, 2])
    edge_1, edge_2 = turned[:, 1, :2] - turned[:, 0, :2], turned[:, 2, :2] - turned[:, 0, :2]
    sign = -np.sign(edge_1[:, 0] * edge_2[:, 1] - edge_1[:, 1] * edge_2[:, 0])
    first_above = np.clip(np.ceil(crossing - 0.5), 0, resolution).astype(np.int64)
    shape = (resolution, resolution, resolution + 1)
    flat = np.ravel_multi_index((coverage.column, coverage.row, first_above), shape)
    size = int(np.prod(shape))
    count = np.bincount(flat, minlength=size).astype(np.float64)
    step = np.asarray(np.bincount(flat, weights=sign[coverage.triangle], minlength=size), dtype=np.float64)
    return count.reshape(shape), step.reshape(shape)


def _winding(step: NDArray[np.float64]) -> NDArray[np.int32]:
    """Winding number at every centre: signed crossings below it."""
    return np.cumsum(step[:, :, :-1], axis=2).round().astype(np.int32)


def _reachable(free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which free places are connected with the border."""
    labels, _ = ndimage.label(free)
    border = np.concatenate([labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel(), labels[:, :, [0, -1]].ravel()])
    outside = np.zeros(int(labels.max()) + 1, dtype=bool)
    outside[border] = True
    outside[0] = False
    return np.asarray(outside[labels])


def _merge_vertices(
    vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give vertices within a millionth of the mesh's size one index; drop the faces that collapse."""
    if not len(vertices):
        return vertices, faces
    low = vertices.min(axis=0)
    extent = float((vertices - low).max()) or 1.0
    x, y, z = np.round((vertices - low) * (2**20 / extent)).astype(np.int64).T
    _, first, index = np.unique((x << 42) | (y << 21) | z, return_index=True, return_inverse=True)
    merged = index[faces]
    whole = (merged[:, 0] != merged[:, 1]) & (merged[:, 1] != merged[:, 2]) & (merged[:, 2] != merged[:, 0])
    return vertices[first], merged[whole]


def _without_twins(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keep one of faces that join the same three vertices, as the two sides of a doubled sheet do."""
    low, middle, high = np.sort(faces, axis=1).T
    order = np.lexsort((high, middle, low))
    repeated = np.zeros(len(faces), dtype=bool)
    ahead, behind = order[1:], order[:-1]
    repeated[ahead] = (low[ahead] == low[behind]) & (middle[ahead] == middle[behind]) & (high[ahead] == high[behind])
    return faces[~repeated]


def _is_closed(faces: NDArray[np.int64]) -> bool:
    """Whether every edge is passed as often one way as the other, so that winding numbers are well defined."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    size = int(edges.max(initial=0)) + 1
    there, back = edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0]
    return bool(np.array_equal(np.sort(there), np.sort(back)))
