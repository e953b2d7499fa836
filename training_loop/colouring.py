"""Vertex colours from the photograph: a first texture for the coarse shape."""

import numpy as np
import trimesh
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics, project
from engine.contracts.poses import Pose, transform_points


def paint_from_photograph(
    mesh: trimesh.Trimesh,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    layout: Pose | None,
    intrinsics: Intrinsics,
) -> None:
    """Set the mesh's vertex colours: what the photograph shows at the vertex's projection, else the object's mean.

    Vertices at the back take the colour in front of them, as most objects look alike from behind.
    """
    mean = image[mask].mean(axis=0)
    colours = np.tile(mean, (len(mesh.vertices), 1))
    if layout is not None:
        pixels = project(transform_points(layout, np.asarray(mesh.vertices)), intrinsics)
        height, width = mask.shape
        column = np.floor(np.nan_to_num(pixels[:, 0], nan=-1.0).clip(-1, width)).astype(int)
        row = np.floor(np.nan_to_num(pixels[:, 1], nan=-1.0).clip(-1, height)).astype(int)
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        inside[inside] = mask[row[inside], column[inside]]
        colours[inside] = image[row[inside], column[inside]]
    rgba = np.concatenate([colours, np.full((len(colours), 1), 255.0)], axis=1).astype(np.uint8)
    mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=rgba)
