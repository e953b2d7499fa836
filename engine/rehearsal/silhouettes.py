"""How well a mesh explains a mask, judged as a person turning the mesh by hand would: over many views.

Object frame: Y up. Views look at the origin; the silhouette of every view and the mask are cropped to their bounding
boxes, brought to one grid and compared by intersection over union.
"""

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage

GRID_PX = 48
AZIMUTHS_DEGREES = tuple(range(0, 360, 15))
ELEVATIONS_DEGREES = (0, 20, 40)
SURFACE_POINTS = 12_000

# Object frame (Y up, seen along -z) to OpenCV camera axes (y down, z forward).
_CAMERA_FROM_UPRIGHT = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class View:
    """The best view of a mesh: its IoU with the mask and camera_from_object's rotation (3, 3)."""

    iou: float
    rotation: NDArray[np.float64]


def view_rotation(*, azimuth_degrees: float, elevation_degrees: float) -> NDArray[np.float64]:
    """Return the (3, 3) rotation camera_from_object of an upright object seen from azimuth and elevation."""
    azimuth, elevation = np.radians(azimuth_degrees), np.radians(elevation_degrees)
    yaw = np.array(
        [
            [np.cos(azimuth), 0, np.sin(azimuth)],
            [0, 1, 0],
            [-np.sin(azimuth), 0, np.cos(azimuth)],
        ]
    )
    pitch = np.array(
        [
            [1, 0, 0],
            [0, np.cos(elevation), -np.sin(elevation)],
            [0, np.sin(elevation), np.cos(elevation)],
        ]
    )
    return np.asarray(_CAMERA_FROM_UPRIGHT @ pitch @ yaw)


def surface_points(mesh: trimesh.Trimesh) -> NDArray[np.float64]:
    """Return (n, 3) points spread evenly over the surface; the same mesh gives the same points."""
    points, _ = trimesh.sample.sample_surface(mesh, SURFACE_POINTS, seed=0)
    return np.vstack([np.asarray(points), mesh.vertices])


def silhouette(points_view: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Splat (n, 2) points, x right and y down, into a filled GRID_PX square that keeps their aspect ratio."""
    low, high = points_view.min(axis=0), points_view.max(axis=0)
    cell = max(float((high - low).max()), 1e-9) / (GRID_PX - 4)
    offset = (GRID_PX - (high - low) / cell) / 2
    columns, rows = np.clip(((points_view - low) / cell + offset).astype(int), 0, GRID_PX - 1).T
    grid = np.zeros((GRID_PX, GRID_PX), dtype=bool)
    grid[rows, columns] = True
    return np.asarray(ndimage.binary_closing(grid, structure=np.ones((3, 3))) | grid)


def mask_silhouette(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bring a (height, width) mask to the same grid."""
    rows, columns = np.nonzero(mask)
    corners = np.array([[0.0, 0.0], [0.5, 0.5]])
    points = np.stack([columns, rows], axis=1).astype(float)
    return silhouette(np.vstack([points + corner for corner in corners]))


def best_view(mesh: trimesh.Trimesh, mask: NDArray[np.bool_]) -> View:
    """Return the view in which the mesh's silhouette fits the mask best."""
    wanted = mask_silhouette(mask)
    points = surface_points(mesh)
    best = View(iou=-1.0, rotation=np.eye(3))
    for elevation in ELEVATIONS_DEGREES:
        for azimuth in AZIMUTHS_DEGREES:
            rotation = view_rotation(azimuth_degrees=azimuth, elevation_degrees=elevation)
            seen = silhouette((points @ rotation.T)[:, :2])
            iou = float(np.logical_and(seen, wanted).sum() / np.logical_or(seen, wanted).sum())
            if iou > best.iou:
                best = View(iou=iou, rotation=rotation)
    return best
