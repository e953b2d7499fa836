"""x_camera = R · (s * x_object) + t, in exact values."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.poses import (
    Pose,
    PoseError,
    camera_from_object,
    quaternion_from_rotation,
    rotation_from_quaternion,
    transform_points,
)
from engine.embedded.places import CHECKOUT

HALF = math.sqrt(0.5)
IDENTITY = (1.0, 0.0, 0.0, 0.0)

quaternions = (
    st.tuples(*[st.floats(-1, 1, allow_nan=False)] * 4)
    .filter(lambda q: math.hypot(*q) > 0.1)
    .map(lambda q: tuple(value / math.hypot(*q) for value in q))
)


def test_a_quarter_turn_about_y_takes_z_to_x() -> None:
    rotation = rotation_from_quaternion((HALF, 0.0, HALF, 0.0))
    np.testing.assert_allclose(rotation @ [0, 0, 1], [1, 0, 0], atol=1e-12)


def test_scale_comes_first_then_rotation_then_translation() -> None:
    pose = Pose(rotation_wxyz=(HALF, 0.0, HALF, 0.0), translation=(10.0, 20.0, 30.0), scale=(1.0, 1.0, 2.0))
    np.testing.assert_allclose(transform_points(pose, np.array([[0.0, 0.0, 1.0]])), [[12, 20, 30]], atol=1e-12)


@given(quaternions)
def test_matrix_and_quaternion_are_inverse_up_to_sign(quaternion: tuple[float, float, float, float]) -> None:
    back = np.array(quaternion_from_rotation(rotation_from_quaternion(quaternion)))
    assert abs(abs(back @ np.array(quaternion)) - 1) < 1e-9
    assert back[0] >= 0


@given(quaternions)
def test_rotations_are_orthonormal_with_determinant_one(quaternion: tuple[float, float, float, float]) -> None:
    rotation = rotation_from_quaternion(quaternion)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_the_matrix_acts_on_homogeneous_points() -> None:
    pose = Pose(rotation_wxyz=IDENTITY, translation=(1.0, 2.0, 3.0), scale=(2.0, 2.0, 2.0))
    np.testing.assert_allclose(camera_from_object(pose) @ [1, 1, 1, 1], [3, 4, 5, 1])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rotation_wxyz": (2.0, 0.0, 0.0, 0.0)}, "unit quaternion"),
        ({"translation": (math.nan, 0.0, 0.0)}, "finite"),
        ({"scale": (1.0, 0.0, 1.0)}, "positive"),
        ({"scale": (1.0, -1.0, 1.0)}, "positive"),
    ],
)
def test_what_is_no_pose_is_refused(changes: dict[str, tuple[float, ...]], said: str) -> None:
    values = {"rotation_wxyz": IDENTITY, "translation": (0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)} | changes
    with pytest.raises(PoseError, match=said):
        Pose(**values)  # type: ignore[arg-type]


def test_a_mirror_is_no_rotation() -> None:
    with pytest.raises(PoseError, match="not a rotation"):
        quaternion_from_rotation(np.diag([1.0, 1.0, -1.0]))


SHARED = json.loads((CHECKOUT / "tests/fixtures/poses.json").read_text())


@pytest.mark.parametrize("case", SHARED["poses"], ids=lambda case: case["name"])
def test_poses_that_the_browser_shares(case) -> None:
    pose = Pose(**{name: tuple(values) for name, values in case["pose"].items()})
    np.testing.assert_allclose(camera_from_object(pose), case["camera_from_object"], atol=1e-8)
    np.testing.assert_allclose(
        transform_points(pose, np.array(case["points_object"])), case["points_camera"], atol=1e-8
    )
    back = quaternion_from_rotation(rotation_from_quaternion(pose.rotation_wxyz))
    assert abs(np.dot(back, pose.rotation_wxyz)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("case", SHARED["refused"], ids=lambda case: case["name"])
def test_poses_that_the_browser_refuses_too(case) -> None:
    with pytest.raises(PoseError):
        Pose(**{name: tuple(values) for name, values in case.items() if name != "name"})
