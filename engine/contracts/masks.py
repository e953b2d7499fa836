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


def encode_part(part: NDArray[np.bool_], *, top: int, left: int, height: int, width: int) -> MaskRle:
    """Encode a mask of `height` × `width` pixels that is `part` at row `top` and column `left`, and empty around it.

    Takes time in proportion to the part, not to the mask.

    Raises:
        MaskError: the part is not two-dimensional and boolean, or does not lie inside the mask.
    """
    if part.ndim != 2 or part.dtype != np.bool_:
        raise MaskError(f"a mask must be a boolean (height, width) array, got {part.dtype} {part.shape}")
    if top < 0 or left < 0 or top + part.shape[0] > height or left + part.shape[1] > width:
        raise MaskError(f"a part of {part.shape} at ({top}, {left}) does not lie inside {height}×{width}")
    rows = part.shape[0] + 1
    columns = np.zeros((part.shape[1], rows), dtype=np.bool_)  # an empty row below each column ends its last run
    columns[:, :-1] = part.T
    flat = columns.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        edges = np.concatenate([[0], edges])
    places = (edges // rows + left) * height + edges % rows + top
    inner = np.flatnonzero(places[1:-1:2] == places[2::2]) * 2 + 1  # a run that goes on at the top of the next column
    places = np.delete(places, np.concatenate([inner, inner + 1]))
    counts = np.diff(np.concatenate([[0], places, [height * width]]))
    if len(counts) > 1 and counts[-1] == 0:
        counts = counts[:-1]
    return MaskRle(height=height, width=width, counts=tuple(int(count) for count in counts))


def intersection_px(first: MaskRle, second: MaskRle) -> int:
    """Number of pixels in both of two masks of one size, from their run lengths alone."""
    ends = np.cumsum(np.asarray(second.counts, dtype=np.int64))
    starts, ends = ends[:-1:2], ends[1::2]
    before = np.concatenate([[0], np.cumsum(ends - starts)])  # foreground of `second` before each of its runs

    def foreground_before(places: NDArray[np.int64]) -> NDArray[np.int64]:
        run = np.searchsorted(starts, places, side="right")
        inside = np.minimum(places, np.concatenate([[0], ends])[run]) - np.concatenate([[0], starts])[run]
        return np.asarray(np.where(run > 0, before[np.maximum(run - 1, 0)] + inside, 0))

    edges = np.cumsum(np.asarray(first.counts, dtype=np.int64))
    return int((foreground_before(edges[1::2]) - foreground_before(edges[:-1:2][: len(edges[1::2])])).sum())
