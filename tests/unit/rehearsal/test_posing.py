"""The simple fit finds a known pose again, up to what a mask and a depth can tell."""

import numpy as np
import pytest
import trimesh

from engine.contracts.cameras import Intrinsics, project
from engine.contracts.poses import Pose, quaternion_from_rotation, rotation_from_quaternion, transform_points
from engine.rehearsal.posing import NoPoints, fit_pose
from engine.rehearsal.silhouettes import view_rotation

CAMERA = Intrinsics(fx=500.0, fy=500.0, cx=160.0, cy=120.0, width=320, height=240)


def scene_of(pose: Pose, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pixels = project(transform_points(pose, vertices), CAMERA)
    low, high = np.floor(pixels.min(axis=0)).astype(int), np.ceil(pixels.max(axis=0)).astype(int)
    mask = np.zeros((CAMERA.height, CAMERA.width), dtype=bool)
    mask[low[1] : high[1], low[0] : high[0]] = True
    points = np.full((CAMERA.height, CAMERA.width, 3), np.nan)
    points[mask] = (0.0, 0.0, transform_points(pose, vertices)[:, 2].min())
    return mask, points


@pytest.mark.parametrize("azimuth", [0, 45, 120])
def test_fit_finds_scale_and_place_of_a_known_pose(azimuth: float) -> None:
    vertices = np.asarray(trimesh.creation.box((0.6, 1.0, 0.4)).vertices)
    rotation = view_rotation(azimuth_degrees=azimuth, elevation_degrees=20)
    truth = Pose(quaternion_from_rotation(rotation), (0.1, -0.05, 2.0), (0.3, 0.3, 0.3))
    mask, points = scene_of(truth, vertices)
    found = fit_pose(vertices_object=vertices, rotation=rotation, mask=mask, points_camera=points, intrinsics=CAMERA)
    assert found.scale[0] == pytest.approx(0.3, rel=0.1)
    # The depth is that of the typical visible surface: half the box's depth is the uncertainty.
    np.testing.assert_allclose(found.translation, truth.translation, atol=0.11)
    np.testing.assert_allclose(rotation_from_quaternion(found.rotation_wxyz), rotation, atol=1e-9)


def test_a_mask_without_points_is_said_to_have_none() -> None:
    mask = np.zeros((240, 320), dtype=bool)
    mask[50:60, 50:60] = True
    with pytest.raises(NoPoints, match="no finite point"):
        fit_pose(
            vertices_object=np.eye(3),
            rotation=np.eye(3),
            mask=mask,
            points_camera=np.full((240, 320, 3), np.nan),
            intrinsics=CAMERA,
        )
