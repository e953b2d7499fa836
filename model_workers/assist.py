"""Marks the object that a person points at, fast enough to be waited for."""

import time
from functools import lru_cache

import numpy as np
import structlog
from numpy.typing import NDArray

from engine.contracts.assist import AssistReply, AssistRequest, Box, Click, Prompts, Stroke
from engine.contracts.masks import MaskError, MaskRle, decode_mask
from model_workers.pictures import at_full_size, picture
from model_workers.segmenters.protocol import Segmenter, SegmenterError
from model_workers.segmenters.registry import load_segmenter

log = structlog.get_logger(__name__)


def assist(request: AssistRequest) -> AssistReply:
    """Segment; every way that can fail is an answer, because somebody waits for one."""
    started = time.perf_counter()
    name = "none"
    try:
        segmenter = _segmenter()
        name = segmenter.name
        mask = segment(segmenter, picture(request.image.sha256), request)
    except (SegmenterError, MaskError) as refusal:
        return AssistReply(segmenter=name, duration_ms=_since(started), failure=str(refusal))
    except Exception as error:  # foreign code fails in every possible way, and the person waits
        log.exception("assist_failed", segmenter=name)
        return AssistReply(segmenter=name, duration_ms=_since(started), failure=f"The segmenter failed: {error}")
    return AssistReply(segmenter=name, duration_ms=_since(started), mask=mask)


def segment(segmenter: Segmenter, image: NDArray[np.uint8], request: AssistRequest) -> MaskRle:
    """Segment in an (H, W, 3) picture of the photograph, and bring the answer to the photograph's size.

    Raises:
        SegmenterError: the prompts say too little, or nothing was found.
    """
    height, width = image.shape[:2]
    scale_x, scale_y = width / request.width, height / request.height
    prior = request.prompts.prior
    found = segmenter.segment(
        image,
        _scaled(request.prompts, scale_x, scale_y),
        prior=None if prior is None else _sampled(prior, height=height, width=width),
    )
    if not found.any():
        raise SegmenterError("Nothing was found there: click elsewhere on the object, or draw it by hand.")
    return at_full_size(found, height=request.height, width=request.width)


def _scaled(prompts: Prompts, scale_x: float, scale_y: float) -> Prompts:
    if scale_x == scale_y == 1.0:
        return prompts
    box = prompts.box
    return Prompts(
        clicks=tuple(Click(click.x * scale_x, click.y * scale_y, click.positive) for click in prompts.clicks),
        box=box and Box(box.left * scale_x, box.top * scale_y, box.right * scale_x, box.bottom * scale_y),
        strokes=tuple(
            Stroke(
                points=tuple((x * scale_x, y * scale_y) for x, y in stroke.points),
                radius=stroke.radius * (scale_x + scale_y) / 2,
                positive=stroke.positive,
            )
            for stroke in prompts.strokes
        ),
    )


def _sampled(mask: MaskRle, *, height: int, width: int) -> NDArray[np.bool_]:
    """A mask of the photograph at the middles of the picture's pixels."""
    full = decode_mask(mask)
    if full.shape == (height, width):
        return full
    rows = ((np.arange(height) + 0.5) * mask.height / height).astype(int)
    columns = ((np.arange(width) + 0.5) * mask.width / width).astype(int)
    return np.asarray(full[np.ix_(rows, columns)])


def _since(started: float) -> float:
    return round(1000 * (time.perf_counter() - started), 1)


@lru_cache(maxsize=1)
def _segmenter() -> Segmenter:
    return load_segmenter()
