"""Layout metrics against closed forms."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, quaternion_from_rotation
from tests.unit.training_loop.test_shape_metrics import letter_l
from training_loop.evaluation.layout_metrics import add_s, box_iou, compare_layouts, diameter, posed
from training_loop.evaluation.meshes import sample_surface, surface_of

CAMERA = Intrinsics(fx=100.0, fy=100.0, cx=32.0, cy=32.0, width=64, height=64)


def pose(turn: Rotation | None = None, at: tuple[float, float, float] = (0.0, 0.0, 4.0), scale: float = 1.0) -> Pose:
    rotation = (turn or Rotation.identity()).as_matrix()
    return Pose(quaternion_from_rotation(rotation), at, (scale, scale, scale))


def test_a_quarter_turn_is_ninety_degrees_of_icp_rot():
    shape = surface_of(letter_l())
    turned = posed(shape, pose(Rotation.from_euler("y", 90, degrees=True), at=(0.3, 0.0, 5.0), scale=1.5))
    measured = compare_layouts(turned, posed(shape, pose()), points=10_000, workers=1)
    # Neither distance nor size is counted as rotation.
    assert measured.icp_rot_deg == pytest.approx(90.0, abs=0.3)


def test_add_s_of_a_known_translation():
    # Two parallel squares: every nearest point lies straight across, at 0.1, the corners at the diameter √2.
    square = np.stack([*np.meshgrid(np.linspace(0, 1, 40), np.linspace(0, 1, 40)), np.zeros((40, 40))], -1).reshape(
        -1, 3
    )
    assert diameter(square) == pytest.approx(2**0.5)
    assert add_s(square + np.array([0, 0, 0.1]), square, 2**0.5, workers=1) == pytest.approx(0.1 / 2**0.5)
    # Far apart, every point counts, and both directions do: 9 from the one point, 9 … 10 from the two.
    pair, one = np.array([[0.0, 0, 0], [1, 0, 0]]), np.array([[10.0, 0, 0]])
    assert add_s(one, pair, 1.0, workers=1) == pytest.approx((9 + 9.5) / 2)


def test_a_tenth_of_the_diameter_decides():
    box = surface_of(trimesh.creation.box((1, 1, 1)))
    near, far = (
        compare_layouts(posed(box, pose(at=(shift, 0, 4))), posed(box, pose()), points=10_000, workers=1)
        for shift in (0.05, 1.5)
    )
    assert (near.add_s_at_0p1, far.add_s_at_0p1) == (1.0, 0.0)
    assert near.add_s < 0.1 < far.add_s


def test_boxes_along_the_axes():
    unit = np.array([[0.0, 0, 0], [1, 1, 1]])
    assert box_iou(unit, unit) == 1.0
    assert box_iou(unit + np.array([0.5, 0, 0]), unit) == pytest.approx(1 / 3)
    assert box_iou(unit + 2, unit) == 0.0
    flat = unit * np.array([1, 1, 0])
    assert box_iou(flat, flat) == pytest.approx(1.0)
    assert box_iou(flat + np.array([0.5, 0, 0]), flat) == pytest.approx(1 / 3)
    assert box_iou(flat + np.array([0, 0, 0.1]), flat) == pytest.approx(0.0, abs=1e-6)


def test_diameters_of_round_flat_and_tiny_things():
    assert diameter(np.asarray(trimesh.creation.icosphere(subdivisions=5).vertices)) == pytest.approx(2.0, abs=1e-6)
    assert diameter(np.array([[0.0, 0, 0], [3, 0, 0], [0, 4, 0]])) == 5.0
    line = np.outer(np.linspace(0, 1, 30), [1.0, 2.0, 2.0])
    assert diameter(line) == pytest.approx(3.0)


def test_silhouettes_are_compared_with_the_mask_or_with_each_other():
    box = surface_of(trimesh.creation.box((1, 1, 1)))
    # The near face, at z = 3.5 and 100 px focal length, is 28 px wide; half of it in the mask.
    mask = np.zeros((64, 64), dtype=bool)
    mask[18:46, 18:32] = True
    there = posed(box, pose())
    with_mask = compare_layouts(there, there, camera=CAMERA, mask=mask, points=500, workers=1)
    without = compare_layouts(there, there, camera=CAMERA, points=500, workers=1)
    blind = compare_layouts(there, there, points=500, workers=1)
    assert with_mask.iou_2d == pytest.approx(0.5, abs=0.03)
    assert (without.iou_2d, blind.iou_2d) == (1.0, None)


def test_points_of_both_are_drawn_from_the_posed_surface():
    # Stretched along x, nearly all area lies on the long sides.
    stretched = Pose((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 4.0), (100.0, 1.0, 1.0))
    surface = posed(surface_of(trimesh.creation.box((1, 1, 1))), stretched)
    on_ends = np.isclose(np.abs(sample_surface(surface, 10_000, 0).points[:, 0]), 50.0)
    assert on_ends.mean() < 0.02
