"""Measures of a photograph's quality, and a hash that near-duplicates share (paper A.1, filtering of images)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Bits by which the hashes of two takes of one scene differ at most.
NEAR_BITS = 6
# Hashes that differ in no more bits have one of these chunks (one more than the bits) in common.
CHUNK_BITS = (9, 9, 9, 9, 9, 9, 10)
JPEG_GRID_PX = 8

# Sharpness depends on resolution: it is measured on images of one size.
MEASURED_SIDE_PX = 1024


@dataclass(frozen=True)
class Quality:
    """Measures on the grey image in [0, 1]: variance of the Laplacian, standard deviation, mean, steps across the grid
    of JPEG over steps elsewhere (1: no grid is seen); and a 64 bit dHash."""

    sharpness: float
    contrast: float
    brightness: float
    blockiness: float
    perceptual_hash: int


def measure_quality(pixels: NDArray[np.uint8]) -> Quality:
    """Measure an (height, width, 3) uint8 RGB image, scaled down to at most 1024 pixels a side."""
    image = Image.fromarray(pixels).convert("L")
    hashed = difference_hash(image)
    grid = blockiness(np.asarray(image))
    image.thumbnail((MEASURED_SIDE_PX, MEASURED_SIDE_PX), Image.Resampling.BOX)
    grey = np.asarray(image, dtype=np.float64) / 255.0
    return Quality(
        sharpness=float(_laplacian(grey).var()),
        contrast=float(grey.std()),
        brightness=float(grey.mean()),
        blockiness=grid,
        perceptual_hash=hashed,
    )


def blockiness(grey: NDArray[np.uint8]) -> float:
    """How much larger the steps across the 8 pixel grid of JPEG are than those elsewhere; 1 where no grid is seen."""
    ratios = []
    for values in (grey, grey.T):
        # One corner says enough, and keeps the time of a large photograph short.
        middle = values[: JPEG_GRID_PX * 128, : JPEG_GRID_PX * 256].astype(np.int16)
        steps = np.abs(np.diff(middle, axis=1)).mean(axis=0)
        across = steps[JPEG_GRID_PX - 1 :: JPEG_GRID_PX]
        elsewhere = np.delete(steps, np.arange(JPEG_GRID_PX - 1, steps.size, JPEG_GRID_PX))
        if across.size and elsewhere.size:
            ratios.append(float((across.mean() + 0.5) / (elsewhere.mean() + 0.5)))
    return max(ratios, default=1.0)


def hash_chunks(perceptual_hash: int) -> list[int]:
    """The hash in seven pieces, each with its place: what an index of sets can find near hashes by."""
    bits = perceptual_hash & (2**64 - 1)
    chunks = []
    for place, width in enumerate(CHUNK_BITS):
        chunks.append(place << 10 | bits & ((1 << width) - 1))
        bits >>= width
    return chunks


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
