"""Proposed meshes become canonical GLBs of a size that browsers like."""

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from engine.contracts.glb import (
    GlbRefused,
    MeshPart,
    MeshSummary,
    fit_to_unit_cube,
    read_glb,
    summarise,
    write_glb,
)
from engine.meshes.canonical import MeshLimits, MeshRefused, canonicalise_glb
from engine.meshes.reading import parts_of

LIMITS = MeshLimits()
MOST_FACES = 50_000


def canonical_glb(mesh: trimesh.Trimesh | bytes) -> tuple[bytes, MeshSummary]:
    """Check, fit to [-0.5, 0.5]³, reduce to 50,000 faces and write.

    Raises:
        GlbRefused: no faces, NaN vertices, too large, or (bytes) no readable GLB.
    """
    parts = _foreign_parts(mesh) if isinstance(mesh, bytes) else _own_parts(mesh)
    face_count = sum(len(part.faces) for part in parts)
    if face_count > MOST_FACES:
        parts = [_reduced(part, keep=max(4, len(part.faces) * MOST_FACES // face_count)) for part in parts]
    parts = fit_to_unit_cube(parts)
    return write_glb(parts), summarise(parts)


def _foreign_parts(glb: bytes) -> list[MeshPart]:
    try:
        return read_glb(canonicalise_glb(glb, limits=LIMITS, file_format="glb").glb)
    except MeshRefused as refusal:
        raise GlbRefused(refusal.reason) from refusal


def _own_parts(mesh: trimesh.Trimesh) -> list[MeshPart]:
    if not isinstance(mesh, trimesh.Trimesh):
        raise GlbRefused(f"the generator returned {type(mesh).__name__} instead of a mesh")
    if len(mesh.faces) > LIMITS.max_faces or len(mesh.vertices) > LIMITS.max_faces:
        raise GlbRefused(
            f"the mesh has {len(mesh.faces)} faces and {len(mesh.vertices)} vertices, "
            f"at most {LIMITS.max_faces} are allowed"
        )
    return parts_of([mesh])


def _reduced(part: MeshPart, *, keep: int) -> MeshPart:
    """Quadric edge collapse; colours come from the nearest old vertex, a texture becomes colours."""
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
    import io

    from PIL import Image

    with Image.open(io.BytesIO(part.texture_png)) as picture:
        texture = np.asarray(picture.convert("RGB"))
    height, width = texture.shape[:2]
    column = np.clip(((part.uv[:, 0] % 1.0) * width).astype(int), 0, width - 1)
    row = np.clip(((part.uv[:, 1] % 1.0) * height).astype(int), 0, height - 1)
    return np.asarray(texture[row, column])
