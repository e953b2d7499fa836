"""Point maps: what is refused, with numbers, and a prior on which objects can be placed."""

import numpy as np
import pytest

from engine.contracts.cameras import Intrinsics, project, unproject
from engine.contracts.point_maps import pack_point_map, unpack_point_map
from engine.sourcing.point_maps import (
    PointMapRefused,
    check_point_map,
    points_from_depth,
    prior_intrinsics,
    prior_point_map,
)

CAMERA = Intrinsics(fx=60.0, fy=62.0, cx=32.0, cy=24.0, width=64, height=48)
DEPTH = 2.0 + np.random.default_rng(1).random((48, 64))
POINTS = unproject(DEPTH, CAMERA)


def test_a_good_map_comes_back_as_float32_with_its_gaps() -> None:
    points = POINTS.copy()
    points[:5, :, 1] = np.nan  # half a point is no point
    points[10, 10] = np.inf
    checked = check_point_map(points, CAMERA)
    assert checked.dtype == np.float32
    assert np.isnan(checked[:5]).all()
    assert np.isnan(checked[10, 10]).all()
    assert np.isfinite(checked).all(axis=-1).sum() == 48 * 64 - 5 * 64 - 1


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (POINTS[:-1], r"shape \(47, 64, 3\); this image needs \(48, 64, 3\)"),
        (POINTS[..., :2], r"shape \(48, 64, 2\)"),
        (POINTS.reshape(-1, 3), r"shape \(3072, 3\)"),
        (np.full_like(POINTS, np.nan), "no finite point"),
        (POINTS * [1, 1, -1], "3072 of 3072 points lie behind the camera"),
        (POINTS * [1, -1, 1], "do not project to their pixels: off by"),
        (POINTS * [-1, 1, 1], "do not project to their pixels: off by"),
        (POINTS * [-1, -1, 1], "do not project to their pixels: off by"),
        (np.roll(POINTS, 5, axis=1), r"off by 5\.0 px \(median\)"),
        ((POINTS * 1000).astype(np.int32), "floating-point"),
    ],
    ids=[
        "one row short",
        "no depth",
        "flat list",
        "all NaN",
        "z backwards",
        "y up",
        "mirrored",
        "x left and y up",
        "shifted",
        "integers",
    ],
)
def test_a_map_that_cannot_belong_to_the_image_is_refused_with_numbers(points: np.ndarray, reason: str) -> None:
    with pytest.raises(PointMapRefused, match=reason):
        check_point_map(points, CAMERA)


def test_the_wrong_focal_length_is_refused() -> None:
    wrong = Intrinsics(fx=120.0, fy=124.0, cx=32.0, cy=24.0, width=64, height=48)
    with pytest.raises(PointMapRefused, match="off by"):
        check_point_map(POINTS, wrong)


def test_depth_of_zero_is_unknown() -> None:
    depth = DEPTH.copy()
    depth[0, :3] = [0.0, -1.0, np.inf]
    points = points_from_depth(depth, CAMERA)
    assert np.isnan(points[0, :3, 2]).all()
    assert np.isfinite(points[0, 3:]).all()
    with pytest.raises(PointMapRefused, match=r"shape \(48, 63\)"):
        points_from_depth(depth[:, :-1], CAMERA)


def test_packing_is_lossless_and_equal_maps_give_equal_bytes() -> None:
    points = POINTS.astype(np.float32)
    assert np.array_equal(unpack_point_map(pack_point_map(points)), points)
    assert pack_point_map(points) == pack_point_map(points.copy())


def standing(*, bottom: int, height: int = 100, left: int = 100, width: int = 60) -> np.ndarray:
    mask = np.zeros((300, 400), dtype=np.bool_)
    mask[bottom - height : bottom, left : left + width] = True
    return mask


def prior(*masks: np.ndarray) -> tuple[np.ndarray, Intrinsics]:
    return prior_point_map(list(masks), width_px=400, height_px=300)


def test_the_prior_is_a_point_map_like_any_other() -> None:
    points, camera = prior(standing(bottom=250))
    checked = check_point_map(points, camera)
    assert np.isfinite(checked).all()
    assert camera == prior_intrinsics(width_px=400, height_px=300)
    assert np.degrees(2 * np.arctan(200 / camera.fx)) == pytest.approx(60.0)


def test_without_objects_the_prior_is_a_plane_that_reaches_to_the_horizon() -> None:
    points, _ = prior()
    depth = points[:, 200, 2]
    assert (np.diff(depth) <= 1e-6).all()  # nearer further down
    assert depth[0] == depth[60] == pytest.approx(12.0)
    ground = points[200:300].reshape(-1, 3).astype(np.float64)
    _, spread, _ = np.linalg.svd(ground - ground.mean(axis=0), full_matrices=False)
    assert spread[2] < 1e-3 * spread[0]  # one plane


def test_an_object_stands_where_it_touches_the_ground() -> None:
    floor, _ = prior()
    points, _ = prior(standing(bottom=250))
    edge = points[150:250, 100]
    assert edge[:, 2] == pytest.approx(floor[248, 100, 2], rel=0.1)
    assert points[200, 130, 2] < edge[50, 2]  # and bulges towards the camera


def test_of_two_objects_the_lower_one_is_nearer() -> None:
    near, far = standing(bottom=280, left=40), standing(bottom=200, left=200)
    points, _ = prior(near, far)
    assert points[near][:, 2].max() < points[far][:, 2].min()


def test_a_small_object_before_a_large_one_keeps_its_own_depth() -> None:
    large, small = standing(bottom=200, height=150, width=200), standing(bottom=260, height=80, left=150, width=40)
    points, _ = prior(small, large)
    alone, _ = prior(small)
    assert np.array_equal(points[small], alone[small])


def test_the_relief_of_a_round_object_is_as_deep_as_it_is_wide() -> None:
    rows, columns = np.mgrid[:300, :400]
    ball = (rows - 200) ** 2 + (columns - 200) ** 2 < 40**2
    floor, _ = prior()
    points, camera = prior(ball)
    slab = floor[int(np.percentile(rows[ball], 98)), 200, 2]
    radius = 40 / camera.fx * slab
    assert slab - points[200, 200, 2] == pytest.approx(radius, rel=0.05)
    assert slab - points[200, 161, 2] < 0.35 * radius


def test_the_prior_projects_back_onto_its_pixels() -> None:
    points, camera = prior(standing(bottom=250))
    pixels = project(points.reshape(-1, 3).astype(np.float64), camera).reshape(300, 400, 2)
    assert pixels[10, 20] == pytest.approx([20.5, 10.5], abs=1e-3)
    assert pixels[220, 130] == pytest.approx([130.5, 220.5], abs=1e-3)
