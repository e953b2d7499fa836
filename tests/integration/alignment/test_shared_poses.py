"""Snap and other poses on real photographs with measured depth, whose poses others measured."""

import pytest

from engine.alignment.fitting import Fit
from engine.alignment.initial_pose import initial_pose
from engine.alignment.pose_agreement import PosedMesh
from tests.measured_scenes import OBJECTS, measured_scene, needs_shared_data

pytestmark = needs_shared_data


@pytest.mark.parametrize("name", OBJECTS)
def test_other_poses_hold_one_that_agrees_with_the_measured_one(name):
    scene, intrinsics = measured_scene(name)
    seen = {"points_camera": scene.points_camera, "mask": scene.mask, "intrinsics": intrinsics}
    start = initial_pose(**seen, up=scene.up)
    fit = Fit(vertices_object=scene.vertices_object, faces=scene.faces, **seen)
    compare = PosedMesh(scene.vertices_object, scene.faces).compare
    agreements = [compare(other, scene.pose) for other in fit.others(start, up=scene.up)]
    assert min(agreement.add_s for agreement in agreements[:2]) < 0.05
