"""The point cloud that the Stage 3 page draws, packed for the browser: small, and complete from its first bytes on.

Layout, little-endian: the magic `LPM1`, uint32 count, uint32 target_count, float32×3 origin, float32×3 step; then
uint16×3 per point (position = origin + step · q, camera frame), padded to four bytes; then uint8×4 per point (red,
green, blue, 1 where the point belongs to M). Points go from coarse to fine: any prefix covers the whole photograph.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAGIC = b"LPM1"
HEADER = struct.Struct("<4sII3f3f")
MEDIA_TYPE = "application/octet-stream"

MOST_POINTS = 300_000

# M's own points may take this share of them: they are what the mesh is fitted to.
TARGET_SHARE = 0.5

# Positions are this much finer than τ. With 16 bit it also bounds the scene: what lies farther away is left out.
STEPS_PER_TOLERANCE = 16

LARGEST_STEP = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class PointCloud:
    """A packed cloud and what it holds."""

    data: bytes
    count: int
    target_count: int


def pack_point_cloud(
    *,
    points_camera: NDArray[np.floating],
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    tolerance: float | None,
    most_points: int = MOST_POINTS,
) -> PointCloud:
    """Pack the points of a photograph.

    Args:
        points_camera: (height, width, 3) point map P in the camera frame, NaN where unknown.
        pixels: (height, width, 3) RGB of the upright photograph.
        mask: (height, width) M.
        tolerance: τ of the inlier score; the scene is cut to what 16 bit can hold at a sixteenth of it. None: no cut.
        most_points: in the result; both M and its surroundings are thinned evenly in the image.
    """
    flat = points_camera.reshape(-1, 3)
    known = np.flatnonzero(np.isfinite(flat).all(axis=1))
    in_mask = mask.ravel()[known]
    if tolerance is not None and in_mask.any():
        reach = tolerance / STEPS_PER_TOLERANCE * LARGEST_STEP / 2
        near = np.abs(flat[known] - np.median(flat[known[in_mask]], axis=0)).max(axis=1) < reach
        known, in_mask = known[near | in_mask], in_mask[near | in_mask]
    order = _coarse_to_fine(known, width=mask.shape[1])
    known, in_mask = known[order], in_mask[order]

    of_target, around = np.flatnonzero(in_mask), np.flatnonzero(~in_mask)
    target_count = min(len(of_target), max(int(most_points * TARGET_SHARE), most_points - len(around)))
    kept = np.sort(np.concatenate([of_target[:target_count], around[: most_points - target_count]]))
    known, in_mask = known[kept], in_mask[kept]

    points = flat[known].astype(np.float64)
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(3), np.zeros(3))
    step = np.maximum((high - low) / LARGEST_STEP, np.finfo(np.float32).tiny)
    positions = np.clip(np.rint((points - low) / step), 0, LARGEST_STEP).astype("<u2").tobytes()
    colours = np.concatenate([pixels.reshape(-1, 3)[known], in_mask[:, None].astype(np.uint8)], axis=1)
    return PointCloud(
        data=b"".join(
            [
                HEADER.pack(MAGIC, len(known), target_count, *low, *step),
                positions,
                b"\0" * (-len(positions) % 4),
                np.ascontiguousarray(colours, dtype=np.uint8).tobytes(),
            ]
        ),
        count=len(known),
        target_count=target_count,
    )


def unpack_point_cloud(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return (n, 3) positions in the camera frame and (n, 4) red, green, blue, in-M of a packed cloud.

    Raises:
        ValueError: not such a cloud, or cut short.
    """
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError("this is no packed point cloud: it does not begin with LPM1")
    _, count, _, *frame = HEADER.unpack_from(data)
    quantised = np.frombuffer(data, dtype="<u2", count=count * 3, offset=HEADER.size).reshape(-1, 3)
    colours_at = HEADER.size + count * 6 + (-count * 6) % 4
    colours = np.frombuffer(data, dtype=np.uint8, count=count * 4, offset=colours_at).reshape(-1, 4)
    return np.asarray(frame[:3]) + np.asarray(frame[3:]) * quantised, colours


def _coarse_to_fine(pixels_flat: NDArray[np.intp], *, width: int) -> NDArray[np.intp]:
    """Order flat pixel indices by a bit-reversed Z-curve: the image's quadtree, one point of every cell at a time."""
    rows, columns = np.divmod(pixels_flat, width)
    key = np.zeros(len(pixels_flat), dtype=np.int64)
    for bit in range(16):  # the lowest bit of a coordinate tells most: it comes to the top
        key |= ((columns >> bit) & 1) << (31 - 2 * bit)
        key |= ((rows >> bit) & 1) << (30 - 2 * bit)
    return np.argsort(key, kind="stable")
