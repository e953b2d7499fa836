"""What a segmenter is."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.contracts.assist import Prompts


class SegmenterError(RuntimeError):
    """The object cannot be segmented; the message says why and what to do."""


class Segmenter(Protocol):
    """Marks the object that prompts indicate. Made once per process; it may keep what it computed of an image."""

    name: str

    def segment(
        self, image: NDArray[np.uint8], prompts: Prompts, *, prior: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        """Return the (H, W) mask of one object in an (H, W, 3) RGB image; prompts and prior in its pixels.

        Raises:
            SegmenterError: the prompts say too little.
        """
