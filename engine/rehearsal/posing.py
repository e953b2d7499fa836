"""A simple pose: the best view's rotation, then scale and translation from the mask's box and the points under it."""

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics, project
from engine.contracts.poses import Pose, quaternion_from_rotation

ROUNDS = 4


class NoPoints(ValueError):
    """There is no finite point under the mask to hold on to."""


def fit_pose(
    *,
    vertices_object: NDArray[np.float64],
    rotation: NDArray[np.float64],
    mask: NDArray[np.bool_],
    points_camera: NDArray[np.float64],
    intrinsics: Intrinsics,
) -> Pose:
    """Fit `camera_from_object` so that the projected vertices fill the mask's box at the depth of its points.

    Args:
        vertices_object: (n, 3) in the object frame.
        rotation: (3, 3) camera_from_object.
        mask: (height, width).
        points_camera: (height, width, 3), NaN where unknown.
        intrinsics: of the photograph.

    Raises:
        NoPoints: no finite point lies under the mask.
    """
    depths = points_camera[..., 2][mask]
    depths = depths[np.isfinite(depths) & (depths > 0)]
    if not depths.size:
        raise NoPoints("the point map has no finite point under the mask")
    rows, columns = np.nonzero(mask)
    box_low = np.array([columns.min(), rows.min()], dtype=float)
    box_high = np.array([columns.max() + 1, rows.max() + 1], dtype=float)
    turned = vertices_object @ rotation.T
    # People see the front of things: the surface, not the centre, lies at the points' depth.
    front_depth = float(np.median(depths))
    scale = front_depth * float((box_high - box_low).max()) / intrinsics.fx / float(np.ptp(turned[:, :2], axis=0).max())
    centre_px = (box_low + box_high) / 2
    translation = np.zeros(3)
    for _ in range(ROUNDS):
        translation[2] = front_depth - scale * float(np.quantile(turned[:, 2], 0.25))
        translation[0] = (centre_px[0] - intrinsics.cx) / intrinsics.fx * translation[2]
        translation[1] = (centre_px[1] - intrinsics.cy) / intrinsics.fy * translation[2]
        seen = project(scale * turned + translation, intrinsics)
        low, high = np.nanmin(seen, axis=0), np.nanmax(seen, axis=0)
        scale *= float(np.mean((box_high - box_low) / np.maximum(high - low, 1e-6)))
        centre_px = centre_px + (box_low + box_high) / 2 - (low + high) / 2
    return Pose(
        rotation_wxyz=quaternion_from_rotation(rotation),
        translation=(float(translation[0]), float(translation[1]), float(translation[2])),
        scale=(scale, scale, scale),
    )
