"""What a page asks of a segmenter while a person marks an object, and what comes back.

All positions are pixels of the photograph, x to the right and y down, (0, 0) the corner of the first pixel.
"""

from dataclasses import dataclass

from engine.contracts.blobs import BlobRef
from engine.contracts.masks import MaskRle

SEGMENT_TASK = "model_workers.segment"


@dataclass(frozen=True)
class Click:
    """A point that belongs to the object, or does not."""

    x: float
    y: float
    positive: bool


@dataclass(frozen=True)
class Box:
    """A rectangle around the object."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Stroke:
    """A line through (x, y) points, drawn over what belongs to the object, or over what does not."""

    points: tuple[tuple[float, float], ...]
    radius: float
    positive: bool


@dataclass(frozen=True)
class Prompts:
    """Everything that says where the object is. `prior` is the mask as it stands, to be corrected by the rest."""

    clicks: tuple[Click, ...] = ()
    box: Box | None = None
    strokes: tuple[Stroke, ...] = ()
    prior: MaskRle | None = None


@dataclass(frozen=True)
class AssistRequest:
    """Segment the object that `prompts` indicate in a photograph of `width` × `height` pixels.

    `image` shows that photograph, perhaps smaller.
    """

    image: BlobRef
    width: int
    height: int
    prompts: Prompts


@dataclass(frozen=True)
class AssistReply:
    """The object at the photograph's full size, or why there is none. `duration_ms` is the segmenter's own time."""

    segmenter: str
    duration_ms: float
    mask: MaskRle | None = None
    failure: str = ""
