"""Masks as people keep them (PNG of any kind, RGBA cut-outs, COCO polygons and run lengths) become boolean arrays."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contracts.masks import MaskError, MaskRle, decode_mask
from engine.errors import Unprocessable
from engine.sourcing.photographs import MAX_PIXELS

MIN_AREA_PX = 16
MIN_AREA_SHARE = 0.0002
MASK_FORMATS = ("PNG", "WEBP", "TIFF", "BMP", "JPEG")
LABEL_LIMIT = 2


class MaskRefused(Unprocessable):
    """The mask does not indicate one object of its image."""

    code = "mask_refused"


def check_mask(mask: NDArray[np.bool_], *, width_px: int, height_px: int, min_area_px: int = MIN_AREA_PX) -> None:
    """Check that a mask belongs to an image of this size and indicates something in it.

    Raises:
        MaskRefused: another size than the image, not boolean, empty, smaller than `min_area_px` or 0.02 % of the
            image, or all of it.
    """
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise MaskRefused(f"A mask must be a boolean (height, width) array, got {mask.dtype} {mask.shape}.")
    if mask.shape != (height_px, width_px):
        raise MaskRefused(
            f"The mask is {mask.shape[1]}×{mask.shape[0]}, its image {width_px}×{height_px}.",
            what_to_do="Export the mask at the size of the upright photograph.",
        )
    area = int(mask.sum())
    if area == 0:
        raise MaskRefused("The mask is empty.", what_to_do="Mark the pixels of one object.")
    smallest = max(min_area_px, int(np.ceil(MIN_AREA_SHARE * mask.size)))
    if area < smallest:
        raise MaskRefused(
            f"The mask has {area} pixel{'s' if area > 1 else ''}; an object in this image needs at least {smallest}.",
            what_to_do="Mark a larger object, or use a photograph in which it is larger.",
        )
    if area == mask.size:
        raise MaskRefused("The mask covers the whole image.", what_to_do="Mark the pixels of one object only.")


def read_mask_image(data: bytes) -> NDArray[np.bool_]:
    """Read a mask from an image file: 0/1, 0/255, boolean, palette, 16 bit, grey with soft edges, or RGBA cut-out.

    Where there is an alpha channel that says something, it is the mask; else a pixel belongs to the object where it is
    brighter than half of the brightest one.

    Raises:
        MaskRefused: not an image, damaged, or a label map of several objects.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=MASK_FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise MaskRefused(f"The mask claims {image.width}×{image.height} pixels; the limit is {MAX_PIXELS:,}.")
        image.load()
    except MaskRefused:
        raise
    except Exception as error:  # damaged data makes a decoder fail in any way
        raise MaskRefused(
            f"The mask is not a readable image ({error}).", what_to_do=f"Save it as one of {', '.join(MASK_FORMATS)}."
        ) from error
    if image.has_transparency_data:
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        if alpha.min() < 255:
            return np.asarray(alpha > 127)
    if image.mode == "P" and len(image.getcolors() or ()) > LABEL_LIMIT:
        raise MaskRefused(
            "The mask is a label map of several objects.", what_to_do="Save one mask file for each object."
        )
    grey = np.asarray(image if image.mode[0] in "1LIF" and image.mode != "LA" else image.convert("L"))
    values = grey.astype(np.float64)
    if not np.isfinite(values).all():
        raise MaskRefused("The mask holds values that are not finite.", what_to_do="Save it with 0 and 255.")
    return np.asarray(values > values.max() / 2)


def read_coco_segmentation(segmentation: Any, *, width_px: int, height_px: int) -> NDArray[np.bool_]:
    """Read the `segmentation` of a COCO or LVIS annotation: polygons (their union), or run lengths of either kind.

    Raises:
        MaskRefused: of neither form, of another size than the image, or damaged.
    """
    if isinstance(segmentation, list):
        return _from_polygons(segmentation, width_px=width_px, height_px=height_px)
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise MaskRefused("The segmentation is neither a list of polygons nor run lengths with size and counts.")
    size, counts = segmentation["size"], segmentation["counts"]
    if list(size) != [height_px, width_px]:
        raise MaskRefused(f"The run lengths are of size {size} (height, width), the image {[height_px, width_px]}.")
    try:
        if isinstance(counts, str | bytes):
            counts = uncompress_counts(counts.encode("ascii") if isinstance(counts, str) else counts)
        runs = MaskRle(height=height_px, width=width_px, counts=tuple(int(count) for count in counts))
        return decode_mask(runs)
    except (MaskError, TypeError, ValueError, OverflowError) as error:
        raise MaskRefused(f"The run lengths are damaged: {error}.") from error


def uncompress_counts(compressed: bytes) -> list[int]:
    """Decode COCO's compressed run lengths.

    Each number is written in groups of 5 bits, lowest first, as characters from '0' on; bit 6 says that more follow,
    the top bit of the last group is the sign; from the third on, a number is the difference to the one two before.
    Decoded here and not by pycocotools, whose C code trusts the lengths.

    Raises:
        ValueError: the text ends inside a number or holds other characters.
    """
    counts: list[int] = []
    value = shift = 0
    for byte in compressed:
        group = byte - 48
        if not 0 <= group < 64 or shift > 60:
            raise ValueError("not compressed COCO run lengths")
        value |= (group & 0x1F) << shift
        shift += 5
        if group & 0x20:
            continue
        if group & 0x10:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("the compressed run lengths end inside a number")
    return counts


def _from_polygons(polygons: list[Any], *, width_px: int, height_px: int) -> NDArray[np.bool_]:
    from pycocotools import mask as coco_mask  # only importers need it

    if not polygons:
        raise MaskRefused("The segmentation has no polygon.")
    limit = 2.0 * max(width_px, height_px)  # rasterising takes memory in proportion to the coordinates
    checked = []
    for polygon in polygons:
        try:
            coordinates = np.asarray(polygon, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise MaskRefused(f"A polygon holds something that is no number: {error}.") from error
        if coordinates.ndim != 1 or coordinates.size < 6 or coordinates.size % 2:
            raise MaskRefused(
                "A polygon needs a flat list x1, y1, x2, y2, … of three corners or more, "
                f"got an array of shape {coordinates.shape}."
            )
        if not np.isfinite(coordinates).all() or np.abs(coordinates).max() > limit:
            raise MaskRefused("A polygon has corners far outside the image.")
        checked.append(coordinates.tolist())
    union = coco_mask.merge(coco_mask.frPyObjects(checked, height_px, width_px))
    return decode_mask(MaskRle(height=height_px, width=width_px, counts=tuple(uncompress_counts(union["counts"]))))
