"""Photographs made up from shapes whose pose is known: mask, point map and ground as a depth camera would see them."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.alignment.initial_pose import upright_facing_camera
from engine.alignment.similarity import rotation_about
from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, quaternion_from_rotation, transform_points
from training_loop.shape_library import build_shape

CAMERA = Intrinsics(fx=300.0, fy=300.0, cx=160.0, cy=120.0, width=320, height=240)
DEPTH_NOISE_SHARE = 0.002
SKY = 12.0


@dataclass(frozen=True)
class PosedScene:
    """One object on a ground plane. Everything in the camera frame unless it says object.

    Attributes:
        vertices_object, faces: the shape, fitted to [-0.5, 0.5]³.
        mask: (height, width) where it is seen; points_camera: (height, width, 3) without gaps.
        pixels: (height, width, 3) a shaded picture; up: the ground's unit normal; ground_offset: its normal · x.
    """

    vertices_object: NDArray[np.float64]
    faces: NDArray[np.integer]
    pose: Pose
    mask: NDArray[np.bool_]
    points_camera: NDArray[np.float32]
    pixels: NDArray[np.uint8]
    up: tuple[float, float, float]
    ground_offset: float

    @property
    def of_fit(self) -> dict[str, object]:
        """What a fit or a score is told."""
        return {
            "vertices_object": self.vertices_object,
            "faces": self.faces,
            "mask": self.mask,
            "points_camera": self.points_camera,
            "intrinsics": CAMERA,
        }


@cache
def posed_scene(category: str, *, seed: int = 0) -> PosedScene:
    """An object of the shape library, upright, turned at random, looked down on at a random angle."""
    import open3d

    draw = np.random.default_rng([seed, *category.encode()])
    shape = build_shape(category, seed).mesh
    vertices, faces = np.asarray(shape.vertices, dtype=np.float64), np.asarray(shape.faces)
    tilt, yaw, scale = draw.uniform(0.15, 0.6), draw.uniform(0, 2 * np.pi), draw.uniform(0.3, 0.6)
    up = (0.0, -float(np.cos(tilt)), -float(np.sin(tilt)))
    rotation = upright_facing_camera(up) @ rotation_about(np.array([0.0, yaw, 0.0]))
    pose = Pose(
        rotation_wxyz=quaternion_from_rotation(rotation),
        translation=(float(draw.uniform(-0.15, 0.15)), float(draw.uniform(-0.1, 0.1)), float(draw.uniform(1.2, 1.7))),
        scale=(scale, scale, scale),
    )
    placed = transform_points(pose, vertices)
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        open3d.core.Tensor(placed.astype(np.float32)), open3d.core.Tensor(np.ascontiguousarray(faces, np.uint32))
    )
    rays = np.zeros((CAMERA.height, CAMERA.width, 6), dtype=np.float32)
    rays[..., 3] = (np.arange(CAMERA.width) + 0.5 - CAMERA.cx) / CAMERA.fx
    rays[..., 4] = ((np.arange(CAMERA.height) + 0.5 - CAMERA.cy) / CAMERA.fy)[:, None]
    rays[..., 5] = 1.0
    cast = scene.cast_rays(open3d.core.Tensor(rays))
    depth, normals = cast["t_hit"].numpy().astype(np.float64), cast["primitive_normals"].numpy()
    mask = np.isfinite(depth)
    offset = float((placed @ np.array(up)).min())
    slope = rays[..., 3:].astype(np.float64) @ np.array(up)
    ground = np.where(slope < -1e-3, offset / np.minimum(slope, -1e-3), SKY)
    depth = np.where(mask, depth, np.minimum(ground, SKY)) * (1 + draw.normal(0, DEPTH_NOISE_SHARE, mask.shape))
    shade = np.where(mask, 70 + 180 * np.abs(normals @ np.array([0.4, -0.7, -0.6])), 140).clip(0, 255)
    return PosedScene(
        vertices_object=vertices,
        faces=faces,
        pose=pose,
        mask=mask,
        points_camera=(rays[..., 3:] * depth[..., None]).astype(np.float32),
        pixels=np.repeat(shade[..., None], 3, axis=2).astype(np.uint8),
        up=up,
        ground_offset=offset,
    )
