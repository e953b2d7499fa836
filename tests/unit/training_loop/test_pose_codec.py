import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts.cameras import Intrinsics, project, unproject
from engine.contracts.poses import Pose, rotation_from_quaternion, transform_points
from training_loop.pose_codec import (
    PoseCodecError,
    PoseFrame,
    at_unit_depth,
    decode_pose,
    encode_pose,
    frame_of_point_map,
    frame_without_point_map,
    from_released_pose,
    points_to_released_camera,
    rotation_6d,
    rotation_from_6d,
    to_released_pose,
)

numbers = st.floats(-3, 3)


@st.composite
def poses(draw):
    quaternion = np.array([draw(numbers) for _ in range(4)])
    if np.linalg.norm(quaternion) < 0.1:
        quaternion = np.array([1.0, 0.0, 0.0, 0.0])
    quaternion /= np.linalg.norm(quaternion)
    return Pose(
        rotation_wxyz=tuple(float(value) for value in quaternion),
        translation=(draw(numbers), draw(numbers), draw(st.floats(0.5, 5))),
        scale=tuple(draw(st.floats(0.05, 4)) for _ in range(3)),
    )


def same_pose(a: Pose, b: Pose) -> bool:
    points = np.array([[0.0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    return np.allclose(transform_points(a, points), transform_points(b, points), atol=1e-6)


@given(poses(), st.floats(0.1, 10), numbers)
@settings(max_examples=60, deadline=None)
def test_decoding_undoes_encoding(pose, scene_scale, shift):
    frame = PoseFrame(shift=(shift, -shift, 2.0), scene_scale=scene_scale)
    assert same_pose(decode_pose(encode_pose(pose, frame), frame), pose)


@given(poses(), st.floats(0.1, 10))
@settings(max_examples=30, deadline=None)
def test_one_scale_for_all_axes_is_the_mean_of_the_three(pose, scene_scale):
    frame = PoseFrame(shift=(0.1, 0.2, 0.3), scene_scale=scene_scale)
    decoded = decode_pose(encode_pose(pose, frame), frame, isotropic=True)
    assert decoded.scale == pytest.approx([np.mean(pose.scale)] * 3)
    assert decoded.translation == pytest.approx(pose.translation, abs=1e-9)


@given(poses())
@settings(max_examples=60, deadline=None)
def test_the_released_convention_and_back(pose):
    assert same_pose(from_released_pose(to_released_pose(pose)), pose)


@given(poses())
@settings(max_examples=40, deadline=None)
def test_a_released_pose_puts_the_same_points_in_the_other_camera(pose):
    released = to_released_pose(pose)
    points_z_up = np.random.default_rng(0).normal(size=(5, 3))
    x, y, z = points_z_up.T
    points_y_up = np.stack([x, z, -y], axis=1)
    rows = (points_z_up * released.scale) @ rotation_from_quaternion(released.rotation_wxyz) + released.translation
    ours = transform_points(pose, points_y_up)
    assert np.allclose(rows, ours * [-1, -1, 1], atol=1e-6)
    assert np.allclose(points_to_released_camera(points_to_released_camera(ours.astype(np.float32))), ours, atol=1e-5)


@given(poses())
@settings(max_examples=40, deadline=None)
def test_six_numbers_keep_a_rotation(pose):
    rotation = rotation_from_quaternion(pose.rotation_wxyz)
    assert np.allclose(rotation_from_6d(rotation_6d(rotation)), rotation, atol=1e-9)
    assert np.allclose(rotation_from_6d(rotation_6d(rotation) * 3.0), rotation, atol=1e-9)


def test_parallel_columns_are_no_rotation():
    with pytest.raises(PoseCodecError, match="not parallel"):
        rotation_from_6d(np.array([1.0, 0, 0, 2.0, 0, 0]))


@given(poses())
@settings(max_examples=40, deadline=None)
def test_unit_depth_keeps_the_picture(pose):
    camera = Intrinsics(100.0, 100.0, 50.0, 50.0, 100, 100)
    points = np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]])
    before, after = (project(transform_points(p, points), camera) for p in (pose, at_unit_depth(pose)))
    assert np.allclose(before, after, equal_nan=True, atol=1e-6)
    assert at_unit_depth(pose).translation[2] == 1.0


def test_the_frame_of_a_point_map_is_the_object_and_the_scene_around_it():
    depth = np.full((4, 4), 10.0)
    depth[:2, :2] = 2.0
    mask = np.zeros((4, 4), dtype=bool)
    mask[:2, :2] = True
    camera = Intrinsics(4.0, 4.0, 2.0, 2.0, 4, 4)
    frame = frame_of_point_map(unproject(depth, camera).astype(np.float32), mask)
    assert frame.shift[2] == pytest.approx(2.0)
    assert frame.scene_scale == pytest.approx(8.0)


def test_unknown_points_are_left_out_of_the_frame():
    points = np.full((2, 2, 3), np.nan, dtype=np.float32)
    with pytest.raises(PoseCodecError, match="no known point"):
        frame_of_point_map(points, np.ones((2, 2), dtype=bool))


def test_without_a_point_map_the_frame_lies_on_a_wall_at_depth_one():
    mask = np.zeros((10, 20), dtype=bool)
    mask[4:6, 9:11] = True
    frame = frame_without_point_map(mask, Intrinsics(20.0, 20.0, 10.0, 5.0, 20, 10))
    assert frame.shift == pytest.approx((0.0, 0.0, 1.0), abs=1e-6)
