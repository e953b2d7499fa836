"""Photographs as pictures in memory, those just used kept; and masks of a smaller picture at the photograph's size."""

import io
import os
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contracts.masks import MaskRle, encode_part
from engine.embedded.places import var_folder
from engine.storage.blobs import BlobStore, open_store

PICTURES_KEPT = 4


@lru_cache(maxsize=PICTURES_KEPT)
def picture(sha256: str) -> NDArray[np.uint8]:
    """A stored photograph as (H, W, 3) RGB; not to be written to, and the same object while it is kept."""
    with Image.open(io.BytesIO(_store().get(sha256))) as photograph:
        pixels = np.array(photograph.convert("RGB"))
    pixels.flags.writeable = False
    return pixels


@lru_cache(maxsize=1)
def _store() -> BlobStore:
    return open_store(os.environ.get("LATHE_STORAGE_URL"), var=var_folder())


def at_full_size(mask: NDArray[np.bool_], *, height: int, width: int) -> MaskRle:
    """Enlarge what is marked, and not the rest: a mask of 50 megapixels is mostly empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left, bottom, right = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    if mask.shape == (height, width):
        return encode_part(mask[top:bottom, left:right], top=top, left=left, height=height, width=width)
    # One pixel around it, so that the edge is interpolated on both sides.
    top, left = max(0, top - 1), max(0, left - 1)
    bottom, right = min(mask.shape[0], bottom + 1), min(mask.shape[1], right + 1)
    scale_y, scale_x = height / mask.shape[0], width / mask.shape[1]
    full_top, full_left = round(top * scale_y), round(left * scale_x)
    size = round(right * scale_x) - full_left, round(bottom * scale_y) - full_top
    marked = mask[top:bottom, left:right].astype(np.uint8) * 255
    soft = cv2.resize(marked, size, interpolation=cv2.INTER_LINEAR)
    return encode_part(np.asarray(soft >= 128), top=full_top, left=full_left, height=height, width=width)
