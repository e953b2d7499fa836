"""Snap and other poses, on scenes whose pose is known."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from engine.alignment.fitting import LEAST_TURN_DEGREES, MOST_OTHERS, Fit
from engine.alignment.initial_pose import initial_pose
from engine.alignment.scoring import score_pose
from engine.alignment.similarity import Similarity, rotation_about, rotation_grid
from engine.contracts.poses import Pose, quaternion_from_rotation, rotation_from_quaternion, transform_points
from tests.posed_scenes import CAMERA, posed_scene

CATEGORIES = ("chair", "mug", "car", "sofa", "guitar", "dog", "motorcycle", "teapot", "airplane", "backpack")


def add_s(scene, pose):
    """ADD-S over the diameter."""
    truth, placed = transform_points(scene.pose, scene.vertices_object), transform_points(pose, scene.vertices_object)
    return cKDTree(placed).query(truth)[0].mean() / np.linalg.norm(np.ptp(truth, axis=0))


def nudged(pose, *, degrees, shift_share, scale):
    """A pose that is off by so much."""
    turned = rotation_about(np.radians(degrees) * np.array([0.5, 0.7, 0.5]) / np.linalg.norm([0.5, 0.7, 0.5]))
    shift = shift_share * pose.scale[0] * np.array([1.0, -1.0, 0.5])
    return Pose(
        rotation_wxyz=quaternion_from_rotation(turned @ rotation_from_quaternion(pose.rotation_wxyz)),
        translation=tuple(float(value) for value in np.asarray(pose.translation) + shift),
        scale=tuple(value * scale for value in pose.scale),
    )


def started(scene):
    return initial_pose(points_camera=scene.points_camera, mask=scene.mask, intrinsics=CAMERA, up=scene.up)


@pytest.mark.parametrize("category", CATEGORIES)
def test_snap_repairs_a_pose_that_is_nearly_right(category):
    scene = posed_scene(category)
    start = nudged(scene.pose, degrees=12, shift_share=0.08, scale=1.12)
    snapped = Fit(**scene.of_fit).snap(start)
    assert add_s(scene, snapped) < 0.03
    assert score_pose(pose=snapped, **scene.of_fit).silhouette_iou > 0.93


@pytest.mark.parametrize("category", CATEGORIES)
def test_one_of_the_other_poses_is_the_right_one(category):
    scene = posed_scene(category)
    fit = Fit(**scene.of_fit)
    others = fit.others(started(scene), up=scene.up)
    assert 1 <= len(others) <= MOST_OTHERS
    assert min(add_s(scene, fit.snap(other)) for other in others[:3]) < 0.05


def test_the_other_poses_are_real_choices():
    scene = posed_scene("chair")
    others = Fit(**scene.of_fit).others(scene.pose, up=scene.up)
    turns = [rotation_from_quaternion(pose.rotation_wxyz) for pose in [scene.pose, *others]]
    cosines = [(np.trace(one.T @ other) - 1) / 2 for place, one in enumerate(turns) for other in turns[:place]]
    assert len(others) >= 3
    assert np.degrees(np.arccos(max(cosines))) >= LEAST_TURN_DEGREES


def turned_front_to_back(pose):
    rotation = rotation_from_quaternion(pose.rotation_wxyz) @ np.diag([-1.0, 1.0, -1.0])
    return Pose(quaternion_from_rotation(rotation), pose.translation, pose.scale)


@pytest.mark.parametrize("category", ["mug", "car", "teapot", "sofa"])
def test_a_fit_from_behind_is_told_from_the_right_one(category):
    scene = posed_scene(category, seed=3)
    fit = Fit(**scene.of_fit)
    assert not fit.fits_better_turned(fit.snap(scene.pose))
    assert fit.fits_better_turned(fit.snap(turned_front_to_back(scene.pose)))


@pytest.mark.parametrize("category", ["table", "bottle", "vase"])
def test_what_looks_the_same_from_behind_fits_no_better_there(category):
    scene = posed_scene(category, seed=3)
    fit = Fit(**scene.of_fit)
    assert not fit.fits_better_turned(fit.snap(scene.pose))
    assert not fit.fits_better_turned(fit.snap(turned_front_to_back(scene.pose)))


def test_snap_never_returns_a_worse_pose():
    scene = posed_scene("chair")
    fit = Fit(**scene.of_fit)
    again = fit.snap(scene.pose)
    before, after = (score_pose(pose=pose, **scene.of_fit) for pose in (scene.pose, again))
    assert after.silhouette_iou + after.inlier_share >= before.silhouette_iou + before.inlier_share - 0.01
    assert add_s(scene, again) < 0.005


def test_snap_keeps_the_proportions_of_the_scale():
    scene = posed_scene("chair")
    stretched = Pose(
        rotation_wxyz=scene.pose.rotation_wxyz,
        translation=scene.pose.translation,
        scale=tuple(value * factor for value, factor in zip(scene.pose.scale, (1.0, 0.8, 1.2), strict=True)),
    )
    snapped = Fit(**scene.of_fit, scale_ratio=(1.0, 0.8, 1.2)).snap(stretched)
    assert np.array(snapped.scale) / snapped.scale[0] == pytest.approx([1.0, 0.8, 1.2])


def test_an_occluded_part_of_the_mesh_is_no_error_of_its_outline():
    scene = posed_scene("chair")
    rows = np.nonzero(scene.mask.any(axis=1))[0]
    hidden = np.zeros_like(scene.mask)
    hidden[int(np.quantile(rows, 0.65)) :] = True
    points = np.where(hidden[..., None], scene.points_camera * 0.5, scene.points_camera)
    parts = scene.of_fit | {"mask": scene.mask & ~hidden, "points_camera": points.astype(np.float32)}
    snapped = Fit(**parts).snap(nudged(scene.pose, degrees=6, shift_share=0.04, scale=1.05))
    assert add_s(scene, snapped) < 0.02


def test_without_points_the_outline_alone_leads():
    scene = posed_scene("mug")
    parts = scene.of_fit | {"points_camera": np.full_like(scene.points_camera, np.nan)}
    start = nudged(scene.pose, degrees=0, shift_share=0.05, scale=1.1)
    before, after = (score_pose(pose=pose, **parts).silhouette_iou for pose in (start, Fit(**parts).snap(start)))
    assert after > max(before, 0.95)


def test_the_same_question_has_the_same_answer():
    scene = posed_scene("car")
    start = started(scene)
    assert Fit(**scene.of_fit).others(start, up=scene.up) == Fit(**scene.of_fit).others(start, up=scene.up)


def test_the_grid_holds_rotations_that_differ():
    grid = list(rotation_grid((0.0, -1.0, 0.0)))
    assert len(grid) == 72
    for rotation in grid:
        assert rotation @ rotation.T == pytest.approx(np.eye(3))
        assert np.linalg.det(rotation) == pytest.approx(1.0)
    angles = [np.arccos(np.clip((np.trace(a.T @ b) - 1) / 2, -1, 1)) for i, a in enumerate(grid) for b in grid[:i]]
    assert np.degrees(min(angles)) > 29


def test_a_similarity_and_its_inverse_undo_each_other():
    one = Similarity(rotation=rotation_about(np.array([0.3, -1.0, 2.0])), translation=np.array([1.0, 2, 3]), scale=0.4)
    points = np.random.default_rng(0).normal(size=(20, 3))
    assert one.invert(one.apply(points)) == pytest.approx(points)
