"""Poses ↔ what the flow generates: normalised 6D rotation, log scale and translation relative to the point map.

Row and column conventions: matrices here act on column vectors. Our frames are those of `engine.contracts.poses`
(OpenCV camera, Y-up object). The released model speaks PyTorch3D's camera (x left, y up, z forward), row vectors and
Z-up canonical objects; `to_released_pose` and `from_released_pose` convert.

Source: paper section E.4 (normalised 6D rotation); released pose target.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics, unproject
from engine.contracts.poses import Pose, quaternion_from_rotation, rotation_from_quaternion

Array = NDArray[np.float64]

# x_pytorch3d = CAMERA_FLIP · x_opencv: x right → left, y down → up.
CAMERA_FLIP = np.diag([-1.0, -1.0, 1.0])
# x_y_up = Y_UP_FROM_Z_UP · x_z_up: (x, y, z) → (x, z, -y).
Y_UP_FROM_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


class PoseCodecError(ValueError):
    """A pose cannot be encoded or decoded in this frame."""


@dataclass(frozen=True)
class PoseFrame:
    """The normalisation of a scene: `shift` (camera frame) and `scene_scale`, in the unit of its point map."""

    shift: tuple[float, float, float]
    scene_scale: float


@dataclass(frozen=True)
class LayoutTarget:
    """x₁ of the layout modalities before z-scoring: rotation (6,), translation (3,), log scale (3,)."""

    rotation_6d: Array
    translation: Array
    log_scale: Array


def frame_of_point_map(point_map: NDArray[np.float32], mask: NDArray[np.bool_]) -> PoseFrame:
    """Shift = median of the masked points; scene scale = median over the scene of max |p - shift|.

    Args:
        point_map: (H, W, 3) in the camera frame, NaN unknown. mask: (H, W) bool.

    Raises:
        PoseCodecError: no known point under the mask, or a scene without extent.
    """
    # Channel by channel: numpy is slow along an axis of three.
    x, y, z = (point_map[..., axis].astype(np.float64) for axis in range(3))
    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
    on_object = mask & known
    if not on_object.any():
        raise PoseCodecError("the point map has no known point under the mask")
    shift = tuple(float(np.median(axis[on_object])) for axis in (x, y, z))
    apart = [np.abs(axis[known] - middle) for axis, middle in zip((x, y, z), shift, strict=True)]
    scene_scale = float(np.median(np.maximum(np.maximum(apart[0], apart[1]), apart[2])))
    if not scene_scale > 0:
        raise PoseCodecError("the point map has no extent: its points are all equal")
    return PoseFrame(shift=(shift[0], shift[1], shift[2]), scene_scale=scene_scale)


def assumed_intrinsics(height: int, width: int) -> Intrinsics:
    """A camera with 55° across the longer side, for photographs of which nothing is known."""
    focal = max(height, width) / (2 * np.tan(np.radians(55.0) / 2))
    return Intrinsics(fx=focal, fy=focal, cx=width / 2, cy=height / 2, width=width, height=height)


def frame_without_point_map(mask: NDArray[np.bool_], intrinsics: Intrinsics) -> PoseFrame:
    """The frame of a wall at depth 1: what is left when depth is unknown. Encode `at_unit_depth(pose)` in it."""
    wall = unproject(np.ones(mask.shape), intrinsics).astype(np.float32)
    return frame_of_point_map(wall, mask)


def at_unit_depth(pose: Pose) -> Pose:
    """Scale a pose about the camera so that its centre has z = 1; the picture stays the same.

    Raises:
        PoseCodecError: the object's centre lies behind the camera.
    """
    depth = pose.translation[2]
    if depth <= 0:
        raise PoseCodecError(f"the object's centre lies behind the camera (z = {depth:g})")
    x, y, _ = pose.translation
    return Pose(
        rotation_wxyz=pose.rotation_wxyz,
        translation=(x / depth, y / depth, 1.0),
        scale=_triple(np.asarray(pose.scale) / depth),
    )


def encode_pose(pose: Pose, frame: PoseFrame) -> LayoutTarget:
    """Pose → rotation 6D, (t - shift) / scene_scale, log(s / scene_scale)."""
    rotation = rotation_from_quaternion(pose.rotation_wxyz)
    return LayoutTarget(
        rotation_6d=rotation_6d(rotation),
        translation=(np.asarray(pose.translation) - np.asarray(frame.shift)) / frame.scene_scale,
        log_scale=np.log(np.asarray(pose.scale) / frame.scene_scale),
    )


def decode_pose(target: LayoutTarget, frame: PoseFrame, *, isotropic: bool = False) -> Pose:
    """The exact inverse of `encode_pose`; `isotropic` gives one scale, the mean of the three, as released."""
    scale = np.exp(np.asarray(target.log_scale)) * frame.scene_scale
    if isotropic:
        scale = np.full(3, scale.mean())
    return Pose(
        rotation_wxyz=quaternion_from_rotation(rotation_from_6d(target.rotation_6d)),
        translation=_triple(np.asarray(target.translation) * frame.scene_scale + np.asarray(frame.shift)),
        scale=_triple(scale),
    )


def rotation_6d(rotation: Array) -> Array:
    """First two columns of a (3, 3) rotation, one after the other: (6,)."""
    return rotation[:, :2].T.reshape(6)


def rotation_from_6d(six: Array) -> Array:
    """Gram-Schmidt of two columns → (3, 3) rotation.

    Raises:
        PoseCodecError: the columns are zero, parallel or not finite.
    """
    first, second = np.asarray(six, dtype=np.float64).reshape(2, 3)
    if not (np.isfinite(six).all() and np.linalg.norm(np.cross(first, second)) > 1e-9):
        raise PoseCodecError("the two columns of a 6D rotation must be finite and not parallel")
    x = first / np.linalg.norm(first)
    y = second - x * (x @ second)
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def to_released_pose(pose: Pose) -> Pose:
    """Our camera_from_object → the released convention: x_camera_row = (s * x_object_row) · R + t.

    The result's quaternion stands for that right-multiplied R, its camera is PyTorch3D's, its object is Z-up.
    """
    rotation = CAMERA_FLIP @ rotation_from_quaternion(pose.rotation_wxyz) @ Y_UP_FROM_Z_UP
    return Pose(
        rotation_wxyz=quaternion_from_rotation(rotation.T),
        translation=_triple(CAMERA_FLIP @ np.asarray(pose.translation)),
        scale=_triple(np.abs(Y_UP_FROM_Z_UP.T) @ np.asarray(pose.scale)),
    )


def from_released_pose(pose: Pose) -> Pose:
    """The inverse of `to_released_pose`."""
    rotation = CAMERA_FLIP @ rotation_from_quaternion(pose.rotation_wxyz).T @ Y_UP_FROM_Z_UP.T
    return Pose(
        rotation_wxyz=quaternion_from_rotation(rotation),
        translation=_triple(CAMERA_FLIP @ np.asarray(pose.translation)),
        scale=_triple(np.abs(Y_UP_FROM_Z_UP) @ np.asarray(pose.scale)),
    )


def points_to_released_camera(point_map: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 3) points in the OpenCV camera → PyTorch3D's camera; its own inverse."""
    return (point_map * np.array([-1.0, -1.0, 1.0], dtype=np.float32)).astype(np.float32)


def _triple(values: Array) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
