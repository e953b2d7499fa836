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


def grid_cells(points_view: NDArray[np.float64]) -> NDArray[np.int_]:
    """Where (2, n) points, x right and y down, fall on a GRID_PX square that keeps their aspect ratio.

    Returns (n,) cells of it, counted row by row.
    """
    # One row an axis: extrema along the short axis of (n, 2) take twenty times as long.
    low, high = points_view.min(axis=1, keepdims=True), points_view.max(axis=1, keepdims=True)
    cell = max(float((high - low).max()), 1e-9) / (GRID_PX - 4)
    offset = (GRID_PX - (high - low) / cell) / 2
    columns, rows = np.clip(((points_view - low) / cell + offset).astype(int), 0, GRID_PX - 1)
    return np.asarray(rows * GRID_PX + columns)


def silhouette(points_view: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Splat (2, n) points, x right and y down, into a filled GRID_PX square that keeps their aspect ratio."""
    cells = np.zeros(GRID_PX**2, dtype=bool)
    cells[grid_cells(points_view)] = True
    grid = cells.reshape(GRID_PX, GRID_PX)
    return np.asarray(ndimage.binary_closing(grid, structure=np.ones((3, 3))) | grid)


def mask_silhouette(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bring a (height, width) mask to the same grid."""
    rows, columns = np.nonzero(mask)
    points = np.stack([columns, rows]).astype(float)
    return silhouette(np.hstack([points, points + 0.5]))


def best_view(mesh: trimesh.Trimesh, mask: NDArray[np.bool_]) -> View:
    """Return the view in which the mesh's silhouette fits the mask best."""
    wanted = mask_silhouette(mask)
    points = np.ascontiguousarray(surface_points(mesh).T)
    best = View(iou=-1.0, rotation=np.eye(3))
    for elevation in ELEVATIONS_DEGREES:
        for azimuth in AZIMUTHS_DEGREES:
            rotation = view_rotation(azimuth_degrees=azimuth, elevation_degrees=elevation)
            seen = silhouette(rotation[:2] @ points)
            iou = float(np.logical_and(seen, wanted).sum() / np.logical_or(seen, wanted).sum())
            if iou > best.iou:
                best = View(iou=iou, rotation=rotation)
    return best
