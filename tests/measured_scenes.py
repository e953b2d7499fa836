"""Real photographs with measured depth, whose poses others measured: of `../shared/data`, where it is present."""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from engine.alignment.ground_plane import find_ground_plane
from engine.alignment.initial_pose import CAMERA_UP
from engine.alignment.scoring import TOLERANCE_SHARE, inlier_tolerance
from engine.contracts.cameras import Intrinsics, unproject
from engine.contracts.poses import Pose, quaternion_from_rotation
from tests.posed_scenes import PosedScene

SHARED = Path(os.environ.get("LATHE_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
PHOTOGRAPHS = ("ycbv_0000_000001", "visp_cube_0000")
OBJECTS = ("009_gelatin_box", "025_mug", "061_foam_brick", "cube")

needs_shared_data = pytest.mark.skipif(
    not (SHARED / "pose_gt").is_dir(), reason="needs ../shared/data or LATHE_SHARED_DATA"
)


@cache
def measured_scene(name: str) -> tuple[PosedScene, Intrinsics]:
    """One of OBJECTS in its photograph, and the camera that took it; points are NaN where none was measured."""
    item, folder = _found(name)
    camera = json.loads((folder / "camera.json").read_text())
    matrix = np.asarray(camera["K"])
    depth = np.asarray(Image.open(folder / "depth.png"), dtype=np.float64) / camera["depth_scale"]
    depth[depth == 0] = np.nan
    intrinsics = Intrinsics(
        fx=matrix[0, 0],
        fy=matrix[1, 1],
        cx=matrix[0, 2] + 0.5,
        cy=matrix[1, 2] + 0.5,
        width=depth.shape[1],
        height=depth.shape[0],
    )
    points = unproject(depth, intrinsics).astype(np.float32)
    mask = np.asarray(Image.open(SHARED / item["mask"]).convert("L")) > 127
    mesh = trimesh.load(SHARED / item["mesh"], force="mesh")
    vertices = np.asarray(mesh.vertices)
    centre, size = (vertices.min(axis=0) + vertices.max(axis=0)) / 2, np.ptp(vertices, axis=0).max()
    camera_from_mesh = np.asarray(item["T_cam_mesh"])
    truth = Pose(
        rotation_wxyz=quaternion_from_rotation(camera_from_mesh[:3, :3]),
        translation=tuple(camera_from_mesh[:3, :3] @ centre + camera_from_mesh[:3, 3]),
        scale=(size, size, size),
    )
    tolerance = inlier_tolerance(points, mask)
    assert tolerance is not None
    ground = find_ground_plane(
        points_camera=points, mask=mask, tolerance=tolerance / 2, extent=tolerance / TOLERANCE_SHARE
    )
    scene = PosedScene(
        vertices_object=(vertices - centre) / size,
        faces=np.asarray(mesh.faces),
        pose=truth,
        mask=mask,
        points_camera=points,
        pixels=np.asarray(Image.open(folder / "image.png").convert("RGB")),
        up=ground.normal if ground else CAMERA_UP,
        ground_offset=ground.offset if ground else 0.0,
    )
    return scene, intrinsics


def _found(name: str) -> tuple[dict, Path]:
    for photograph in PHOTOGRAPHS:
        folder = SHARED / "pose_gt" / photograph
        for item in json.loads((folder / "objects.json").read_text())["objects"]:
            if item["name"] == name:
                return item, folder
    raise AssertionError(name)
