"""Which samples of a regular grid lie inside which triangles: the core of the rasteriser and of the voxeliser.

Samples sit at integer + 0.5. A sample exactly on an edge shared by two triangles belongs to exactly one of them, so a
closed surface is counted once everywhere: the sample is taken as moved by (-ε, +ε²), the same way for every triangle.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_PAIRS_PER_CHUNK = 4_000_000


@dataclass(frozen=True)
class Coverage:
    """One row per (triangle, covered sample) pair.

    `triangle` (n,) indexes the triangles given; `column`, `row` (n,) are grid indices; `weights` (n, 3) are the
    barycentric coordinates of the sample; they sum to 1.
    """

    triangle: NDArray[np.int64]
    column: NDArray[np.int64]
    row: NDArray[np.int64]
    weights: NDArray[np.float64]


def cover(corners: NDArray[np.float64], width: int, height: int) -> Coverage:
    """Find the samples of a `width` × `height` grid covered by triangles with `corners` (m, 3, 2) in grid units.

    Orientation does not matter; degenerate triangles cover nothing.
    """
    if corners.ndim != 3 or corners.shape[1:] != (3, 2):
        raise ValueError(f"corners must have shape (m, 3, 2), got {corners.shape}")
    limits = np.array([width, height])
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    lowest, highest = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    first = np.clip(np.ceil(lowest - 0.5), 0, limits).astype(np.int64)
    last = np.clip(np.floor(highest - 0.5), -1, limits - 1).astype(np.int64)
    extent = np.maximum(last - first + 1, 0)
    counts = extent[:, 0] * extent[:, 1]
    chosen = np.flatnonzero(counts)
    bounds = np.cumsum(counts[chosen])
    pieces = []
    begin = 0
    while begin < chosen.size:
        done = bounds[begin - 1] if begin else 0
        end = max(int(np.searchsorted(bounds, done + _PAIRS_PER_CHUNK, side="right")), begin + 1)
        pieces.append(_cover_boxes(corners, chosen[begin:end], first, extent, counts))
        begin = end
    if not pieces:
        empty = np.zeros(0, dtype=np.int64)
        return Coverage(empty, empty, empty, np.zeros((0, 3)))
    if len(pieces) == 1:
        return pieces[0]
    return Coverage(
        np.concatenate([piece.triangle for piece in pieces]),
        np.concatenate([piece.column for piece in pieces]),
        np.concatenate([piece.row for piece in pieces]),
        np.concatenate([piece.weights for piece in pieces]),
    )


def _cover_boxes(
    corners: NDArray[np.float64],
    chosen: NDArray[np.int64],
    first: NDArray[np.int64],
    extent: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> Coverage:
    """Test every sample in the bounding boxes of the chosen triangles."""
    counts = counts[chosen]
    local = np.repeat(np.arange(chosen.size), counts)
    offset = np.arange(local.size) - np.repeat(np.cumsum(counts) - counts, counts)
    row_offset, column_offset = np.divmod(offset, extent[chosen, 0][local])
    column = first[chosen, 0][local] + column_offset
    row = first[chosen, 1][local] + row_offset
    x, y = column + 0.5, row + 0.5

    triangle = corners[chosen]
    area = _cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0])
    counter_clockwise = (area > 0)[local]
    inside = (area != 0)[local]
    signed = np.empty((3, local.size))
    for corner in range(3):
        start, stop = triangle[:, (corner + 1) % 3], triangle[:, (corner + 2) % 3]
        # Evaluate each edge from its lower end, so that both neighbours compute the very same number.
        swap = (start[:, 1] > stop[:, 1]) | ((start[:, 1] == stop[:, 1]) & (start[:, 0] > stop[:, 0]))
        lower = np.where(swap[:, None], stop, start)
        along = np.where(swap[:, None], start, stop) - lower
        side = along[local, 0] * (y - lower[local, 1]) - along[local, 1] * (x - lower[local, 0])
        on_left = side >= 0
        inside &= on_left == (counter_clockwise ^ swap[local])
        signed[corner] = np.where(swap[local], -side, side)
    kept = np.flatnonzero(inside)
    weights = signed[:, kept].T / area[local[kept], None]
    return Coverage(chosen[local[kept]], column[kept], row[kept], weights)


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
