"""Proposed meshes become canonical ones of a size that browsers like."""

import numpy as np
import pytest
import trimesh
from PIL import Image

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


def test_a_textured_mesh_of_too_many_faces_is_reduced_and_its_texture_becomes_colours() -> None:
    sphere = trimesh.creation.uv_sphere(count=[200, 200])
    sides = Image.new("RGB", (64, 64), (220, 30, 30))
    sides.paste((30, 30, 220), (32, 0, 64, 64))
    right = sphere.vertices[:, 0] > 0
    uv = np.column_stack([np.where(right, 0.75, 0.25), np.full(len(right), 0.5)])
    sphere.visual = trimesh.visual.TextureVisuals(uv=uv, image=sides)
    assert len(sphere.faces) > MOST_FACES
    glb, summary = canonical_glb(sphere)
    assert 0.8 * MOST_FACES < summary.face_count <= MOST_FACES
    (part,) = read_glb(glb)
    assert part.texture_png is None
    assert part.colors is not None
    assert np.median(part.colors[part.positions[:, 0] > 0.1], axis=0).tolist() == [30, 30, 220]
    assert np.median(part.colors[part.positions[:, 0] < -0.1], axis=0).tolist() == [220, 30, 30]
    np.testing.assert_allclose(np.linalg.norm(part.positions, axis=1), 0.5, atol=0.005)


def test_what_is_written_is_canonical() -> None:
    glb, _ = canonical_glb(trimesh.creation.icosphere(subdivisions=3))
    assert check_canonical(glb, max_bytes=10**6, max_faces=MOST_FACES).watertight


def test_a_mesh_beyond_all_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meshes, "LIMITS", meshes.MeshLimits(max_faces=11))
    with pytest.raises(GlbRefused, match="12 faces and 8 vertices, at most 11 are allowed"):
        canonical_glb(trimesh.creation.box())
