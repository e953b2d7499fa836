"""What a recogniser is asked about a new photograph, and what comes back."""

from dataclasses import dataclass

from engine.contracts.blobs import BlobRef
from engine.contracts.masks import MaskRle

RECOGNISE_TASK = "model_workers.recognise"
RECORD_RECOGNITION_TASK = "engine.sourcing.tasks.record_recognition"


@dataclass(frozen=True)
class RecogniseRequest:
    """Name and mark the salient objects of a photograph of `width` × `height` pixels; `image` may show it smaller."""

    image_id: str
    image: BlobRef
    width: int
    height: int
    attempt: int


@dataclass(frozen=True)
class RecognisedObject:
    """One salient object: in words, and its mask where a segmenter found what the words mean."""

    category: str
    description: str = ""
    mask: MaskRle | None = None


@dataclass(frozen=True)
class RecogniseReply:
    """All salient objects, none where there is only background; or why nobody could tell."""

    image_id: str
    attempt: int
    recogniser: str
    objects: tuple[RecognisedObject, ...] = ()
    failure: str = ""
