"""The canonical GLB: what is written is read back, and nothing else is read."""

import json
import struct
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.glb import (
    GlbRefused,
    MeshPart,
    check_canonical,
    fit_to_unit_cube,
    linear_from_srgb,
    pack_glb,
    read_glb,
    srgb_from_linear,
    summarise,
    unpack_glb,
    write_glb,
)

LIMITS = {"max_bytes": 10**6, "max_faces": 1000}


def box(**fields: Any) -> MeshPart:
    mesh = trimesh.creation.box()
    return MeshPart(np.asarray(mesh.vertices), np.asarray(mesh.faces), **fields)


def changed(data: bytes, change: Any) -> bytes:
    document, binary = unpack_glb(data)
    change(document)
    return pack_glb(document, bytes(binary))


def test_what_is_written_is_read_back() -> None:
    colors = np.arange(24, dtype=np.uint8).reshape(8, 3) * 10
    (part,) = read_glb(write_glb([box(colors=colors)]))
    np.testing.assert_array_equal(part.faces, box().faces)
    np.testing.assert_allclose(part.positions, box().positions, atol=1e-7)
    np.testing.assert_array_equal(part.colors, colors)


def test_other_readers_understand_it() -> None:
    scene = trimesh.load_scene(trimesh.util.wrap_as_stream(write_glb([box(), box()])), file_type="glb")
    assert sum(len(mesh.faces) for mesh in scene.geometry.values()) == 24
    np.testing.assert_allclose(scene.bounds, [[-0.5] * 3, [0.5] * 3])


def test_it_holds_no_name_and_no_generator() -> None:
    document, _ = unpack_glb(write_glb([box()]))
    text = json.dumps(document)
    assert document["asset"] == {"version": "2.0", "generator": "Lathe"}
    assert "name" not in text
    assert "extras" not in text


def test_equal_meshes_have_equal_bytes() -> None:
    assert write_glb([box()]) == write_glb([box()])


@pytest.mark.parametrize("faces", [12, 11])
def test_watertight_means_that_every_edge_has_two_sides(faces: int) -> None:
    mesh = box()
    summary = summarise([MeshPart(mesh.positions, mesh.faces[:faces])])
    assert (summary.vertex_count, summary.face_count, summary.watertight) == (8, faces, faces == 12)


def test_vertices_that_are_split_by_their_colours_leave_it_watertight() -> None:
    mesh = box()
    split = MeshPart(mesh.positions[mesh.faces.reshape(-1)], np.arange(36).reshape(-1, 3))
    assert summarise([split]).watertight


@given(st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3), st.floats(0.01, 100))
def test_fitting_centres_and_scales_and_does_not_turn(shift: list[float], size: float) -> None:
    mesh = box()
    moved = MeshPart(mesh.positions * (1.0, 0.5, 0.25) * size + shift, mesh.faces)
    (fitted,) = fit_to_unit_cube([moved])
    np.testing.assert_allclose(fitted.positions, mesh.positions * (1.0, 0.5, 0.25), atol=1e-3)


@pytest.mark.parametrize(
    ("positions", "faces", "reason"),
    [
        ([[0, 0, 0], [1, 0, 0], [np.nan, 1, 0]], [[0, 1, 2]], "NaN"),
        ([[0, 0, 0], [1, 0, 0], [np.inf, 1, 0]], [[0, 1, 2]], "NaN or infinite"),
        ([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.zeros((0, 3), int), "no faces"),
        ([[1, 1, 1], [1, 1, 1], [1, 1, 1]], [[0, 1, 2]], "no extent"),
    ],
)
def test_a_mesh_without_shape_is_refused(positions: Any, faces: Any, reason: str) -> None:
    with pytest.raises(GlbRefused, match=reason):
        fit_to_unit_cube([MeshPart(np.array(positions, float), np.array(faces))])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["asset"].update(generator="a generator"), "canonical form"),
        (lambda d: d["nodes"][0].update(name="sam3d"), "nameless"),
        (lambda d: d["meshes"][0].update(extras={"seed": 1}), "nameless"),
        (lambda d: d.update(extensionsUsed=["KHR_draco_mesh_compression"]), "no extensionsUsed"),
        (lambda d: d["materials"][0].update(name="sam3d"), "no name"),
        (lambda d: d["buffers"][0].update(uri="http://elsewhere/mesh.bin"), "keeps its data in the file"),
        (lambda d: d["accessors"][0].update(count=10**9), "counts more values"),
        (lambda d: d["bufferViews"][0].update(byteLength=10**9), "reaches outside the file"),
        (lambda d: d["bufferViews"][0].update(byteOffset=-4), "reaches outside the file"),
        (lambda d: d["meshes"][0]["primitives"][0]["attributes"].update(NORMAL=0), "nothing else"),
        (lambda d: d.pop("materials"), "broken"),
        (lambda d: d.update(meshes=3), "broken"),
        (lambda d: d["meshes"][0].update(primitives=[]), "no faces"),
    ],
)
def test_what_we_would_not_have_written_is_refused(change: Any, reason: str) -> None:
    with pytest.raises(GlbRefused, match=reason):
        check_canonical(changed(write_glb([box()]), change), **LIMITS)


def test_broken_bytes_are_refused() -> None:
    data = write_glb([box()])
    for broken in (b"", b"glTF", data[:60], data[:-40], data.replace(b"{", b"[", 1), b"\0" * 100):
        with pytest.raises(GlbRefused):
            check_canonical(broken, **LIMITS)


def test_an_index_beyond_the_vertices_is_refused() -> None:
    part = MeshPart(box().positions, np.array([[0, 1, 8]]))
    with pytest.raises(GlbRefused, match="does not exist"):
        check_canonical(write_glb([part]), **LIMITS)


def test_limits() -> None:
    data = write_glb([box()])
    with pytest.raises(GlbRefused, match="at most 10 are allowed"):
        check_canonical(data, max_bytes=10**6, max_faces=10)
    with pytest.raises(GlbRefused, match="bytes"):
        check_canonical(data, max_bytes=100, max_faces=100)
    with pytest.raises(GlbRefused, match="fitted"):
        check_canonical(write_glb([MeshPart(box().positions * 2, box().faces)]), **LIMITS)


def test_a_texture_that_unpacks_to_gigabytes_is_refused() -> None:
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 100_000, 100_000) + b"\0" * 9
    part = box(uv=np.zeros((8, 2)), texture_png=png)
    with pytest.raises(GlbRefused, match="100000×100000 pixels is too large"):
        check_canonical(write_glb([part]), **LIMITS)


def test_colours_go_to_linear_light_and_back() -> None:
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(srgb_from_linear(linear_from_srgb(every)), every)
    assert linear_from_srgb(np.array([188], dtype=np.uint8))[0] == pytest.approx(0.5, abs=0.005)
