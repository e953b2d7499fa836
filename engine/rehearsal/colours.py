"""How well the colours of a mesh fit the photograph, from the view in which its outline fits the mask."""

import numpy as np
from numpy.typing import NDArray

from engine.contracts.glb import MeshPart
from engine.rehearsal.silhouettes import GRID_PX, grid_cells, silhouette


def colour_likeness(
    parts: list[MeshPart], *, rotation: NDArray[np.float64], image: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> float:
    """Return one minus the mean difference of colours, in [0, 1]: 1 where all that is seen is as in the photograph.

    Args:
        parts: of a canonical GLB, with colours by vertex.
        rotation: (3, 3) camera_from_object of the view.
        image: (H, W, 3) uint8. mask: (H, W) bool.
    """
    vertices = np.concatenate([np.asarray(part.positions, np.float64) for part in parts]) @ rotation.T
    colours = np.concatenate([_vertex_colours(part) for part in parts])
    seen, known = _front_colours(vertices, colours)
    wanted, inside = _photograph(image, mask)
    both = known & inside
    if not both.any():
        return 0.0
    return float(1.0 - np.abs(seen[both] - wanted[both]).mean() / 255)


def _vertex_colours(part: MeshPart) -> NDArray[np.float64]:
    if part.colors is not None:
        return part.colors.astype(np.float64)
    return np.tile(np.asarray(part.base_color, np.float64), (len(part.positions), 1))


def _front_colours(
    vertices: NDArray[np.float64], colours: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Colours of the vertices nearest to the viewer on the grid of `silhouettes`, and where there are any."""
    points_view = np.ascontiguousarray(vertices[:, :2].T)
    far_to_near = np.argsort(-vertices[:, 2])
    cells = np.zeros((GRID_PX**2, 3))
    cells[grid_cells(points_view)[far_to_near]] = colours[far_to_near]
    grid = cells.reshape(GRID_PX, GRID_PX, 3)
    return grid, silhouette(points_view) & (grid.sum(axis=-1) > 0)


def _photograph(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The masked photograph on the same grid, each cell the mean of its pixels."""
    rows, columns = np.nonzero(mask)
    points = np.stack([columns, rows], axis=1).astype(float)
    low, high = points.min(axis=0), points.max(axis=0) + 1
    cell = float((high - low).max()) / (GRID_PX - 4)
    offset = (GRID_PX - (high - low) / cell) / 2
    column, row = np.clip(((points - low) / cell + offset).astype(int), 0, GRID_PX - 1).T
    place = row * GRID_PX + column
    counts = np.bincount(place, minlength=GRID_PX**2)
    pixels = image[rows, columns].astype(np.float64)
    sums = np.column_stack([np.bincount(place, pixels[:, channel], GRID_PX**2) for channel in range(3)])
    means = sums / np.maximum(counts, 1)[:, None]
    return means.reshape(GRID_PX, GRID_PX, 3), (counts > 0).reshape(GRID_PX, GRID_PX)
