"""Earth mover's distance between two dense point sets of equal mass.

The best assignment of a million points is out of reach. Both sets are cut into the same number of cells that hold
equally many points, by halving them along one axis again and again; a cell's mean stands for its points. Between the
means the assignment is exact. Both sets are cut along the same axes, so that equal sets get equal cells: the distance
of a shape to itself is then about a tenth of what as many points drawn at random would give.

The answer differs from that of the points by at most their mean distances from the means of their cells; in practice
by far less: 2,048 cells are within 0.002 of 4,096 (`docs/evaluation.md`).

Source: paper section D.3.1; the paper does not say on how many points.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from training_loop.evaluation.meshes import Points

EMD_CELLS = 2_048

# Points cut into each cell; of more points, evenly spread ones are used.
POINTS_PER_CELL = 128

# Cells of the first, coarse assignment, which tells the fine one where to look.
COARSE_CELLS = 512


def earth_mover_distance(first: Points, second: Points, *, cells: int = EMD_CELLS) -> float:
    """Mean distance of the best one-to-one assignment between `cells` means of each set.

    Raises:
        ValueError: `cells` is no power of two, or a set has fewer points.
    """
    if cells < 1 or cells & (cells - 1):
        raise ValueError(f"cells must be a power of two, got {cells}")
    if min(len(first), len(second)) < cells:
        raise ValueError(f"{cells} cells need as many points, got {len(first)} and {len(second)}")
    per_cell = min(POINTS_PER_CELL, len(first) // cells, len(second) // cells)
    ours, theirs = equal_cells(_evenly(first, cells * per_cell), _evenly(second, cells * per_cell), cells)
    if cells <= COARSE_CELLS:
        return _mean_cost(cdist(ours, theirs))
    # Prices of a coarse assignment are nearly right for the fine one; costs reduced by them take a fraction of the time
    # and have the same best assignment.
    ours_coarse, theirs_coarse = (means.reshape(COARSE_CELLS, -1, 3).mean(axis=1) for means in (ours, theirs))
    prices = _prices(cdist(ours_coarse, theirs_coarse))
    profit = (cdist(ours, theirs_coarse) - prices).min(axis=1)
    cost = cdist(ours, theirs)
    prices = (cost - profit[:, None]).min(axis=0)
    profit = (cost - prices).min(axis=1)
    rows, columns = linear_sum_assignment(cost - profit[:, None] - prices)
    return float(cost[rows, columns].mean())


def equal_cells(first: Points, second: Points, cells: int) -> tuple[Points, Points]:
    """Means (cells, 3) of equally large cells of each set; sizes are multiples of `cells`, a power of two."""
    ours, theirs = first[None], second[None]
    while len(ours) < cells:
        extent = np.ptp(ours, axis=1) + np.ptp(theirs, axis=1)
        axis = np.argmax(extent, axis=1)
        ours, theirs = _halve(ours, axis), _halve(theirs, axis)
    return ours.mean(axis=1), theirs.mean(axis=1)


def _halve(cells: Points, axis: NDArray[np.intp]) -> Points:
    """Cut each of (k, n, 3) cells at its median along its axis → (2 k, n / 2, 3)."""
    k, n, _ = cells.shape
    along = np.take_along_axis(cells, axis[:, None, None], axis=2)[..., 0]
    order = np.argpartition(along, n // 2, axis=1)
    return np.take_along_axis(cells, order[..., None], axis=1).reshape(2 * k, n // 2, 3)


def _evenly(points: Points, count: int) -> Points:
    """Exactly `count` of the points, evenly along the list."""
    return points[(2 * np.arange(count) + 1) * len(points) // (2 * count)]


def _mean_cost(cost: Points) -> float:
    rows, columns = linear_sum_assignment(cost)
    return float(cost[rows, columns].mean())


def _prices(cost: Points) -> Points:
    """Prices (n,) of the columns that make the best assignment of (n, n) costs the best choice of every row."""
    _, column = linear_sum_assignment(cost)
    saved = cost - cost[np.arange(len(cost)), column][:, None]
    prices = np.zeros(len(cost))
    # Shortest paths by relaxation; the best assignment leaves no cycle that would save anything.
    for _ in range(len(cost)):
        lower = np.minimum(prices, (saved + prices[column][:, None]).min(axis=0))
        if np.allclose(lower, prices, rtol=0, atol=1e-12):
            break
        prices = lower
    return prices
