"""Proposed meshes become canonical ones."""

import numpy as np
import pytest
import trimesh

from engine.contracts.glb import GlbRefused, check_canonical, read_glb
from model_workers import meshes
from model_workers.meshes import MOST_FACES, canonical_glb


def test_a_small_mesh_keeps_every_face_and_colour() -> None:
    mesh = trimesh.creation.box((3.0, 1.0, 1.0))
    mesh.visual.vertex_colors = np.tile([[250, 120, 5, 255]], (8, 1))
    glb, summary = canonical_glb(mesh)
    assert (summary.vertex_count, summary.face_count, summary.watertight) == (8, 12, True)
    (part,) = read_glb(glb)
    assert part.colors is not None
    assert part.colors[0].tolist() == [250, 120, 5]
    np.testing.assert_allclose(np.ptp(part.positions, axis=0), [1, 1 / 3, 1 / 3], atol=1e-6)


def test_a_mesh_keeps_its_faces_for_data_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    sphere = trimesh.creation.icosphere(subdivisions=5)
    assert canonical_glb(sphere)[1].face_count == len(sphere.faces)
    monkeypatch.setattr(meshes, "MOST_FACES", 5_000)
    assert 4_000 < canonical_glb(sphere)[1].face_count <= 5_000


def test_what_is_written_is_canonical() -> None:
    glb, _ = canonical_glb(trimesh.creation.icosphere(subdivisions=3))
    assert check_canonical(glb, max_bytes=10**6, max_faces=MOST_FACES).watertight


def test_a_mesh_beyond_all_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meshes, "LIMITS", meshes.MeshLimits(max_faces=11))
    with pytest.raises(GlbRefused, match="12 faces and 8 vertices, at most 11 are allowed"):
        canonical_glb(trimesh.creation.box())
