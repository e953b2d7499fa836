"""The plane that the object stands on, found in the points around it: for an upright start and for setting it down."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Photographs are taken more or less upright: the ground's normal lies within this angle of the camera's up (-y).
MOST_TILT_DEGREES = 60.0

# How far around the object the ground is looked for, over the object's extent.
REACH_SHARE = 1.5

# The least share of the points around it that must lie on the plane.
LEAST_SUPPORT = 0.2

TRIALS = 300
MOST_POINTS = 4000


@dataclass(frozen=True)
class GroundPlane:
    """All x with normal · x = offset, camera frame. The unit normal points up, to the side where the camera is."""

    normal: tuple[float, float, float]
    offset: float


def find_ground_plane(
    *, points_camera: NDArray[np.floating], mask: NDArray[np.bool_], tolerance: float, extent: float
) -> GroundPlane | None:
    """Find the support of the object by RANSAC with a fixed seed; None where the points show none.

    Args:
        points_camera: (height, width, 3) point map P in the camera frame, NaN where unknown.
        mask: (height, width) M.
        tolerance: how far from the plane a point may lie, in the unit of P.
        extent: diagonal of the object's visible points, in the unit of P.
    """
    target = points_camera[mask]
    target = target[np.isfinite(target).all(axis=1)]
    around = points_camera[~mask]
    around = around[np.isfinite(around).all(axis=1)]
    if not len(target) or not len(around):
        return None
    lowest = np.percentile(target, 95, axis=0)[1]
    foot = np.median(target[target[:, 1] >= np.percentile(target[:, 1], 80)], axis=0)
    near = around[np.linalg.norm(around - foot, axis=1) < REACH_SHARE * extent]
    near = near[near[:, 1] > lowest - extent / 2].astype(np.float64)
    if len(near) < 30:
        return None
    draw = np.random.default_rng(0)
    near = near[draw.permutation(len(near))[:MOST_POINTS]]
    corners = near[draw.integers(len(near), size=(TRIALS, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    usable = lengths > 1e-12 * extent**2
    normals, corners = normals[usable] / lengths[usable, None], corners[usable]
    normals *= -np.sign(normals[:, 1:2])  # camera y points down
    upright = -normals[:, 1] >= np.cos(np.radians(MOST_TILT_DEGREES))
    normals, offsets = normals[upright], np.einsum("ij,ij->i", normals[upright], corners[upright, 0])
    if not len(normals):
        return None
    support = (np.abs(near @ normals.T - offsets) < tolerance).sum(axis=0)
    best = int(np.argmax(support))
    if support[best] < LEAST_SUPPORT * len(near):
        return None
    return _refined(near[np.abs(near @ normals[best] - offsets[best]) < tolerance])


def _refined(points: NDArray[np.float64]) -> GroundPlane | None:
    """The least-squares plane through (n, 3) points."""
    centre = points.mean(axis=0)
    normal = np.linalg.svd(points - centre, full_matrices=False)[2][2]
    if normal[1] > 0:
        normal = -normal
    if -normal[1] < np.cos(np.radians(MOST_TILT_DEGREES)):
        return None
    x, y, z = (float(value) for value in normal)
    return GroundPlane(normal=(x, y, z), offset=float(normal @ centre))
