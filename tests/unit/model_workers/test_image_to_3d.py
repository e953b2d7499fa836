"""Inflation of outlines whose solid is known, and the promises about every result: closed, smooth, in place."""

from collections.abc import Callable

import numpy as np
import pytest
import trimesh

from engine.contracts.cameras import Intrinsics
from engine.contracts.glb import fit_to_unit_cube
from engine.contracts.poses import Pose, transform_points
from engine.contracts.targets import PointMapScale
from engine.meshes.reading import parts_of
from model_workers.generators.image_to_3d import ImageTo3D
from model_workers.generators.inflation import height_field, inflate, mirror, outline_of, symmetry_axis
from model_workers.generators.protocol import GenerationContext, GeneratorError
from tests.unit.model_workers.conftest import disc
from training_loop.rendering import render

MakeContext = Callable[..., GenerationContext]


def inflated(mask: np.ndarray, profile: str, **options: float) -> trimesh.Trimesh:
    options = {"thickness": 1.0} | options
    return inflate(height_field(outline_of(mask).mask, profile), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("profile", ["pillow", "turned"])
def test_a_disc_becomes_a_ball(profile: str) -> None:
    mesh = inflated(disc(70), profile)
    radii = np.linalg.norm(mesh.vertices - mesh.bounds.mean(axis=0), axis=1)
    assert mesh.is_watertight
    assert mesh.volume > 0
    assert radii.std() / radii.mean() < 0.02
    assert np.median(radii) == pytest.approx(80, rel=0.03)  # half of OUTLINE_PX


def test_a_turned_rectangle_becomes_a_cylinder_and_a_pillow_does_not() -> None:
    mask = np.zeros((200, 200), bool)
    mask[20:180, 70:130] = True
    cylinder, cushion = inflated(mask, "turned"), inflated(mask, "pillow")
    diameter, height = 60.0, 160.0
    assert cylinder.volume == pytest.approx(np.pi * (diameter / 2) ** 2 * height, rel=0.06)
    middle = np.abs(cushion.vertices[:, 1] - cushion.bounds[:, 1].mean())
    rim = cushion.vertices[middle > 0.97 * height / 2]
    assert np.ptp(rim[:, 2]) < 0.5 * np.ptp(cushion.vertices[:, 2])


def test_it_is_smooth_without_a_staircase() -> None:
    mesh = inflated(disc(31, height=90, width=90), "pillow")
    # A voxel staircase would show as right angles between neighbouring faces.
    assert np.degrees(np.percentile(mesh.face_adjacency_angles, 99)) < 20


def test_thickness_and_roundness_change_the_side_not_the_outline() -> None:
    round_, thin = inflated(disc(60), "pillow"), inflated(disc(60), "pillow", thickness=0.4)
    boxy = inflated(disc(60), "pillow", roundness=0.6)
    assert np.ptp(thin.vertices[:, 2]) == pytest.approx(0.4 * np.ptp(round_.vertices[:, 2]), rel=0.03)
    np.testing.assert_allclose(np.ptp(thin.vertices, axis=0)[:2], np.ptp(round_.vertices, axis=0)[:2], rtol=0.01)
    assert boxy.volume > 1.1 * round_.volume


def test_holes_stay_holes() -> None:
    ring = disc(80) & ~disc(40)
    assert inflated(ring, "pillow").euler_number == 0


def test_specks_are_left_out() -> None:
    mask = disc(60)
    mask[3, 3] = True
    assert len(inflated(mask, "pillow").split(only_watertight=False)) == 1


def test_a_symmetric_outline_is_known_by_its_axis() -> None:
    mask = np.zeros((50, 60), bool)
    mask[10:40, 13:31] = True
    assert symmetry_axis(mask) == (22.0, 1.0)
    np.testing.assert_array_equal(mirror(mask, 22.0), mask)


def test_completion_brings_back_what_is_cut_off(make_context: MakeContext) -> None:
    half_hidden = disc(70)
    half_hidden[:, 165:] = False
    proposals = list(ImageTo3D().generate(make_context(half_hidden, seeds=tuple(range(7)))))
    complete = [np.ptp(p.mesh.vertices[:, 0]) for p in proposals if p.parameters["complete"]]
    as_seen = [np.ptp(p.mesh.vertices[:, 0]) for p in proposals if not p.parameters["complete"]]
    assert min(complete) >= max(as_seen) - 1


def test_it_is_painted_from_the_photograph_without_the_background(make_context: MakeContext) -> None:
    mask = disc(70)
    image = np.zeros((*mask.shape, 3), np.uint8)
    image[..., 1] = 255  # a green background
    image[mask] = (200, 0, 0)
    image[mask & (np.arange(mask.shape[1]) > 130)] = (0, 0, 200)
    (proposal,) = ImageTo3D().generate(make_context(mask, image=image, seeds=(1,)))
    colors = np.asarray(proposal.mesh.visual.vertex_colors)
    x = proposal.mesh.vertices[:, 0] - proposal.mesh.bounds[:, 0].mean()
    assert colors[:, 1].max() < 40
    assert np.median(colors[x < -20], axis=0)[:3].tolist() == [200, 0, 0]
    assert np.median(colors[x > 20], axis=0)[:3].tolist() == [0, 0, 200]


def test_its_layout_covers_the_mask(make_context: MakeContext) -> None:
    mask = np.roll(disc(50), (20, 40), axis=(0, 1))
    camera = Intrinsics(300.0, 300.0, 130.0, 100.0, 260, 200)
    points = np.full((*mask.shape, 3), np.nan, np.float32)
    points[mask] = (0, 0, 2.0)
    context = make_context(mask, seeds=(1,), point_map=points, point_map_scale=PointMapScale.METRIC, intrinsics=camera)
    (proposal,) = ImageTo3D().generate(context)
    assert isinstance(proposal.layout, Pose)
    (part,) = fit_to_unit_cube(parts_of([proposal.mesh]))
    fitted = trimesh.Trimesh(part.positions, part.faces, process=False)
    seen = render(fitted, proposal.layout, camera).mask
    assert (seen & mask).sum() / (seen | mask).sum() > 0.93
    assert transform_points(proposal.layout, part.positions)[:, 2].min() == pytest.approx(2.0, abs=0.05)


def test_every_variant_of_an_awkward_outline_is_closed(make_context: MakeContext) -> None:
    rng = np.random.default_rng(3)
    mask = disc(90)
    mask[60:110, 100:] = False  # a mouth
    mask |= rng.random(mask.shape) < 0.001  # specks
    mask[:, :] &= np.arange(mask.shape[1]) > 60  # cut off at the left
    for proposal in ImageTo3D().generate(make_context(mask, seeds=tuple(range(7)))):
        assert proposal.mesh.is_watertight
        assert len(proposal.mesh.faces) < 50_000


@pytest.mark.parametrize("pixels", [1, 15])
def test_a_mask_of_a_few_pixels_is_refused(make_context: MakeContext, pixels: int) -> None:
    mask = np.zeros((20, 30), bool)
    mask[5, 5 : 5 + pixels] = True
    with pytest.raises(GeneratorError, match=f"has {pixels} pixels"):
        list(ImageTo3D().generate(make_context(mask)))


def test_a_mask_of_one_row_still_gives_a_shape(make_context: MakeContext) -> None:
    mask = np.zeros((20, 60), bool)
    mask[5, 5:45] = True
    (proposal,) = ImageTo3D().generate(make_context(mask, seeds=(1,)))
    assert proposal.mesh.is_watertight


def test_a_mask_that_fills_the_picture(make_context: MakeContext) -> None:
    (proposal,) = ImageTo3D().generate(make_context(np.ones((48, 64), bool), seeds=(1,)))
    assert proposal.mesh.is_watertight
