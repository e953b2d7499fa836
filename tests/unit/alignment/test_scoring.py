"""Scores of poses on scenes whose answer is known by arithmetic."""

import math

import numpy as np
import pytest
import trimesh

from engine.alignment.scoring import (
    MAX_LONG_SIDE_PX,
    TOLERANCE_SHARE,
    intersection_over_union,
    pixel_grid,
    score_pose,
    visible_extent,
)
from engine.contracts.cameras import Intrinsics, unproject
from engine.contracts.poses import Pose

CAMERA = Intrinsics(fx=200.0, fy=200.0, cx=80.0, cy=60.0, width=160, height=120)
IDENTITY = (1.0, 0.0, 0.0, 0.0)


def square(*, left: int, top: int, size: int) -> np.ndarray:
    mask = np.zeros((CAMERA.height, CAMERA.width), dtype=bool)
    mask[top : top + size, left : left + size] = True
    return mask


def flat_points(depth: float) -> np.ndarray:
    return unproject(np.full((CAMERA.height, CAMERA.width), depth), CAMERA)


def cube_at(depth: float, *, x: float = 0.0, scale: float = 1.0) -> dict:
    """A unit cube seen face on: its front face, at `depth`, covers scale / depth · f pixels each way."""
    box = trimesh.creation.box()
    pose = Pose(rotation_wxyz=IDENTITY, translation=(x, 0.0, depth + scale / 2), scale=(scale, scale, scale))
    return {"vertices_object": box.vertices, "faces": box.faces, "pose": pose, "intrinsics": CAMERA}


def test_a_cube_on_its_own_outline_and_points_scores_one():
    # 200 px · 1 / 4 = 50 pixels, centred on (80, 60): columns 55 to 105, rows 35 to 85.
    scores = score_pose(**cube_at(4.0), mask=square(left=55, top=35, size=50), points_camera=flat_points(4.0))
    assert scores.silhouette_iou == pytest.approx(1.0, abs=0.005)
    assert scores.inlier_share == 1.0


def test_a_shifted_cube_scores_what_the_overlap_of_two_squares_says():
    # Shifted by 10 of 50 pixels (x = 10 / 200 · 4): (40 · 50) / (2 · 2500 - 2000) = 2/3.
    scores = score_pose(**cube_at(4.0, x=0.2), mask=square(left=55, top=35, size=50), points_camera=flat_points(4.0))
    assert scores.silhouette_iou == pytest.approx(2 / 3, abs=0.01)
    # The points 40 / 50 of which lie on the shifted face, and those within τ beside it.
    tau_px = scores.inlier_tolerance / 4.0 * CAMERA.fx
    assert scores.inlier_share == pytest.approx((40 + tau_px) / 50, abs=0.02)


def test_the_tolerance_is_a_stated_share_of_the_visible_extent():
    scores = score_pose(**cube_at(4.0), mask=square(left=55, top=35, size=50), points_camera=flat_points(4.0))
    diagonal = math.sqrt(2) * 0.96 * 49 / 200 * 4  # 96 % of the 49 steps between pixel centres, both ways
    assert scores.inlier_tolerance == pytest.approx(TOLERANCE_SHARE * diagonal, rel=0.02)


def test_points_in_front_of_the_surface_by_more_than_the_tolerance_are_no_inliers():
    mask = square(left=55, top=35, size=50)
    near = score_pose(**cube_at(4.0), mask=mask, points_camera=flat_points(3.95))
    far = score_pose(**cube_at(4.0), mask=mask, points_camera=flat_points(3.5))
    assert near.inlier_share == 1.0
    assert far.inlier_share == 0.0


def test_a_sphere_covers_its_analytic_disc():
    # Half angle asin(r / d): the silhouette is a disc of radius f · r / √(d² - r²) = 200 · 0.5 / √(4 - 0.25) px.
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=0.5)
    radius_px = 200 * 0.5 / math.sqrt(4 - 0.25)
    rows, columns = np.mgrid[: CAMERA.height, : CAMERA.width] + 0.5
    disc = (columns - 80) ** 2 + (rows - 60) ** 2 <= radius_px**2
    # The points of that sphere: nearest root of |t · (x, y, 1) - (0, 0, 2)| = 0.5.
    x, y = (columns - 80) / 200, (rows - 60) / 200
    a = x * x + y * y + 1
    root = 4 - a * (4 - 0.25)
    depth = np.where(root >= 0, (2 - np.sqrt(np.maximum(root, 0))) / a, np.nan)
    scores = score_pose(
        vertices_object=sphere.vertices,
        faces=sphere.faces,
        pose=Pose(rotation_wxyz=(0.5, 0.5, 0.5, 0.5), translation=(0.0, 0.0, 2.0), scale=(1.0, 1.0, 1.0)),
        mask=disc,
        points_camera=unproject(depth, CAMERA),
        intrinsics=CAMERA,
    )
    assert scores.silhouette_iou == pytest.approx(1.0, abs=0.02)
    assert scores.inlier_share == 1.0


def test_turning_a_slab_changes_what_it_covers():
    slab = trimesh.creation.box(extents=(1.0, 0.2, 0.2))
    quarter_turn_about_z = (math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5))
    mask = np.zeros((CAMERA.height, CAMERA.width), dtype=bool)
    mask[35:85, 75:85] = True  # upright: 10 × 50 pixels at depth 4
    iou = {
        name: score_pose(
            vertices_object=slab.vertices,
            faces=slab.faces,
            pose=Pose(rotation_wxyz=rotation, translation=(0.0, 0.0, 4.1), scale=(1.0, 1.0, 1.0)),
            mask=mask,
            points_camera=flat_points(4.0),
            intrinsics=CAMERA,
        ).silhouette_iou
        for name, rotation in {"lying": IDENTITY, "upright": quarter_turn_about_z}.items()
    }
    assert iou["upright"] == pytest.approx(1.0, abs=0.01)
    assert iou["lying"] == pytest.approx(100 / 900, abs=0.01)


def test_without_points_there_is_an_iou_and_no_inlier_share():
    nothing = np.full((CAMERA.height, CAMERA.width, 3), np.nan)
    scores = score_pose(**cube_at(4.0), mask=square(left=55, top=35, size=50), points_camera=nothing)
    assert scores.silhouette_iou > 0.99
    assert scores.inlier_share is None
    assert scores.inlier_tolerance is None


def test_an_object_behind_the_camera_covers_nothing():
    scores = score_pose(**cube_at(-4.0), mask=square(left=55, top=35, size=50), points_camera=flat_points(4.0))
    assert scores.silhouette_iou == 0.0
    assert scores.inlier_share == 0.0


def test_a_large_photograph_is_sampled_and_scores_the_same():
    share = 20  # 3200 × 2400
    camera = Intrinsics(fx=4000.0, fy=4000.0, cx=1600.0, cy=1200.0, width=3200, height=2400)
    mask = np.kron(square(left=55, top=35, size=50), np.ones((share, share), dtype=bool)).astype(bool)
    u, v = pixel_grid(width=3200, height=2400)
    assert (len(u), len(v)) == (MAX_LONG_SIDE_PX, 768)
    depth = np.full(mask.shape, np.nan, dtype=np.float32)
    depth[::7, ::7] = 4.0
    scores = score_pose(
        **(cube_at(4.0, x=0.2) | {"intrinsics": camera}), mask=mask, points_camera=unproject(depth, camera)
    )
    assert scores.silhouette_iou == pytest.approx(2 / 3, abs=0.01)


def test_a_point_map_of_another_size_is_refused():
    with pytest.raises(ValueError, match="over a mask of"):
        score_pose(**cube_at(4.0), mask=square(left=55, top=35, size=50), points_camera=np.zeros((10, 10, 3)))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [([1, 1, 0, 0], [0, 1, 1, 0], 1 / 3), ([1, 1], [1, 1], 1.0), ([1, 0], [0, 1], 0.0), ([0, 0], [0, 0], 0.0)],
)
def test_intersection_over_union(first, second, expected):
    assert intersection_over_union(np.array(first, bool), np.array(second, bool)) == pytest.approx(expected)


def test_flying_pixels_do_not_blow_up_the_extent():
    points = np.random.default_rng(0).uniform(-0.5, 0.5, size=(1000, 3))
    points[:10] = 100.0
    assert visible_extent(points) == pytest.approx(math.sqrt(3) * 0.96, rel=0.05)
