"""What a scripted person makes of a proposed mask: it stands, it wants tidying, or it indicates no single object.

Source: paper A.1 (Stage 1: verify, refine or discard).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MINIMUM_PX = 64
# Pieces of one object that something hides lie close to each other; two objects are both large and far apart.
LARGE_PIECE_SHARE = 0.25
FAR_APART_SHARE = 0.15  # of the mask's larger side
# Specks and pinholes of a segmenter; spokes and slats are larger.
LARGEST_SPECK_PX = 12
LARGEST_SPECK_SHARE = 0.001
WORTH_TIDYING_SHARE = 0.01
_CONNECTED = np.ones((3, 3))  # corners touch, too


@dataclass(frozen=True)
class Verdict:
    """`verify`; `refine` with a better `mask`; or `discard` with a `reason` of the API."""

    verdict: str
    reason: str = ""
    mask: NDArray[np.bool_] | None = None


def judge_mask(mask: NDArray[np.bool_]) -> Verdict:
    """Look at a boolean (height, width) mask as a person does: its size, its pieces, its raggedness."""
    if int(mask.sum()) < MINIMUM_PX:
        return Verdict("discard", reason="low_quality")
    if _several_objects(mask):
        return Verdict("discard", reason="several_objects")
    tidy = tidied(mask)
    if (tidy ^ mask).sum() > WORTH_TIDYING_SHARE * mask.sum():
        return Verdict("refine", mask=tidy)
    return Verdict("verify")


def tidied(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without specks beside it and without pinholes in it; holes that belong to the object stay."""
    fewest_px = max(LARGEST_SPECK_PX, LARGEST_SPECK_SHARE * int(mask.sum()))
    kept = _without_small(mask, fewest_px)
    return ~_without_small(~kept, fewest_px)


def _several_objects(mask: NDArray[np.bool_]) -> bool:
    labels, count = ndimage.label(mask, _CONNECTED)
    sizes = np.bincount(labels.ravel())[1:]
    large = 1 + np.flatnonzero(sizes >= LARGE_PIECE_SHARE * sizes.max())
    if count < 2 or len(large) < 2:
        return False
    first = int(large[np.argmax(sizes[large - 1])])
    distance_px = ndimage.distance_transform_edt(labels != first)
    far = FAR_APART_SHARE * max(np.ptp(axis) for axis in np.nonzero(mask))
    return any(float(distance_px[labels == other].min()) > far for other in large if other != first)


def _without_small(mask: NDArray[np.bool_], fewest_px: float) -> NDArray[np.bool_]:
    labels, _ = ndimage.label(mask, _CONNECTED)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes > fewest_px)[labels] & mask)
