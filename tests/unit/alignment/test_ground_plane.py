"""The ground under an object is found, and only where there is one."""

import numpy as np
import pytest

from engine.alignment.ground_plane import find_ground_plane
from engine.alignment.scoring import TOLERANCE_SHARE, inlier_tolerance
from tests.posed_scenes import CAMERA, posed_scene


def found(points, mask):
    tolerance = inlier_tolerance(points, mask)
    return find_ground_plane(
        points_camera=points, mask=mask, tolerance=tolerance / 2, extent=tolerance / TOLERANCE_SHARE
    )


@pytest.mark.parametrize("category", ["chair", "mug", "car", "guitar"])
def test_the_ground_is_found_below_the_object(category):
    scene = posed_scene(category)
    ground = found(scene.points_camera, scene.mask)
    assert np.dot(ground.normal, scene.up) > np.cos(np.radians(1.0))
    assert ground.offset == pytest.approx(scene.ground_offset, abs=0.01)
    assert np.linalg.norm(ground.normal) == pytest.approx(1.0)


def test_clutter_on_the_ground_does_not_tilt_it():
    scene = posed_scene("chair")
    points = scene.points_camera.copy()
    rows, columns = np.nonzero(~scene.mask)
    some = np.random.default_rng(0).permutation(len(rows))[: len(rows) * 3 // 10]
    points[rows[some], columns[some]] *= np.random.default_rng(1).uniform(0.6, 0.95, (len(some), 1))
    assert np.dot(found(points, scene.mask).normal, scene.up) > np.cos(np.radians(2.0))


def test_a_wall_is_no_ground():
    mask = np.zeros((CAMERA.height, CAMERA.width), dtype=bool)
    mask[100:140, 140:180] = True
    rays = np.stack(
        np.broadcast_arrays(
            (np.arange(CAMERA.width) + 0.5 - CAMERA.cx)[None] / CAMERA.fx,
            (np.arange(CAMERA.height) + 0.5 - CAMERA.cy)[:, None] / CAMERA.fy,
            1.0,
        ),
        axis=-1,
    )
    assert found(rays * 2.0, mask) is None


def test_no_points_around_is_no_ground():
    scene = posed_scene("chair")
    points = scene.points_camera.copy()
    points[~scene.mask] = np.nan
    assert found(points, scene.mask) is None
