"""Poses from outside: every rigid pose in front of the camera is taken, everything else refused with its numbers."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.contracts.cameras import Intrinsics, project
from engine.contracts.poses import transform_points
from engine.layouts import InvalidPose, parse_pose

CAMERA = Intrinsics(fx=500.0, fy=500.0, cx=320.0, cy=240.0, width=640, height=480)
COORDINATES = st.floats(-50, 50)
QUATERNIONS = st.tuples(*[st.floats(-1, 1)] * 4)


@given(
    quaternion=QUATERNIONS,
    x=COORDINATES,
    y=COORDINATES,
    depth=st.floats(0.1, 50),
    scale=st.tuples(*[st.floats(0.2, 20)] * 3),
)
def test_every_rigid_pose_in_front_of_the_camera_is_taken(quaternion, x, y, depth, scale):
    norm = math.sqrt(sum(value * value for value in quaternion))
    assume(norm > 1e-3)
    unit = [value / norm for value in quaternion]
    pose = parse_pose({"rotation_wxyz": unit, "translation": [x, y, depth], "scale": list(scale)}, intrinsics=CAMERA)
    centre = transform_points(pose, np.zeros((1, 3)))
    assert centre[0] == pytest.approx([x, y, depth])
    assert np.isfinite(project(centre, CAMERA)).all()


@given(depth=st.floats(-50, 0))
def test_nothing_behind_the_camera_is_taken(depth):
    with pytest.raises(InvalidPose, match="behind the camera") as refusal:
        parse_pose({"rotation_wxyz": [1, 0, 0, 0], "translation": [0, 0, depth], "scale": [1, 1, 1]}, intrinsics=CAMERA)
    assert refusal.value.facts == {"depth": depth}


@given(quaternion=QUATERNIONS)
def test_only_unit_quaternions_are_rotations(quaternion):
    norm = math.sqrt(sum(value * value for value in quaternion))
    assume(abs(norm - 1) > 2e-3)
    with pytest.raises(InvalidPose, match="unit quaternion"):
        parse_pose({"rotation_wxyz": list(quaternion), "translation": [0, 0, 2], "scale": [1, 1, 1]}, intrinsics=CAMERA)


def test_an_object_smaller_than_a_pixel_is_refused():
    with pytest.raises(InvalidPose, match=r"covers 0\.5 pixels") as refusal:
        parse_pose(
            {"rotation_wxyz": [1, 0, 0, 0], "translation": [0, 0, 10], "scale": [0.01, 0.01, 0.01]}, intrinsics=CAMERA
        )
    assert refusal.value.facts["size_px"] == pytest.approx(0.5)
