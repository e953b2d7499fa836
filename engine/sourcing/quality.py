"""Measures of a photograph's quality, and a hash that near-duplicates share (paper A.1, filtering of images)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Sharpness depends on resolution: it is measured on images of one size.
MEASURED_SIDE_PX = 1024


@dataclass(frozen=True)
class Quality:
    """Measures on the grey image in [0, 1]: variance of the Laplacian, standard deviation, mean; a 64 bit dHash."""

    sharpness: float
    contrast: float
    brightness: float
    perceptual_hash: int


def measure_quality(pixels: NDArray[np.uint8]) -> Quality:
    """Measure an (height, width, 3) uint8 RGB image, scaled down to at most 1024 pixels a side."""
    image = Image.fromarray(pixels).convert("L")
    hashed = difference_hash(image)
    image.thumbnail((MEASURED_SIDE_PX, MEASURED_SIDE_PX), Image.Resampling.BOX)
    grey = np.asarray(image, dtype=np.float64) / 255.0
    return Quality(
        sharpness=float(_laplacian(grey).var()),
        contrast=float(grey.std()),
        brightness=float(grey.mean()),
        perceptual_hash=hashed,
    )


def difference_hash(image: Image.Image) -> int:
    """Return the difference hash of a grey image as a signed 64 bit integer.

    Each bit says whether a pixel of the 9×8 thumbnail is brighter than its left neighbour; similar images differ in few
    bits.
    """
    thumbnail = np.asarray(image.resize((9, 8), Image.Resampling.LANCZOS), dtype=np.int16)
    bits = np.packbits(thumbnail[:, 1:] > thumbnail[:, :-1])
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def _laplacian(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    centre = grey[1:-1, 1:-1]
    return grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * centre
