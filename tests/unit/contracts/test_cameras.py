"""Projection and its inverse in the OpenCV camera."""

import numpy as np

from engine.contracts.cameras import Intrinsics, project, unproject

CAMERA = Intrinsics(fx=100.0, fy=120.0, cx=4.0, cy=3.0, width=8, height=6)


def test_a_point_on_the_axis_falls_on_the_principal_point_and_right_is_right() -> None:
    np.testing.assert_allclose(project(np.array([[0.0, 0.0, 2.0], [0.02, 0.0, 2.0]]), CAMERA), [[4, 3], [5, 3]])


def test_points_behind_the_camera_have_no_pixel() -> None:
    assert np.isnan(project(np.array([[0.0, 0.0, -1.0]]), CAMERA)).all()


def test_lifted_depth_falls_back_on_its_pixel_centres() -> None:
    depth = np.linspace(1.0, 3.0, 48).reshape(6, 8)
    points = unproject(depth, CAMERA)
    pixels = project(points.reshape(-1, 3), CAMERA).reshape(6, 8, 2)
    columns, rows = np.meshgrid(np.arange(8) + 0.5, np.arange(6) + 0.5)
    np.testing.assert_allclose(pixels, np.stack([columns, rows], axis=-1))
