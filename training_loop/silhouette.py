"""What a camera sees of a posed mesh, without colours: depth, mask, and how well two masks agree.

numpy alone, so that services without torch can use it. Camera: OpenCV; pixel centres at integer + 0.5.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from training_loop.triangle_coverage import cover

NEAR = 1e-6


def depth_map(
    vertices_camera: NDArray[np.float64], faces: NDArray[np.int64], camera: Intrinsics
) -> NDArray[np.float64]:
    """Depth (H, W) of the nearest surface at every pixel centre, NaN where there is none.

    `vertices_camera` (n, 3) are in the camera frame, `faces` (m, 3) index them. Triangles that reach behind the camera
    are left out.
    """
    corners = vertices_camera[faces]
    corners = corners[(corners[:, :, 2] > NEAR).all(axis=1)]
    inverse = 1.0 / corners[:, :, 2]
    screen = corners[:, :, :2] * inverse[:, :, None] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    coverage = cover(screen, camera.width, camera.height)
    # Inverse depth is linear in the image; the largest one is nearest.
    nearness = np.einsum("ij,ij->i", coverage.weights, inverse[coverage.triangle])
    nearest = np.zeros(camera.height * camera.width)
    np.maximum.at(nearest, coverage.row * camera.width + coverage.column, nearness)
    with np.errstate(divide="ignore"):
        depth = np.where(nearest > 0, 1.0 / nearest, np.nan)
    return depth.reshape(camera.height, camera.width)


def silhouette(vertices_camera: NDArray[np.float64], faces: NDArray[np.int64], camera: Intrinsics) -> NDArray[np.bool_]:
    """Mask (H, W) of the pixels whose centres the surface covers."""
    return np.isfinite(depth_map(vertices_camera, faces, camera))


def mask_iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks of one shape; 0 where both are empty."""
    either = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / either if either else 0.0


def resized_camera(camera: Intrinsics, width: int, height: int) -> Intrinsics:
    """The same camera with another number of pixels."""
    across, down = width / camera.width, height / camera.height
    return replace(
        camera,
        fx=camera.fx * across,
        fy=camera.fy * down,
        cx=camera.cx * across,
        cy=camera.cy * down,
        width=width,
        height=height,
    )
