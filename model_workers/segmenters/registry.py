"""Which segmenter helps the annotators: SAM where its weights are configured, else the embedded GrabCut."""

import os
from pathlib import Path

from model_workers.segmenters.grabcut import GrabCut
from model_workers.segmenters.protocol import Segmenter

WEIGHTS_VARIABLE = "LATHE_SAM_WEIGHTS"


def load_segmenter() -> Segmenter:
    """Make the segmenter that `LATHE_SAM_WEIGHTS` (a folder in the layout of transformers) says, else GrabCut.

    Raises:
        SegmenterError: the weights cannot be used.
    """
    weights = os.environ.get(WEIGHTS_VARIABLE, "").strip()
    if not weights:
        return GrabCut()
    from model_workers.segmenters.sam import Sam  # needs torch and transformers, which GrabCut does not

    return Sam(Path(weights))
