"""Poses of objects in the camera frame: x_camera = R · (s * x_object) + t, column vectors.

Camera frame: OpenCV (x right, y down, z forward). Object frame: right-handed, Y up, fitted to [-0.5, 0.5]³.
Quaternions are wxyz.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class PoseError(ValueError):
    """A pose is not a rigid motion with positive scale."""


@dataclass(frozen=True)
class Pose:
    """Layout (R, t, s) of an object: rotation as a unit quaternion, translation and scale in the camera's unit."""

    rotation_wxyz: tuple[float, float, float, float]
    translation: tuple[float, float, float]
    scale: tuple[float, float, float]

    def __post_init__(self) -> None:
        values = (*self.rotation_wxyz, *self.translation, *self.scale)
        if not all(math.isfinite(value) for value in values):
            raise PoseError("a pose must be finite; got NaN or infinity")
        norm = math.sqrt(sum(value * value for value in self.rotation_wxyz))
        if abs(norm - 1.0) > 1e-3:
            raise PoseError(f"rotation_wxyz must be a unit quaternion, its norm is {norm:.6f}")
        if min(self.scale) <= 0:
            raise PoseError(f"scale must be positive, got {self.scale}")


def rotation_from_quaternion(rotation_wxyz: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Return the (3, 3) rotation matrix of a quaternion wxyz (normalised first)."""
    w, x, y, z = np.asarray(rotation_wxyz, dtype=np.float64) / np.linalg.norm(rotation_wxyz)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_rotation(rotation: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return the unit quaternion wxyz with w ≥ 0 of a (3, 3) rotation matrix.

    Raises:
        PoseError: the matrix is not a rotation (orthogonal with determinant +1).
    """
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4) or np.linalg.det(rotation) < 0:
        raise PoseError("the matrix is not a rotation: its columns must be orthonormal with determinant +1")
    m = rotation
    # Four times the squared components; the largest one is the safe divisor.
    squares = (
        1 + m[0, 0] + m[1, 1] + m[2, 2],
        1 + m[0, 0] - m[1, 1] - m[2, 2],
        1 - m[0, 0] + m[1, 1] - m[2, 2],
        1 - m[0, 0] - m[1, 1] + m[2, 2],
    )
    rows = (
        (squares[0], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]),
        (m[2, 1] - m[1, 2], squares[1], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]),
        (m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], squares[2], m[1, 2] + m[2, 1]),
        (m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], squares[3]),
    )
    quaternion = np.asarray(rows[int(np.argmax(squares))], dtype=np.float64)
    quaternion /= np.linalg.norm(quaternion)
    if quaternion[0] < 0:
        quaternion = -quaternion
    w, x, y, z = (float(value) for value in quaternion)
    return (w, x, y, z)


def camera_from_object(pose: Pose) -> NDArray[np.float64]:
    """Return the (4, 4) matrix that takes homogeneous object points to the camera frame."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_from_quaternion(pose.rotation_wxyz) * np.asarray(pose.scale)
    matrix[:3, 3] = pose.translation
    return matrix


def transform_points(pose: Pose, points_object: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply the pose to (n, 3) object points; returns (n, 3) points in the camera frame."""
    matrix = camera_from_object(pose)
    return np.asarray(points_object @ matrix[:3, :3].T + matrix[:3, 3])
