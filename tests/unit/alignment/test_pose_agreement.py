"""Agreement of poses, on meshes whose symmetries are known."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alignment.pose_agreement import PosedMesh
from engine.alignment.similarity import rotation_about
from engine.contracts.poses import Pose, quaternion_from_rotation, rotation_from_quaternion

POSE = Pose(rotation_wxyz=(1.0, 0.0, 0.0, 0.0), translation=(0.0, 0.0, 3.0), scale=(2.0, 2.0, 2.0))


def turned(x=0.0, y=0.0, z=0.0, *, pose=POSE):
    rotation = rotation_about(np.radians([x, y, z])) @ rotation_from_quaternion(pose.rotation_wxyz)
    return Pose(rotation_wxyz=quaternion_from_rotation(rotation), translation=pose.translation, scale=pose.scale)


def moved(*, by=(0.0, 0.0, 0.0), scale=1.0):
    x, y, z = np.add(POSE.translation, by)
    return Pose(rotation_wxyz=POSE.rotation_wxyz, translation=(x, y, z), scale=(2 * scale, 2 * scale, 2 * scale))


def mesh(shape):
    return PosedMesh(np.asarray(shape.vertices), np.asarray(shape.faces))


@pytest.fixture(scope="module")
def brick():
    return mesh(trimesh.creation.box(extents=(1.0, 0.6, 0.3)))


@pytest.fixture(scope="module")
def cylinder():
    shape = trimesh.creation.cylinder(radius=0.25, height=1.0, sections=64)
    return mesh(shape.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0))))  # Y up


@pytest.fixture(scope="module")
def wedge():
    """No symmetry at all."""
    return mesh(
        trimesh.convex.convex_hull(np.array([[0, 0, 0], [1, 0, 0], [0, 0.6, 0], [0, 0, 0.35], [0.5, 0.5, 0.1]]))
    )


def test_a_pose_agrees_with_itself(brick, wedge):
    for one in (brick, wedge):
        same = one.compare(POSE, POSE)
        assert same.agrees
        assert (same.add_s, same.translation_over_diameter, same.scale_ratio) == (0.0, 0.0, 1.0)
        assert same.rotation_degrees == pytest.approx(0.0, abs=1e-5)


def test_symmetries_of_known_shapes(brick, cylinder, wedge):
    assert len(brick.symmetries) == 4  # halves about each axis
    assert len(mesh(trimesh.creation.box()).symmetries) == 24
    assert cylinder.round_axes.tolist() == [[0.0, 1.0, 0.0]]
    assert len(mesh(trimesh.creation.icosphere(subdivisions=4)).round_axes) == 3
    assert (len(wedge.symmetries), len(wedge.round_axes)) == (1, 0)


@pytest.mark.parametrize(("turn", "left"), [((180, 0, 0), 0), ((0, 180, 0), 0), ((0, 90, 0), 90), ((0, 0, 170), 10)])
def test_a_turn_of_a_brick_counts_up_to_its_halves(brick, turn, left):
    assert brick.compare(turned(*turn), POSE).rotation_degrees == pytest.approx(left, abs=1e-4)


def test_a_turn_of_a_shape_without_symmetry_counts_whole(wedge):
    assert wedge.compare(turned(y=90), POSE).rotation_degrees == pytest.approx(90)
    assert wedge.compare(turned(z=180), POSE).rotation_degrees == pytest.approx(180)


@settings(max_examples=25, deadline=None)
@given(about_its_axis=st.floats(-180, 180), tilt=st.floats(0, 60))
def test_of_a_cylinder_only_the_tilt_counts(cylinder, about_its_axis, tilt):
    pose = turned(x=tilt, pose=turned(y=about_its_axis))
    assert cylinder.compare(pose, POSE).rotation_degrees == pytest.approx(tilt, abs=1e-3)


def test_a_shift_counts_over_the_diameter(brick):
    diameter = 2 * np.linalg.norm([1.0, 0.6, 0.3])
    apart = brick.compare(moved(by=(0.0, 0.0, 0.2 * diameter)), POSE)
    assert apart.translation_over_diameter == pytest.approx(0.2)
    assert apart.add_s <= 0.2
    assert not apart.agrees
    assert brick.compare(moved(by=(0.01, 0, 0)), POSE).agrees


def test_scale_counts_as_a_ratio_of_lengths(brick):
    assert brick.compare(moved(scale=1.25), POSE).scale_ratio == pytest.approx(1.25)
