"""Meshes as people are shown them."""

import io

import numpy as np
import trimesh
from PIL import Image

from engine.contracts.glb import MeshPart, read_glb, summarise, write_glb
from engine.meshes.viewing import MOST_FACES_ON_SHOW, reduced, uncoloured


def sphere_with_two_colours() -> MeshPart:
    """Red on the left, blue on the right, by a texture."""
    sphere = trimesh.creation.uv_sphere(radius=0.5, count=[200, 200])
    sides = Image.new("RGB", (64, 64), (220, 30, 30))
    sides.paste((30, 30, 220), (32, 0, 64, 64))
    png = io.BytesIO()
    sides.save(png, format="PNG")
    right = sphere.vertices[:, 0] > 0
    uv = np.column_stack([np.where(right, 0.75, 0.25), np.full(len(right), 0.5)])
    return MeshPart(sphere.vertices, sphere.faces, uv=uv, texture_png=png.getvalue())


def test_a_mesh_of_too_many_faces_is_reduced_and_its_texture_becomes_colours() -> None:
    full = sphere_with_two_colours()
    (small,) = reduced([full], most_faces=20_000)
    assert 0.8 * 20_000 < len(small.faces) <= 20_000
    assert small.texture_png is None
    assert small.colors is not None
    assert np.median(small.colors[small.positions[:, 0] > 0.1], axis=0).tolist() == [30, 30, 220]
    assert np.median(small.colors[small.positions[:, 0] < -0.1], axis=0).tolist() == [220, 30, 30]
    np.testing.assert_allclose(np.linalg.norm(small.positions, axis=1), 0.5, atol=0.005)


def test_a_light_mesh_is_shown_as_it_is() -> None:
    parts = [sphere_with_two_colours()]
    assert len(parts[0].faces) < MOST_FACES_ON_SHOW
    assert reduced(parts) is parts


def test_a_bare_shape_tells_neither_colours_nor_how_it_was_cut_into_parts() -> None:
    box = trimesh.creation.box((1, 1, 1))
    painted = [
        MeshPart(box.vertices, box.faces[:6], base_color=(1, 2, 3)),
        MeshPart(box.vertices, box.faces[6:], colors=np.full((8, 3), 77, np.uint8)),
    ]
    (bare,) = read_glb(write_glb(uncoloured(painted)))
    assert (bare.colors, bare.uv, bare.texture_png, bare.base_color) == (None, None, None, (190, 190, 190))
    assert summarise([bare]).watertight
