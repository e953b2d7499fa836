"""Pinhole cameras. Camera frame: OpenCV, x right, y down, z forward; pixel centres lie at integer + 0.5."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Intrinsics:
    """Focal lengths and principal point in pixels of an image of `width` × `height`."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


def project(points_camera: NDArray[np.float64], intrinsics: Intrinsics) -> NDArray[np.float64]:
    """Project (n, 3) points in the camera frame to (n, 2) pixels; points at z ≤ 0 come out as NaN."""
    depth = points_camera[:, 2]
    safe = np.where(depth > 0, depth, np.nan)
    u = intrinsics.fx * points_camera[:, 0] / safe + intrinsics.cx
    v = intrinsics.fy * points_camera[:, 1] / safe + intrinsics.cy
    return np.stack([u, v], axis=1)


def unproject(depth: NDArray[np.float64], intrinsics: Intrinsics) -> NDArray[np.float64]:
    """Lift a (height, width) depth map (z, any unit) to an (height, width, 3) point map in the camera frame."""
    height, width = depth.shape
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x = (u - intrinsics.cx) / intrinsics.fx * depth
    y = (v - intrinsics.cy) / intrinsics.fy * depth
    return np.stack([x, y, depth], axis=-1)
