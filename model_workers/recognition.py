"""Names and marks the objects of a new photograph."""

from functools import lru_cache

import numpy as np
import structlog
from numpy.typing import NDArray

from engine.contracts.masks import MaskRle
from engine.contracts.recognition import RecognisedObject, RecogniseReply, RecogniseRequest
from model_workers.pictures import at_full_size, picture
from model_workers.recognisers.protocol import Grounder, Recogniser, RecognitionError
from model_workers.recognisers.registry import load_grounder, load_recogniser

log = structlog.get_logger(__name__)


def recognise(request: RecogniseRequest) -> RecogniseReply:
    """Look at a photograph; every way that can fail is an answer."""
    name = "none"
    try:
        recogniser, grounder = _plug_ins()
        name = recogniser.name
        objects = tuple(name_and_mark(picture(request.image.sha256), request, recogniser, grounder))
    except RecognitionError as refusal:
        failure = str(refusal)
    except Exception as error:  # foreign code fails in every possible way
        log.exception("recognition_failed", image=request.image_id, recogniser=name)
        failure = f"{type(error).__name__}: {error}"
    else:
        return RecogniseReply(request.image_id, request.attempt, recogniser=name, objects=objects)
    return RecogniseReply(request.image_id, request.attempt, recogniser=name, failure=failure)


def name_and_mark(
    image: NDArray[np.uint8], request: RecogniseRequest, recogniser: Recogniser, grounder: Grounder
) -> list[RecognisedObject]:
    """Each salient object in words, with its mask at the photograph's size where the grounder finds it."""
    return [
        RecognisedObject(
            category=named.category,
            description=named.description,
            mask=_full(grounder.ground(image, named), request),
        )
        for named in recogniser.recognise(image)
    ]


def _full(mask: NDArray[np.bool_] | None, request: RecogniseRequest) -> MaskRle | None:
    if mask is None or not mask.any():
        return None
    return at_full_size(mask, height=request.height, width=request.width)


@lru_cache(maxsize=1)
def _plug_ins() -> tuple[Recogniser, Grounder]:
    return load_recogniser(), load_grounder()
