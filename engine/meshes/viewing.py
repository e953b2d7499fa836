"""Meshes as they are shown: uncoloured, and reduced to what a browser draws with ease."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contracts.glb import MeshPart, fit_to_unit_cube, triangles

MOST_FACES_ON_SHOW = 200_000


def uncoloured(parts: list[MeshPart]) -> list[MeshPart]:
    """The bare surface in one piece."""
    return [MeshPart(*triangles(parts))]


def reduced(parts: list[MeshPart], *, most_faces: int = MOST_FACES_ON_SHOW) -> list[MeshPart]:
    """Reduce to `most_faces` by quadric edge collapse, each part by its share; smaller meshes stay as they are.

    Colours come from the nearest old vertex, a texture becomes colours.
    """
    face_count = sum(len(part.faces) for part in parts)
    if face_count <= most_faces:
        return parts
    small = [_reduced_part(part, keep=max(4, len(part.faces) * most_faces // face_count)) for part in parts]
    return fit_to_unit_cube(small)


def _reduced_part(part: MeshPart, *, keep: int) -> MeshPart:
    import trimesh
    from scipy.spatial import cKDTree

    if len(part.faces) <= keep:
        return part
    full = trimesh.Trimesh(part.positions, part.faces, process=False)
    full.merge_vertices()
    small = full.simplify_quadric_decimation(face_count=keep)
    colors = _vertex_colors(part)
    if colors is not None:
        _, nearest = cKDTree(part.positions).query(small.vertices)
        colors = colors[nearest]
    return MeshPart(np.asarray(small.vertices), np.asarray(small.faces), colors=colors, base_color=part.base_color)


def _vertex_colors(part: MeshPart) -> NDArray[np.uint8] | None:
    if part.colors is not None or part.uv is None or part.texture_png is None:
        return part.colors
    with Image.open(io.BytesIO(part.texture_png)) as picture:
        texture = np.asarray(picture.convert("RGB"))
    height, width = texture.shape[:2]
    column = np.clip(((part.uv[:, 0] % 1.0) * width).astype(int), 0, width - 1)
    row = np.clip(((part.uv[:, 1] % 1.0) * height).astype(int), 0, height - 1)
    return np.asarray(texture[row, column])
