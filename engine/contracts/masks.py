"""Binary masks as uncompressed COCO run lengths: column-major, the first run counts zeros."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class MaskError(ValueError):
    """A mask or its run lengths cannot be used."""


@dataclass(frozen=True)
class MaskRle:
    """A binary mask of `height` × `width` pixels; `counts` are its column-major run lengths, zeros first."""

    height: int
    width: int
    counts: tuple[int, ...]

    @property
    def area_px(self) -> int:
        """Number of foreground pixels."""
        return sum(self.counts[1::2])


def encode_mask(mask: NDArray[np.bool_]) -> MaskRle:
    """Encode a boolean mask of shape (height, width).

    Raises:
        MaskError: the array is not two-dimensional and boolean.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise MaskError(f"a mask must be a boolean (height, width) array, got {mask.dtype} {mask.shape}")
    flat = mask.flatten(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate(([0], edges, [flat.size]))
    counts = np.diff(bounds)
    if flat.size and flat[0]:
        counts = np.concatenate(([0], counts))
    return MaskRle(height=mask.shape[0], width=mask.shape[1], counts=tuple(int(count) for count in counts))


def decode_mask(rle: MaskRle) -> NDArray[np.bool_]:
    """Decode to a boolean array of shape (height, width).

    Raises:
        MaskError: the run lengths are negative or do not cover the mask exactly.
    """
    counts = np.asarray(rle.counts, dtype=np.int64)
    if (counts < 0).any() or counts.sum() != rle.height * rle.width:
        raise MaskError(
            f"run lengths cover {int(counts.sum())} pixels, the mask has {rle.height * rle.width} "
            f"({rle.height}×{rle.width}); send uncompressed COCO run lengths"
        )
    values = np.arange(counts.size) % 2 == 1
    return np.repeat(values, counts).reshape((rle.height, rle.width), order="F")
