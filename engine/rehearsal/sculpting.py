"""What a scripted artist makes: the mask's outline blown up to a closed body, Y up, fitted to [-0.5, 0.5]³."""

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage

GRID_CELLS = 64


def sculpt(mask: NDArray[np.bool_]) -> trimesh.Trimesh:
    """Return a watertight mesh whose front view is `mask` and whose depth follows the distance to its outline."""
    rows, columns = np.nonzero(mask)
    crop = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    step = max(crop.shape) / GRID_CELLS
    sampled = crop[
        np.minimum((np.arange(int(np.ceil(crop.shape[0] / step))) * step).astype(int), crop.shape[0] - 1)[:, None],
        np.minimum((np.arange(int(np.ceil(crop.shape[1] / step))) * step).astype(int), crop.shape[1] - 1)[None, :],
    ]
    filled = np.pad(sampled, 1)
    distance = ndimage.distance_transform_edt(filled)
    depth_cells = np.sqrt(distance * np.maximum(distance.max(), 1.0))
    # One unit cube per cell, stretched to its depth: scaling and moving vertices is all that a box needs.
    cells = np.argwhere(filled)
    cube = trimesh.creation.box()
    stretch = np.stack([np.ones(len(cells)), np.ones(len(cells)), 2 * depth_cells[filled]], axis=1)
    centres = np.stack([cells[:, 1], -cells[:, 0], np.zeros(len(cells))], axis=1)
    vertices = (cube.vertices[None] * stretch[:, None] + centres[:, None]).reshape(-1, 3)
    faces = (cube.faces[None] + 8 * np.arange(len(cells))[:, None, None]).reshape(-1, 3)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    fitted = (vertices - (low + high) / 2) / float((high - low).max())
    return trimesh.Trimesh(vertices=fitted, faces=faces, process=False)
