"""Foreign files through the real sandbox process: what comes out is canonical, what harms is refused in time."""

import io
import json
import time
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from engine.contracts.glb import check_canonical, read_glb
from engine.meshes.canonical import MeshLimits, MeshRefused, canonicalise_glb

LIMITS = MeshLimits(wall_seconds=20, cpu_seconds=10)


def a_box(**fields: Any) -> trimesh.Trimesh:
    return trimesh.creation.box(extents=(2.0, 4.0, 1.0), **fields)


def exported(mesh: Any, file_type: str) -> bytes:
    data = mesh.export(file_type=file_type)
    return data.encode() if isinstance(data, str) else bytes(data)


@pytest.mark.parametrize("file_type", ["glb", "stl"])
def test_every_format_becomes_a_canonical_glb_with_its_orientation_kept(file_type: str) -> None:
    mesh = canonicalise_glb(exported(a_box(), file_type), limits=LIMITS, file_name=f"Mug by Jo.{file_type}")
    assert (mesh.face_count, mesh.watertight) == (12, True)
    assert check_canonical(mesh.glb, max_bytes=10**6, max_faces=100).face_count == 12
    positions = read_glb(mesh.glb)[0].positions
    np.testing.assert_allclose(positions.max(axis=0), [0.25, 0.5, 0.125], atol=1e-6)


def test_a_scene_with_placed_parts_a_texture_and_names() -> None:
    textured = trimesh.creation.box()
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    textured.visual = trimesh.visual.TextureVisuals(uv=np.random.default_rng(0).random((8, 2)), image=red)
    plain = trimesh.creation.icosphere(subdivisions=1)
    plain.visual.vertex_colors = np.tile([[10, 200, 30, 255]], (len(plain.vertices), 1))
    scene = trimesh.Scene({"secret_generator_body": textured})
    scene.add_geometry(plain, node_name="lid", transform=trimesh.transformations.translation_matrix([0, 2.0, 0]))
    mesh = canonicalise_glb(exported(scene, "glb"), limits=LIMITS)
    assert mesh.face_count == 12 + 80
    assert b"secret" not in mesh.glb
    parts = read_glb(mesh.glb)
    texture = next(part.texture_png for part in parts if part.texture_png)
    assert Image.open(io.BytesIO(texture)).getpixel((0, 0)) == (255, 0, 0)
    lid = next(part for part in parts if part.texture_png is None)
    assert lid.colors is not None
    assert lid.colors[0].tolist() == [10, 200, 30]
    assert lid.positions[:, 1].min() > -0.1
    assert min(part.positions[:, 1].min() for part in parts) == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<html>not found</html>", "not a mesh"),
        (b"v 0 0 0\nv 1 0 0\nv nan 1 0\nf 1 2 3\n", "NaN"),
    ],
)
def test_a_refusal_names_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(MeshRefused, match=reason):
        canonicalise_glb(data, limits=LIMITS)


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    started = time.monotonic()
    with pytest.raises(MeshRefused, match="at most 200 are allowed"):
        canonicalise_glb(bytes(201 * 2**20), limits=LIMITS)
    assert time.monotonic() - started < 1


def test_reading_that_needs_too_much_memory_is_refused() -> None:
    lines = b"".join(b"v %d 0.5 0.25\n" % index for index in range(400_000))
    with pytest.raises(MeshRefused, match=r"memory|ended the limited process"):
        canonicalise_glb(lines + b"f 1 2 3\n", limits=MeshLimits(memory_bytes=300 * 2**20), file_format="obj")


def test_reading_that_takes_too_long_is_refused() -> None:
    with pytest.raises(MeshRefused, match="took longer"):
        canonicalise_glb(exported(a_box(), "glb"), limits=MeshLimits(wall_seconds=0.05))


def test_the_sandbox_knows_no_django_and_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    seen: dict[str, Any] = {}
    original = subprocess.run

    def run(command: list[str], **options: Any) -> Any:
        seen.update(options["env"])
        return original(command, **options)

    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    monkeypatch.setattr(subprocess, "run", run)
    canonicalise_glb(exported(a_box(), "glb"), limits=LIMITS)
    assert "DATABASE_URL" not in json.dumps(seen)
