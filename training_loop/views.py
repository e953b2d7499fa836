"""From a photograph, a mask and a point map to the views that the model looks at: crop and full image.

The crop is the mask's box × margin, padded to a square; the background stays and the mask is a channel of its own
(released preprocessing). Point maps come in the camera frame (OpenCV) and leave normalised by the pose frame.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training_loop.models.config import ConditioningConfig
from training_loop.pose_codec import PoseFrame

Box = tuple[float, float, float, float]


class ViewError(ValueError):
    """Image, mask and point map do not fit together, or the mask is empty."""


@dataclass(frozen=True)
class Views:
    """What one target looks like to the model; `points` are absent where no point map is given.

    `crop`, `full`: (4, P, P) uint8, RGB and mask. `point_crop`, `point_full`: (4, Q, Q) float16, normalised xyz and
    validity.
    """

    crop: NDArray[np.uint8]
    full: NDArray[np.uint8]
    point_crop: NDArray[np.float16] | None
    point_full: NDArray[np.float16] | None


def check_inputs(image: NDArray[np.uint8], mask: NDArray[np.bool_], point_map: NDArray[np.float32] | None) -> None:
    """Refuse what cannot be a target.

    Raises:
        ViewError: wrong shape or type, sizes that differ, or an empty mask.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ViewError(f"the image must be (H, W, 3) uint8, got {image.dtype} {image.shape}")
    if mask.shape != image.shape[:2] or mask.dtype != np.bool_:
        raise ViewError(
            f"the mask must be boolean of shape {image.shape[:2]}, got {mask.dtype} {mask.shape}; "
            "a 0/255 mask becomes one by `mask > 127`"
        )
    if not mask.any():
        raise ViewError("the mask is empty: it indicates no object")
    if point_map is not None and point_map.shape != image.shape:
        raise ViewError(f"the point map must have shape {image.shape}, got {point_map.shape}")


def square_box(mask: NDArray[np.bool_], margin: float) -> Box:
    """Return (left, top, right, bottom) in pixels: the mask's box × `margin`, made square about its centre."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    half = margin * max(bottom - top, right - left) / 2
    centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
    return (centre_x - half, centre_y - half, centre_x + half, centre_y + half)


def image_box(height: int, width: int) -> Box:
    """Return the square box about the whole image."""
    half = max(height, width) / 2
    return (width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)


def make_views(
    *,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    point_map: NDArray[np.float32] | None,
    frame: PoseFrame,
    config: ConditioningConfig,
) -> Views:
    """Build the views of one target.

    Args:
        image: (H, W, 3) uint8. mask: (H, W) bool. point_map: (H, W, 3) in the camera frame, NaN unknown, or None.
        frame: shift and scene scale that normalise the points.

    Raises:
        ViewError: see `check_inputs`.
    """
    check_inputs(image, mask, point_map)
    crop_box, full_box = square_box(mask, config.crop_margin), image_box(*mask.shape)
    picture, silhouette = Image.fromarray(image), Image.fromarray(mask.astype(np.uint8) * 255)
    views = []
    for box in (crop_box, full_box):
        channels = [_resample(layer, box, config.image_px) for layer in (picture, silhouette)]
        views.append(np.concatenate([channels[0].transpose(2, 0, 1), channels[1][None]]))
    points: list[NDArray[np.float16] | None] = [None, None]
    if point_map is not None:
        points = [_point_view(point_map, box, config, frame) for box in (crop_box, full_box)]
    return Views(crop=views[0], full=views[1], point_crop=points[0], point_full=points[1])


def _resample(layer: Image.Image, box: Box, size_px: int) -> NDArray[np.uint8]:
    """Cut `box` (black where it reaches over the border) and resize it to size_px², averaging when it shrinks."""
    left, top, right, bottom = (round(edge) for edge in box)
    cut = layer.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    return np.asarray(cut.resize((size_px, size_px), Image.Resampling.BILINEAR))


def _point_view(
    point_map: NDArray[np.float32], box: Box, config: ConditioningConfig, frame: PoseFrame
) -> NDArray[np.float16]:
    """Nearest points of the cut, normalised; unknown and outside points are zero with validity 0."""
    size_px = config.point_map_px
    left, top, right, bottom = box
    columns = np.floor(left + (np.arange(size_px) + 0.5) * (right - left) / size_px).astype(int)
    rows = np.floor(top + (np.arange(size_px) + 0.5) * (bottom - top) / size_px).astype(int)
    height, width = point_map.shape[:2]
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    cut = point_map[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)]
    valid = inside & np.isfinite(cut).all(axis=-1)
    normalised = (cut - np.asarray(frame.shift)) / frame.scene_scale
    normalised = np.where(valid[..., None], np.clip(normalised, -config.point_limit, config.point_limit), 0.0)
    return np.concatenate([normalised, valid[..., None]], axis=-1).transpose(2, 0, 1).astype(np.float16)
