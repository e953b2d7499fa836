"""The photographs that scikit-image ships in its wheel, with masks and descriptions of the project's own.

One of them is the left view of a Middlebury stereo pair with true disparity: a metric point map.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.targets import PointMapScale
from engine.errors import LatheError
from engine.sourcing.importers.intake import FoundImage, FoundMask, FoundPointMap
from engine.sourcing.masks import read_mask_image
from engine.sourcing.models import Image

FOLDER = Path(__file__).parents[1] / "builtin"
SOURCE_PREFIX = "builtin"

# Calibration of the Motorcycle pair at a quarter of its resolution, as the documentation of
# skimage.data.stereo_motorcycle gives it; lengths as published by the Middlebury 2014 benchmark.
MOTORCYCLE_FOCAL_PX = 994.978
MOTORCYCLE_CENTRE_PX = (311.193, 254.877)
MOTORCYCLE_CENTRE_OFFSET_PX = 31.086  # between the principal points of the two views
MOTORCYCLE_BASELINE_M = 0.193001


class PhotographMissing(LatheError):
    """The installed scikit-image does not ship the photograph that the masks were drawn on."""

    code = "photograph_missing"


def find_builtin(*, limit: int | None = None) -> Iterator[FoundImage]:
    """The built-in photographs with their first `limit` targets, in the catalogue's order of preference."""
    catalogue = json.loads((FOLDER / "catalogue.json").read_text(encoding="utf-8"))
    names = list(catalogue["images"])
    chosen = sorted(catalogue["targets"][:limit], key=lambda entry: names.index(entry["image"]))
    for name, entries in groupby(chosen, key=lambda entry: str(entry["image"])):
        photograph = catalogue["images"][name]
        yield FoundImage(
            source=f"{SOURCE_PREFIX}/{name}",
            read=partial(_read_photograph, photograph["file"], photograph["sha256"]),
            licence=photograph["licence"],
            masks=tuple(_mask(entry) for entry in entries),
            point_map=(lambda image: motorcycle_point_map()) if name == "motorcycle" else None,
        )


def motorcycle_point_map() -> FoundPointMap:
    """The true depth of the motorcycle's left view, in metres.

    depth = focal · baseline / (disparity + offset of the principal points); unknown where the disparity is.
    """
    with np.load(_photographs() / "motorcycle_disp.npz") as arrays:
        disparity_px = arrays["arr_0"].astype(np.float64)
    height, width = disparity_px.shape
    depth = MOTORCYCLE_FOCAL_PX * MOTORCYCLE_BASELINE_M / (disparity_px + MOTORCYCLE_CENTRE_OFFSET_PX)
    return FoundPointMap(
        depth=np.where(np.isfinite(disparity_px), depth, np.nan),
        intrinsics=Intrinsics(
            fx=MOTORCYCLE_FOCAL_PX,
            fy=MOTORCYCLE_FOCAL_PX,
            cx=MOTORCYCLE_CENTRE_PX[0],
            cy=MOTORCYCLE_CENTRE_PX[1],
            width=width,
            height=height,
        ),
        scale=PointMapScale.METRIC,
    )


def _photographs() -> Path:
    spec = find_spec("skimage")  # located, not imported: only its files are wanted
    if spec is None or spec.origin is None:
        raise PhotographMissing("scikit-image is not installed.", what_to_do="Run `make setup`.")
    return Path(spec.origin).parent / "data"


def _read_photograph(file_name: str, sha256: str) -> bytes:
    data = (_photographs() / file_name).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise PhotographMissing(
            f"The installed scikit-image ships another {file_name} than the one the masks were drawn on.",
            what_to_do="Install the pinned requirements with `make setup`.",
        )
    return data


def _mask(entry: dict[str, Any]) -> FoundMask:
    return FoundMask(
        source=entry["mask"],
        read=partial(_read_mask, entry["mask"]),
        category=entry["category"],
        description=entry["description"],
    )


def _read_mask(name: str, image: Image) -> NDArray[np.bool_]:
    return read_mask_image((FOLDER / "masks" / f"{name}.png").read_bytes())
