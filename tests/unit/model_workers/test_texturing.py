"""Textures for a given shape: the photograph on a posed surface, even colours, and the surface as it was."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.glb import MeshPart, read_glb, same_surface
from engine.contracts.poses import Pose
from model_workers.generators.image_to_3d import COATS, ImageTo3D
from model_workers.generators.palette import Palette, colours_named_in, main_colours
from model_workers.generators.projection import (
    Completion,
    Projection,
    completed_colors,
    cut_finer,
    project_photograph,
    without_light,
)
from model_workers.generators.protocol import GenerationContext, Generator, GeneratorError, PosedShape, TextureGenerator
from model_workers.generators.sam3d import Sam3D
from model_workers.meshes import canonical_glb
from training_loop.rendering import render

CAMERA = Intrinsics(fx=160.0, fy=160.0, cx=80.0, cy=60.0, width=160, height=120)
# Half a turn about x: the object's +z faces the camera, its +y is up in the picture.
FACING = Pose(rotation_wxyz=(0.0, 1.0, 0.0, 0.0), translation=(0.0, 0.0, 3.0), scale=(1.0, 1.0, 1.0))
RED, BLUE = np.array([200, 20, 20]), np.array([20, 20, 200])

MakeContext = Callable[..., GenerationContext]


def ball() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=4, radius=0.5)


def silhouette(mesh: trimesh.Trimesh) -> NDArray[np.bool_]:
    return render(mesh, FACING, CAMERA).mask


def two_coloured(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Red left of the middle, blue right of it, green around the object."""
    image = np.full((*mask.shape, 3), (20, 200, 20), np.uint8)
    left = np.arange(mask.shape[1])[None, :] < CAMERA.cx
    image[mask & left], image[mask & ~left] = RED, BLUE
    return image


def posed(mesh: trimesh.Trimesh) -> PosedShape:
    glb, _ = canonical_glb(mesh)
    return PosedShape(mesh=mesh, glb=glb, pose=FACING, intrinsics=CAMERA)


def colours_of(mesh: Any) -> NDArray[np.int64]:
    return np.asarray(mesh.visual.vertex_colors)[:, :3].astype(int)


def test_the_photograph_lies_where_the_camera_sees_it_and_nowhere_else() -> None:
    mesh = ball()
    mask = silhouette(mesh)
    projection = project_photograph(mesh, FACING, CAMERA, image=two_coloured(mask), mask=mask)
    x, _, z = mesh.vertices.T
    assert not projection.seen[z < 0].any()
    assert projection.seen[z > 0.25].all()
    seen_left, seen_right = projection.seen & (x < -0.1), projection.seen & (x > 0.1)
    assert np.abs(projection.colors[seen_left] - RED).max() < 3
    assert np.abs(projection.colors[seen_right] - BLUE).max() < 3


def test_what_the_object_hides_of_itself_is_not_seen() -> None:
    near, far = ball().apply_translation((0, 0, 0.7)), ball().apply_scale(0.8).apply_translation((0, 0, -0.7))
    both = trimesh.util.concatenate([near, far])
    mask = silhouette(both)
    projection = project_photograph(both, FACING, CAMERA, image=two_coloured(mask), mask=mask)
    assert projection.seen[: len(near.vertices)].any()
    assert not projection.seen[len(near.vertices) :].any()


def test_light_that_follows_the_normals_is_taken_out() -> None:
    mesh = ball()
    lit = np.clip(120 + 80 * np.asarray(mesh.vertex_normals)[:, 1], 0, 255)
    seen = np.asarray(mesh.vertices)[:, 2] > 0.1
    projection = Projection(colors=np.where(seen[:, None], lit[:, None].repeat(3, axis=1), 0.0), seen=seen)
    untouched = without_light(mesh, FACING, projection, strength=0.0)[seen]
    evened = without_light(mesh, FACING, projection, strength=1.0)[seen]
    assert np.allclose(untouched, projection.colors[seen])
    assert evened.std() < 0.1 * untouched.std()


@pytest.mark.parametrize("how", ["mirrored", "around", "spread", "nearest"])
def test_hidden_parts_are_filled_and_seen_ones_stay(how: Completion) -> None:
    mesh = ball()
    seen = np.asarray(mesh.vertices)[:, 2] > 0
    upper = np.asarray(mesh.vertices)[:, 1] > 0
    colors = np.where(seen[:, None], np.where(upper[:, None], RED, BLUE), 0.0)
    filled = completed_colors(mesh, colors, seen, how=how)
    assert np.array_equal(filled[seen], colors[seen])
    hidden_top = ~seen & (np.asarray(mesh.vertices)[:, 1] > 0.3)
    # All of them carry the upper colour over to the back: it is red above on every one.
    assert (filled[hidden_top][:, 0] > filled[hidden_top][:, 2]).all()


def test_a_coarse_surface_is_cut_finer_and_a_huge_one_reduced() -> None:
    assert 12_000 < len(cut_finer(trimesh.creation.box()).faces) <= 48_000
    assert len(cut_finer(trimesh.creation.icosphere(subdivisions=7)).faces) <= 200_000


@pytest.mark.parametrize("generator", [ImageTo3D(), Palette(), Sam3D()], ids=lambda one: type(one).__name__)
def test_every_texture_leaves_the_shape_as_it_was(generator: TextureGenerator, make_context: MakeContext) -> None:
    mesh = trimesh.creation.capsule(height=0.5, radius=0.25)
    mesh.apply_translation(-mesh.bounds.mean(axis=0))
    mask = silhouette(mesh)
    context = make_context(mask, image=two_coloured(mask), seeds=tuple(range(1, 6)))
    shape = posed(mesh)
    proposals = list(generator.texture(context, shape))
    assert proposals[0].seed == 1
    for proposal in proposals:
        glb, _ = canonical_glb(proposal.mesh)
        assert same_surface(read_glb(glb), read_glb(shape.glb))
        assert isinstance(generator, Sam3D) or (colours_of(proposal.mesh)[:, 1] < 60).all(), "no background on it"


def test_seeds_give_different_coats(make_context: MakeContext) -> None:
    mask = silhouette(ball())
    from_above = np.linspace(1.2, 0.5, len(mask))[:, None, None]
    lit = (two_coloured(mask) * from_above).astype(np.uint8)
    context = make_context(mask, image=lit, seeds=tuple(range(10, 10 + len(COATS))))
    coats = [colours_of(proposal.mesh) for proposal in ImageTo3D().texture(context, posed(ball()))]
    assert len({coat.tobytes() for coat in coats}) == len(COATS)


def test_a_shape_that_the_photograph_does_not_see_is_an_error_that_says_so(make_context: MakeContext) -> None:
    mask = np.zeros((120, 160), bool)
    mask[:8, :8] = True
    with pytest.raises(GeneratorError, match="sees nothing of the posed shape"):
        list(ImageTo3D().texture(make_context(mask), posed(ball())))


class TestPalette:
    def test_pieces_take_the_colour_that_is_seen_on_them(self, make_context: MakeContext) -> None:
        left, right = (ball().apply_scale(0.5).apply_translation((x, 0, 0)) for x in (-0.25, 0.25))
        both = trimesh.util.concatenate([left, right])
        mask = silhouette(both)
        (proposal,) = Palette().texture(make_context(mask, image=two_coloured(mask), seeds=(3,)), posed(both))
        x = np.asarray(proposal.mesh.vertices)[:, 0]  # type: ignore[union-attr]
        colours = colours_of(proposal.mesh)
        assert np.abs(colours[x < 0] - RED).max() < 3
        assert np.abs(colours[x > 0] - BLUE).max() < 3

    def test_colours_that_words_name_are_used(self, make_context: MakeContext) -> None:
        assert colours_named_in("a flat yellow bottle with a black cap, yellow") != []
        assert len(colours_named_in("a flat yellow bottle with a black cap, yellow")) == 2
        mask = silhouette(ball())
        context = make_context(mask, seeds=(1, 2), description="a yellow ball with a black foot")
        _, by_words = Palette().texture(context, posed(ball()))
        named = {tuple(colour) for colour in colours_named_in(context.description)}
        assert {tuple(colour) for colour in colours_of(by_words.mesh).tolist()} <= named

    def test_a_picture_of_one_colour_has_one(self) -> None:
        assert main_colours(np.full((50, 3), 7, np.uint8), count=3, seed=1).tolist() == [[7, 7, 7]]

    def test_it_makes_no_shapes(self, make_context: MakeContext) -> None:
        generator: Generator = Palette()
        with pytest.raises(GeneratorError, match="texture suite"):
            list(generator.generate(make_context()))


class TestSameSurface:
    BOX = trimesh.creation.box(extents=(1.0, 0.75, 0.5))

    def parts(self, mesh: trimesh.Trimesh) -> list[MeshPart]:
        return [MeshPart(np.asarray(mesh.vertices), np.asarray(mesh.faces))]

    def test_cutting_triangles_and_splitting_vertices_changes_nothing(self) -> None:
        soup = self.BOX.subdivide().copy()
        soup.unmerge_vertices()
        assert same_surface(self.parts(self.BOX), self.parts(soup))

    @pytest.mark.parametrize("change", [(1.0, 0.9, 1.0), (1.1, 1.0, 1.0), (0.9, 1.0, 1.1)])
    def test_another_shape_is_noticed(self, change: tuple[float, float, float]) -> None:
        other = self.BOX.copy()
        other.vertices *= change
        assert not same_surface(self.parts(self.BOX), self.parts(other))

    def test_so_is_the_same_shape_turned(self) -> None:
        turned = self.BOX.copy().apply_transform(trimesh.transformations.rotation_matrix(0.5, (0, 1, 0)))
        assert not same_surface(self.parts(self.BOX), self.parts(turned))
