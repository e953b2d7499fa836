"""Masks from picture files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def read_mask(path: Path) -> NDArray[np.bool_]:
    """(H, W) bool: the alpha channel where there is one, else grey above the middle.

    Raises:
        OSError: the file is no picture.
    """
    with Image.open(path) as picture:
        layer = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else picture.convert("L")
        return np.asarray(layer) > 127
