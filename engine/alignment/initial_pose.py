"""A first pose from the photograph alone: upright on its ground, facing the camera, as large as its mask, where its
points are.

It saves the annotator the long way from the origin; turning and the last fit are the person's part (paper A.4).
"""

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, quaternion_from_rotation

# Up where no ground is known: the camera's y points down.
CAMERA_UP = (0.0, -1.0, 0.0)

# Depth below which this share of M's points lies is its front; the very nearest ones are often flying pixels.
FRONT_PERCENTILE = 5.0

# Apparent size (extent over depth) beyond which the approximation below runs away.
MAX_APPARENT_SIZE = 2.0


def initial_pose(
    *,
    points_camera: NDArray[np.floating],
    mask: NDArray[np.bool_],
    intrinsics: Intrinsics,
    up: tuple[float, float, float] = CAMERA_UP,
) -> Pose | None:
    """Place a shape that was fitted to [-0.5, 0.5]³; None where M has no point in front of the camera.

    The front of the object lies at depth z_f, its centre at z_f + e/2 for an extent e. Its outline is seen in between:
    near the front for a box, near the centre for a ball. Taken half way, the apparent size is a = e / (z_f + e/4), so
    e = a · z_f / (1 - a/4): about 10 % too large for boxes and 10 % too small for balls.

    Args:
        points_camera: (height, width, 3) point map P in the camera frame, NaN where unknown.
        mask: (height, width) M.
        up: unit normal of the ground in the camera frame.

    Raises:
        ValueError: point map and mask have different sizes.
    """
    require_same_size(points_camera, mask)
    depth = points_camera[..., 2][mask]
    depth = depth[np.isfinite(depth) & (depth > 0)]
    if not depth.size:
        return None
    front = float(np.percentile(depth, FRONT_PERCENTILE))
    rows, columns = np.nonzero(mask)
    width_px = columns.max() + 1 - columns.min()
    height_px = rows.max() + 1 - rows.min()
    apparent = min(max(width_px / intrinsics.fx, height_px / intrinsics.fy), MAX_APPARENT_SIZE)
    extent = float(apparent * front / (1 - apparent / 4))
    centre_depth = front + extent / 2
    u = (columns.min() + columns.max() + 1) / 2
    v = (rows.min() + rows.max() + 1) / 2
    return Pose(
        rotation_wxyz=quaternion_from_rotation(upright_facing_camera(up)),
        translation=(
            float((u - intrinsics.cx) / intrinsics.fx * centre_depth),
            float((v - intrinsics.cy) / intrinsics.fy * centre_depth),
            centre_depth,
        ),
        scale=(extent, extent, extent),
    )


def upright_facing_camera(up: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return the (3, 3) rotation that turns the object's Y to `up` and its Z (its front) to the camera's side."""
    y = np.asarray(up, dtype=np.float64)
    z = -np.array([0.0, 0.0, 1.0]) + y[2] * y  # towards the camera, along the ground
    z /= np.linalg.norm(z)
    return np.stack([np.cross(y, z), y, z], axis=1)


def require_same_size(points_camera: NDArray[np.floating], mask: NDArray[np.bool_]) -> None:
    """Refuse a point map that does not lie over the mask pixel by pixel.

    Raises:
        ValueError: they have different sizes.
    """
    if points_camera.shape != (*mask.shape, 3):
        raise ValueError(f"the point map must be (height, width, 3) over a mask of {mask.shape}: {points_camera.shape}")
