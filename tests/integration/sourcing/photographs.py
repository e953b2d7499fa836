"""Small photographs and masks for tests."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 48, 64


def photograph(seed: int = 0, *, height: int = HEIGHT, width: int = WIDTH) -> bytes:
    """A PNG of smooth noise: another seed is no near-duplicate."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return png(np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)))


def square(
    *, side: int = 16, top: int = 10, left: int = 20, height: int = HEIGHT, width: int = WIDTH
) -> NDArray[np.bool_]:
    """A square object."""
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[top : top + side, left : left + side] = True
    return mask


def png(pixels: NDArray[np.generic]) -> bytes:
    """Encode an array as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
