"""What a generator, a tool or a trainer is told about one target object."""

from dataclasses import dataclass
from enum import StrEnum

from engine.contracts.blobs import BlobRef
from engine.contracts.cameras import Intrinsics
from engine.contracts.masks import MaskRle


class PointMapScale(StrEnum):
    """Unit of a point map: metres, or known up to one factor."""

    METRIC = "metric"
    RELATIVE = "relative"


class PointMapSource(StrEnum):
    """Where a point map comes from; the prior is a coarse guess and is labelled so."""

    GIVEN = "given"
    PREDICTED = "predicted"
    PRIOR = "prior"


@dataclass(frozen=True)
class PointMapInput:
    """Point map P. The blob is a compressed .npz with `points_camera`: (H, W, 3) float32, OpenCV, NaN unknown."""

    blob: BlobRef
    scale: PointMapScale
    source: PointMapSource
    intrinsics: Intrinsics


@dataclass(frozen=True)
class TargetInput:
    """The pair (I, M) with what is known about it. `category` is a leaf of the taxonomy, or None."""

    target_id: str
    image: BlobRef
    mask: MaskRle
    category: str | None = None
    description: str = ""
    point_map: PointMapInput | None = None
