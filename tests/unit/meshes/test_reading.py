"""What a mesh file declares is checked before it is decoded; what cannot be used is refused with a reason."""

from typing import Any

import numpy as np
import pytest
import trimesh

from engine.contracts.glb import GlbRefused, MeshPart, fit_to_unit_cube, pack_glb, unpack_glb
from engine.meshes.reading import check_declared, guess_format, parts_of, read_parts

MOST_FACES = 5_000_000


def exported(mesh: Any, file_type: str) -> bytes:
    data = mesh.export(file_type=file_type)
    return data.encode() if isinstance(data, str) else bytes(data)


def changed(change: Any) -> bytes:
    document, binary = unpack_glb(exported(trimesh.creation.box(), "glb"))
    change(document)
    return pack_glb(document, bytes(binary))


def read(data: bytes, *, file_name: str = "") -> list[MeshPart]:
    file_format = guess_format(data, file_name=file_name)
    check_declared(data, file_format=file_format, max_faces=MOST_FACES)
    return fit_to_unit_cube(read_parts(data, file_format=file_format))


@pytest.mark.parametrize("file_type", ["glb", "obj", "ply", "stl"])
def test_every_format_is_known_by_its_content(file_type: str) -> None:
    data = exported(trimesh.creation.box(extents=(2.0, 4.0, 1.0)), file_type)
    assert guess_format(data) == file_type
    (part,) = read(data)
    assert len(part.faces) == 12
    np.testing.assert_allclose(part.positions.max(axis=0), [0.25, 0.5, 0.125], atol=1e-6)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a mesh"),
        (b"<html>not found</html>", "not a mesh"),
        (b"glTF\x02\x00\x00\x00", "not a GLB"),
        (changed(lambda d: d["accessors"][0].update(count=2_000_000_000)), "counts more values|declares"),
        (changed(lambda d: d["buffers"][0].update(uri="file:///etc/passwd")), "by URI"),
        (changed(lambda d: d["buffers"][0].update(uri="data:;base64,AAAA")), "by URI"),
        (changed(lambda d: d.update(images=[{"uri": "http://elsewhere/x.png"}])), "by URI"),
        (changed(lambda d: d.update(extensionsRequired=["KHR_draco_mesh_compression"])), "without compression"),
        (changed(lambda d: d.update(nodes=[{"children": [1, 1]}, {"mesh": 0}])), "two parents"),
        (changed(lambda d: d.update(nodes=[{"mesh": 0}] * 500_000)), "declares 6000000 face"),
        (b"ply\nformat ascii 1.0\nelement vertex 3\nelement face 4000000000\nend_header\n", "declares 4000000000 face"),
        (b"\0" * 80 + (4_000_000_000).to_bytes(4, "little") + b"\0" * 50, "declares 4000000000 face"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "no faces"),
        (b"v 0 0 0\nv 1 0 0\nv nan 1 0\nf 1 2 3\n", "NaN"),
    ],
)
def test_what_is_no_mesh_or_asks_for_too_much_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(GlbRefused, match=reason):
        read(data, file_name="upload.stl" if data[:1] == b"\0" else "")


def test_face_colours_get_vertices_of_their_own() -> None:
    mesh = trimesh.creation.box()
    mesh.visual.face_colors = np.arange(48, dtype=np.uint8).reshape(12, 4) * 5
    (part,) = parts_of([mesh])
    assert part.colors is not None
    np.testing.assert_array_equal(part.colors[part.faces[3]], np.tile(mesh.visual.face_colors[3, :3], (3, 1)))


def test_faces_that_name_no_vertex_are_refused() -> None:
    mesh = trimesh.Trimesh(np.eye(3), [[0, 1, 2]], process=False)
    mesh.faces = np.array([[0, 1, 7]])
    with pytest.raises(GlbRefused, match="does not exist"):
        parts_of([mesh])
