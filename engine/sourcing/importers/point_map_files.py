"""Point maps as they come with photographs: depth images, arrays and point clouds, each with its camera.

Beside `camera.json` ({"K": 3×3 of pixels counted from the centre of the first one, "depth_scale": values per unit,
"scale": "metric" or "relative"}) one of

depth.png, depth.tif     depth along z, 16 bit or floating point
depth.exr                depth along z in its only or its `Z` channel
depth.npy                (height, width) depth, or points.npy (height, width, 3) in the camera frame
cloud.ply, cloud.pcd     points in the camera frame, in any order: each goes to the pixel on which it falls

Camera frame: OpenCV (x right, y down, z forward).
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from engine.contracts.cameras import Intrinsics, project
from engine.contracts.targets import PointMapScale
from engine.sourcing.importers.files import read_limited
from engine.sourcing.importers.intake import FoundPointMap
from engine.sourcing.point_maps import PointMapRefused

CAMERA = "camera.json"

# A cloud whose points mostly miss the photograph is in another frame or unit than it says.
LEAST_SEEN_SHARE = 0.5


@dataclass(frozen=True)
class _Camera:
    matrix: NDArray[np.float64]
    values_per_unit: float
    scale: PointMapScale

    def intrinsics(self, *, width: int, height: int) -> Intrinsics:
        """K counts from the centre of the first pixel, the project from its corner."""
        return Intrinsics(
            fx=float(self.matrix[0, 0]),
            fy=float(self.matrix[1, 1]),
            cx=float(self.matrix[0, 2]) + 0.5,
            cy=float(self.matrix[1, 2]) + 0.5,
            width=width,
            height=height,
        )


def find_point_map_file(folder: Path) -> Path | None:
    """The file of the folder that holds a point map, if there is one with a camera."""
    if not (folder / CAMERA).is_file():
        return None
    return next((folder / name for name in _READERS if (folder / name).is_file()), None)


def read_point_map_file(path: Path, *, width_px: int, height_px: int) -> FoundPointMap:
    """Read a point map; `width_px` and `height_px` are those of the photograph, which clouds are laid on.

    Raises:
        PointMapRefused: file or camera cannot be read, or a cloud does not fall on the photograph.
    """
    try:
        camera = _read_camera(path.with_name(CAMERA))
        values = _READERS[path.name](path)
    except (ValueError, KeyError, TypeError, OSError, RuntimeError) as error:  # OpenEXR's own are RuntimeErrors
        raise PointMapRefused(
            f"{path.name} and {CAMERA} cannot be read: {error!r}.",
            what_to_do='camera.json needs "K" (3×3), and "depth_scale" (values per unit) beside a depth image.',
        ) from error
    if path.name.startswith("cloud."):
        intrinsics = camera.intrinsics(width=width_px, height=height_px)
        return FoundPointMap(points=_on_pixels(values, intrinsics), intrinsics=intrinsics, scale=camera.scale)
    height, width, *channels = values.shape
    if channels not in ([], [3]):
        raise PointMapRefused(f"{path.name} has shape {values.shape}; depth has one channel, points have three.")
    intrinsics = camera.intrinsics(width=width, height=height)
    if channels:
        return FoundPointMap(points=values, intrinsics=intrinsics, scale=camera.scale)
    return FoundPointMap(depth=values / camera.values_per_unit, intrinsics=intrinsics, scale=camera.scale)


def _read_camera(path: Path) -> _Camera:
    values = json.loads(path.read_text(encoding="utf-8"))
    per_unit = float(values.get("depth_scale", 1.0))
    if not per_unit > 0:
        raise ValueError(f"depth_scale must be positive, got {per_unit}")
    return _Camera(
        matrix=np.asarray(values["K"], dtype=np.float64).reshape(3, 3),
        values_per_unit=per_unit,
        scale=PointMapScale(values.get("scale", "metric")),
    )


def _read_image(path: Path) -> NDArray[np.float64]:
    with PillowImage.open(io.BytesIO(read_limited(path)), formats=("PNG", "TIFF")) as image:
        return np.asarray(image, dtype=np.float64)


def _read_array(path: Path) -> NDArray[np.float64]:
    return np.asarray(np.load(io.BytesIO(read_limited(path)), allow_pickle=False), dtype=np.float64)


def _read_exr(path: Path) -> NDArray[np.float64]:
    import OpenEXR

    read_limited(path)  # the library reads whatever size it is told
    with OpenEXR.File(str(path)) as file:
        channels = file.channels()
        name = "Z" if "Z" in channels else next(iter(channels))
        return np.asarray(channels[name].pixels, dtype=np.float64)


def _read_cloud(path: Path) -> NDArray[np.float64]:
    import open3d

    read_limited(path)
    cloud = open3d.io.read_point_cloud(str(path))
    if cloud.is_empty():
        raise ValueError("no points could be read")
    return np.asarray(cloud.points, dtype=np.float64)


def _on_pixels(points: NDArray[np.float64], intrinsics: Intrinsics) -> NDArray[np.float64]:
    """Lay (n, 3) points on the photograph, the nearest one of each pixel, moved along its ray to the pixel's centre."""
    points = points[np.isfinite(points).all(axis=1) & (points[:, 2] > 0)]
    pixels = np.floor(project(points, intrinsics)) if len(points) else np.zeros((0, 2))
    inside = ((pixels >= 0) & (pixels < [intrinsics.width, intrinsics.height])).all(axis=1)
    if not len(points) or inside.mean() < LEAST_SEEN_SHARE:
        raise PointMapRefused(
            f"Of {len(points)} points before the camera {int(inside.sum())} fall on the photograph "
            f"({intrinsics.width}×{intrinsics.height}).",
            what_to_do="Give the cloud in the OpenCV camera frame (x right, y down, z forward) of this photograph.",
            points=len(points),
            on_the_photograph=int(inside.sum()),
        )
    column, row = pixels[inside].astype(np.intp).T
    far_first = np.argsort(-points[inside, 2], kind="stable")
    depth = np.full((intrinsics.height, intrinsics.width), np.nan)
    depth[row[far_first], column[far_first]] = points[inside][far_first, 2]
    u, v = np.meshgrid(np.arange(intrinsics.width) + 0.5, np.arange(intrinsics.height) + 0.5)
    return np.stack(
        [(u - intrinsics.cx) / intrinsics.fx * depth, (v - intrinsics.cy) / intrinsics.fy * depth, depth], axis=-1
    )


_READERS: dict[str, Callable[[Path], NDArray[Any]]] = {
    "points.npy": _read_array,
    "depth.npy": _read_array,
    "depth.exr": _read_exr,
    "depth.png": _read_image,
    "depth.tif": _read_image,
    "depth.tiff": _read_image,
    "cloud.ply": _read_cloud,
    "cloud.pcd": _read_cloud,
}
