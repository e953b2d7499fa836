"""Proposed meshes become canonical GLBs."""

import trimesh

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
from engine.meshes.viewing import reduced

LIMITS = MeshLimits()
MOST_FACES = 1_000_000  # what is shown to people has fewer: `engine.generation.views`


def canonical_glb(mesh: trimesh.Trimesh | bytes) -> tuple[bytes, MeshSummary]:
    """Check, fit to [-0.5, 0.5]³, reduce to a million faces and write.

    Raises:
        GlbRefused: no faces, NaN vertices, too large, or (bytes) no readable GLB.
    """
    parts = _foreign_parts(mesh) if isinstance(mesh, bytes) else _own_parts(mesh)
    parts = fit_to_unit_cube(reduced(parts, most_faces=MOST_FACES))
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
