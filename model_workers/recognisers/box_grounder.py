"""The embedded grounder: the segmenter that helps annotators, given the recogniser's box."""

import numpy as np
from numpy.typing import NDArray

from engine.contracts.assist import Prompts
from model_workers.recognisers.protocol import Named
from model_workers.segmenters.protocol import SegmenterError
from model_workers.segmenters.registry import load_segmenter


class BoxGrounder:
    """Marks what a box encloses; without a box it finds nothing."""

    name = "box"

    def __init__(self) -> None:
        self._segmenter = load_segmenter()

    def ground(self, image: NDArray[np.uint8], named: Named) -> NDArray[np.bool_] | None:
        """Mark it, or leave it to people."""
        if named.box is None:
            return None
        try:
            mask = self._segmenter.segment(image, Prompts(box=named.box), prior=None)
        except SegmenterError:
            return None
        return mask if mask.any() else None
