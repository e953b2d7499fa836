"""Render-and-compare on scenes whose pose is known."""

import subprocess
import sys

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, quaternion_from_rotation, rotation_from_quaternion, transform_points
from tests.unit.training_loop.test_shape_metrics import letter_l
from training_loop import layout_refinement
from training_loop.layout_refinement import RefinementError, coarsened, refine_layout
from training_loop.silhouette import depth_map, mask_iou, silhouette

CAMERA = Intrinsics(fx=160.0, fy=160.0, cx=80.0, cy=60.0, width=160, height=120)
MESH = letter_l()
VERTICES = (np.asarray(MESH.vertices) - MESH.bounds.mean(axis=0)) / np.ptp(MESH.bounds, axis=0).max()
FACES = np.asarray(MESH.faces)
TRUE_TURN = Rotation.from_euler("xyz", [200, 35, 10], degrees=True)


def make_pose(turn: Rotation, at: tuple[float, float, float], size: float) -> Pose:
    return Pose(quaternion_from_rotation(turn.as_matrix()), at, (size, size, size))


TRUE = make_pose(TRUE_TURN, (0.1, -0.05, 2.0), 0.8)


def scene(pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    depth = depth_map(transform_points(pose, VERTICES), FACES, CAMERA)
    return np.isfinite(depth), depth


def errors(pose: Pose) -> tuple[float, float, float]:
    """Degrees, share of the distance, share of the size."""
    between = rotation_from_quaternion(pose.rotation_wxyz).T @ TRUE_TURN.as_matrix()
    return (
        float(np.degrees(Rotation.from_matrix(between).magnitude())),
        float(np.linalg.norm(np.subtract(pose.translation, TRUE.translation))) / 2.0,
        abs(pose.scale[0] / TRUE.scale[0] - 1),
    )


@pytest.mark.parametrize("seed", range(3))
def test_mask_and_depth_bring_a_pose_back(seed):
    rng = np.random.default_rng(seed)
    turn = Rotation.from_rotvec(rng.normal(scale=0.12, size=3)) * TRUE_TURN
    at = tuple(float(x) for x in np.array(TRUE.translation) + rng.normal(size=3) * [0.08, 0.08, 0.15])
    start = make_pose(turn, at, 0.8 * float(np.exp(rng.normal() * 0.1)))
    mask, depth = scene(TRUE)
    refined = refine_layout(
        vertices_object=VERTICES, faces=FACES, pose=start, mask=mask, intrinsics=CAMERA, depth=depth
    )
    assert refined.accepted
    assert refined.iou_after > 0.93 > refined.iou_before
    assert refined.depth_error_after < 0.3 * refined.depth_error_before
    before, after = errors(start), errors(refined.pose)
    assert after[0] < max(2.5, 0.5 * before[0])
    assert after[1] < 0.01
    assert after[2] < 0.02


def test_the_mask_alone_fits_the_silhouette_and_keeps_the_distance():
    start = make_pose(TRUE_TURN, (0.2, 0.0, 2.0), 0.65)
    mask, _ = scene(TRUE)
    refined = refine_layout(vertices_object=VERTICES, faces=FACES, pose=start, mask=mask, intrinsics=CAMERA)
    assert refined.accepted
    assert refined.iou_before < 0.6
    assert refined.iou_after > 0.95
    assert mask_iou(scene(refined.pose)[0], mask) == refined.iou_after
    assert refined.depth_error_before is None
    assert transform_points(refined.pose, np.zeros((1, 3)))[0, 2] == pytest.approx(2.0, abs=0.01)
    assert errors(refined.pose)[2] < 0.03


def by_the_mask(turn: Rotation, mask: np.ndarray):
    start = make_pose(turn, (0.16, -0.02, 2.0), 0.72)
    return start, refine_layout(vertices_object=VERTICES, faces=FACES, pose=start, mask=mask, intrinsics=CAMERA)


def test_a_small_error_of_rotation_is_seen_in_the_mask_alone():
    start, refined = by_the_mask(Rotation.from_rotvec([0.0, 0.2, 0.1]) * TRUE_TURN, scene(TRUE)[0])
    assert refined.accepted
    assert refined.iou_after > 0.95
    assert errors(refined.pose)[0] < 0.5 * errors(start)[0]
    assert refined.turn_deg > 5


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0.6, 0.0, 0.8]])
def test_a_wrong_rotation_is_not_made_worse_for_the_sake_of_the_mask(axis):
    turn = Rotation.from_rotvec(np.radians(93) * np.array(axis)) * TRUE_TURN
    start, refined = by_the_mask(turn, scene(TRUE)[0])
    assert errors(refined.pose)[0] <= errors(start)[0] + 1e-6


def test_something_before_the_object_does_not_turn_it():
    mask, _ = scene(TRUE)
    columns = np.flatnonzero(mask.any(axis=0))
    mask[:, columns[len(columns) * 6 // 10] :] = False
    start, refined = by_the_mask(Rotation.from_rotvec([0.0, 0.1, 0.0]) * TRUE_TURN, mask)
    assert refined.accepted
    assert errors(refined.pose)[0] <= errors(start)[0] + 1e-6
    assert refined.turn_deg < 1e-6


def test_a_pose_that_fits_already_is_left_alone():
    mask, _ = scene(TRUE)
    refined = refine_layout(vertices_object=VERTICES, faces=FACES, pose=TRUE, mask=mask, intrinsics=CAMERA)
    assert (refined.verdict, refined.pose, refined.iou_before) == ("iou_did_not_rise", TRUE, 1.0)


def test_nothing_is_done_where_the_object_is_out_of_view():
    mask, _ = scene(TRUE)
    for at in ((9.0, 0.0, 2.0), (0.0, 0.0, -2.0)):
        pose = make_pose(TRUE_TURN, at, 0.8)
        refined = refine_layout(vertices_object=VERTICES, faces=FACES, pose=pose, mask=mask, intrinsics=CAMERA)
        assert (refined.verdict, refined.accepted, refined.pose) == ("out_of_view", False, pose)


def test_a_better_mask_at_a_worse_depth_is_refused(monkeypatch):
    start = make_pose(TRUE_TURN, (0.2, 0.0, 2.0), 0.65)
    mask, depth = scene(TRUE)
    # Found on the mask alone, although depth is known: the silhouette fits at half the distance and size.
    half = make_pose(TRUE_TURN, (0.05, -0.025, 1.0), 0.4)
    monkeypatch.setattr(layout_refinement._Problem, "solve", lambda self: half)
    refined = refine_layout(
        vertices_object=VERTICES, faces=FACES, pose=start, mask=mask, intrinsics=CAMERA, depth=depth
    )
    assert refined.iou_after > refined.iou_before
    assert (refined.verdict, refined.pose) == ("depth_got_worse", start)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": np.ones((5, 5), dtype=bool)}, "must be boolean of shape"),
        ({"mask": np.ones((120, 160), dtype=np.uint8)}, "must be boolean"),
        ({"mask": np.zeros((120, 160), dtype=bool)}, "empty"),
        ({"depth": np.ones((5, 5))}, "depth must have"),
    ],
)
def test_what_does_not_fit_together(change, message):
    arguments = {"mask": np.ones((120, 160), dtype=bool), "depth": None} | change
    with pytest.raises(RefinementError, match=message):
        refine_layout(vertices_object=VERTICES, faces=FACES, pose=TRUE, intrinsics=CAMERA, **arguments)


def test_depth_without_a_reading_is_no_depth():
    mask, _ = scene(TRUE)
    refined = refine_layout(
        vertices_object=VERTICES,
        faces=FACES,
        pose=make_pose(TRUE_TURN, (0.14, -0.05, 2.0), 0.8),
        mask=mask,
        intrinsics=CAMERA,
        depth=np.full(mask.shape, np.nan),
    )
    assert refined.accepted
    assert refined.depth_error_before is None


def test_fine_meshes_keep_their_outline_when_they_are_coarsened():
    ball = trimesh.creation.icosphere(subdivisions=6)
    vertices, faces = coarsened(np.asarray(ball.vertices), np.asarray(ball.faces))
    assert len(faces) < len(ball.faces) / 2
    pose = make_pose(Rotation.identity(), (0.0, 0.0, 4.0), 1.0)
    fine, coarse = (
        silhouette(transform_points(pose, v), f, CAMERA) for v, f in ((ball.vertices, ball.faces), (vertices, faces))
    )
    assert mask_iou(fine, coarse) > 0.97


def test_it_can_be_used_where_there_is_no_torch():
    code = "import sys, training_loop.layout_refinement; assert not {'torch', 'trimesh', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
