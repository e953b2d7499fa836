"""The first pose puts a unit-sized shape where mask and points say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alignment.initial_pose import initial_pose
from engine.contracts.cameras import Intrinsics, project, unproject
from engine.contracts.poses import rotation_from_quaternion, transform_points

CAMERA = Intrinsics(fx=150.0, fy=150.0, cx=80.0, cy=60.0, width=160, height=120)


def sphere_scene(centre: tuple[float, float, float], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Point map and mask of a sphere, by intersecting every pixel's ray with it."""
    rays = unproject(np.ones((CAMERA.height, CAMERA.width)), CAMERA)
    a = (rays**2).sum(axis=-1)
    b = rays @ np.asarray(centre)
    root = b * b - a * (np.dot(centre, centre) - radius**2)
    depth = np.where(root >= 0, (b - np.sqrt(np.maximum(root, 0))) / a, np.nan)
    return rays * depth[..., None], root >= 0


@settings(max_examples=25, deadline=None)
@given(x=st.floats(-0.6, 0.6), y=st.floats(-0.4, 0.4), z=st.floats(2.0, 6.0), radius=st.floats(0.25, 0.5))
def test_a_sphere_is_found_where_it_is(x, y, z, radius):
    points_camera, mask = sphere_scene((x, y, z), radius)
    pose = initial_pose(points_camera=points_camera, mask=mask, intrinsics=CAMERA)
    assert pose is not None
    assert pose.scale[0] == pytest.approx(2 * radius, rel=0.25)
    assert np.linalg.norm(np.subtract(pose.translation, (x, y, z))) < 0.35 * radius


def test_a_box_seen_face_on_is_found_where_it_is():
    # Front face 1.6 × 1.2 at depth 4: 80 × 60 pixels of the camera below, centre at 4.8.
    camera = Intrinsics(fx=200.0, fy=200.0, cx=80.0, cy=60.0, width=160, height=120)
    mask = np.zeros((120, 160), dtype=bool)
    mask[30:90, 40:120] = True
    pose = initial_pose(points_camera=unproject(np.full(mask.shape, 4.0), camera), mask=mask, intrinsics=camera)
    assert pose.scale[0] == pytest.approx(1.6, rel=0.12)
    assert pose.translation == pytest.approx((0.0, 0.0, 4.8), abs=0.1)


def test_the_shape_is_upright_and_faces_the_camera():
    points_camera, mask = sphere_scene((0.0, 0.0, 3.0), 0.5)
    pose = initial_pose(points_camera=points_camera, mask=mask, intrinsics=CAMERA)
    rotation = rotation_from_quaternion(pose.rotation_wxyz)
    assert rotation @ [0, 1, 0] == pytest.approx([0, -1, 0])  # up in the object is up in the photograph
    assert rotation @ [0, 0, 1] == pytest.approx([0, 0, -1])  # its front looks at the camera


def test_the_cube_around_the_shape_projects_onto_the_mask():
    points_camera, mask = sphere_scene((0.4, -0.2, 3.0), 0.4)
    pose = initial_pose(points_camera=points_camera, mask=mask, intrinsics=CAMERA)
    centre = project(transform_points(pose, np.zeros((1, 3))), CAMERA)[0]
    rows, columns = np.nonzero(mask)
    assert centre == pytest.approx([columns.mean() + 0.5, rows.mean() + 0.5], abs=2.0)


def test_unknown_points_and_flying_pixels_do_not_matter():
    points_camera, mask = sphere_scene((0.0, 0.0, 3.0), 0.5)
    clean = initial_pose(points_camera=points_camera, mask=mask, intrinsics=CAMERA)
    rows, columns = np.nonzero(mask)
    broken = points_camera.copy()
    broken[rows[::2], columns[::2]] = np.nan
    broken[rows[1::99], columns[1::99]] = [0.0, 0.0, 0.01]
    pose = initial_pose(points_camera=broken, mask=mask, intrinsics=CAMERA)
    assert pose.translation == pytest.approx(clean.translation, abs=0.05)
    assert pose.scale == pytest.approx(clean.scale, rel=0.05)


def test_no_point_in_front_of_the_camera_gives_no_pose():
    points_camera, mask = sphere_scene((0.0, 0.0, 3.0), 0.5)
    assert initial_pose(points_camera=points_camera * np.nan, mask=mask, intrinsics=CAMERA) is None
    assert initial_pose(points_camera=-points_camera, mask=mask, intrinsics=CAMERA) is None


def test_an_object_that_fills_the_picture_still_gets_a_finite_pose():
    mask = np.ones((CAMERA.height, CAMERA.width), dtype=bool)
    wide = Intrinsics(fx=20.0, fy=20.0, cx=80.0, cy=60.0, width=160, height=120)
    points = unproject(np.full(mask.shape, 1.0), wide)
    pose = initial_pose(points_camera=points, mask=mask, intrinsics=wide)
    assert pose is not None
    assert 0 < pose.translation[2] < 10


def test_a_point_map_of_another_size_is_refused():
    with pytest.raises(ValueError, match="over a mask of"):
        initial_pose(points_camera=np.zeros((2, 2, 3)), mask=np.ones((3, 3), bool), intrinsics=CAMERA)
