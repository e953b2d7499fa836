"""Point maps between processes: the file they travel in, and what an estimator of them is asked.

Camera frame: OpenCV (x right, y down, z forward); a map is an (H, W, 3) array with NaN where the point is unknown.
"""

import io
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.contracts.blobs import BlobRef
from engine.contracts.cameras import Intrinsics
from engine.contracts.targets import PointMapScale

ESTIMATE_TASK = "model_workers.estimate_points"

MEDIA_TYPE = "application/x-npz"

# Point maps deflate little whatever the effort; the least one is several times faster.
DEFLATE_LEVEL = 1


@dataclass(frozen=True)
class EstimateRequest:
    """Estimate the point map of a photograph, at its own size."""

    image: BlobRef


@dataclass(frozen=True)
class EstimateReply:
    """An estimated point map, or why there is none."""

    estimator: str
    points: BlobRef | None = None
    intrinsics: Intrinsics | None = None
    scale: PointMapScale = PointMapScale.RELATIVE
    failure: str = ""


def pack_point_map(points: NDArray[np.float32]) -> bytes:
    """Encode a point map as compressed npz (`points_camera`); equal maps give equal bytes."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=DEFLATE_LEVEL) as archive,
        archive.open("points_camera.npy", "w", force_zip64=True) as file,  # by name: its date is then a fixed one
    ):
        np.lib.format.write_array(file, np.ascontiguousarray(points, dtype=np.float32), allow_pickle=False)
    return buffer.getvalue()


def unpack_point_map(data: bytes) -> NDArray[np.float32]:
    """Decode what `pack_point_map` made."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return np.asarray(arrays["points_camera"], dtype=np.float32)
