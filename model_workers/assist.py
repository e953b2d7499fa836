"""Marks the object that a person points at, fast enough to be waited for. Pictures just used stay in memory."""

import io
import os
import time
from functools import lru_cache

import cv2
import numpy as np
import structlog
from numpy.typing import NDArray
from PIL import Image

from engine.contracts.assist import AssistReply, AssistRequest, Box, Click, Prompts, Stroke
from engine.contracts.masks import MaskError, MaskRle, decode_mask, encode_part
from engine.embedded.places import var_folder
from engine.storage.blobs import BlobStore, open_store
from model_workers.segmenters.protocol import Segmenter, SegmenterError
from model_workers.segmenters.registry import load_segmenter

PICTURES_KEPT = 4

log = structlog.get_logger(__name__)


def assist(request: AssistRequest) -> AssistReply:
    """Segment; every way that can fail is an answer, because somebody waits for one."""
    started = time.perf_counter()
    name = "none"
    try:
        segmenter = _segmenter()
        name = segmenter.name
        mask = segment(segmenter, _picture(request.image.sha256), request)
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
    return _at_full_size(found, height=request.height, width=request.width)


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


def _at_full_size(mask: NDArray[np.bool_], *, height: int, width: int) -> MaskRle:
    """Enlarge what is marked, and not the rest: a mask of 50 megapixels is mostly empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left, bottom, right = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    if mask.shape == (height, width):
        return encode_part(mask[top:bottom, left:right], top=top, left=left, height=height, width=width)
    # One pixel around it, so that the edge is interpolated on both sides.
    top, left = max(0, top - 1), max(0, left - 1)
    bottom, right = min(mask.shape[0], bottom + 1), min(mask.shape[1], right + 1)
    scale_y, scale_x = height / mask.shape[0], width / mask.shape[1]
    full_top, full_left = round(top * scale_y), round(left * scale_x)
    size = round(right * scale_x) - full_left, round(bottom * scale_y) - full_top
    soft = cv2.resize(mask[top:bottom, left:right].astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return encode_part(np.asarray(soft >= 0.5), top=full_top, left=full_left, height=height, width=width)


def _since(started: float) -> float:
    return round(1000 * (time.perf_counter() - started), 1)


@lru_cache(maxsize=1)
def _segmenter() -> Segmenter:
    return load_segmenter()


@lru_cache(maxsize=1)
def _store() -> BlobStore:
    return open_store(os.environ.get("LATHE_STORAGE_URL"), var=var_folder())


@lru_cache(maxsize=PICTURES_KEPT)
def _picture(sha256: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(_store().get(sha256))) as photograph:
        picture = np.asarray(photograph.convert("RGB"))
    picture.flags.writeable = False  # it is shared, and what is remembered of it goes by its identity
    return picture
