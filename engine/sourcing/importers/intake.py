"""Takes in what importers find, item by item: known sources are passed over, refusals are noted and do not stop it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.targets import PointMapScale, PointMapSource
from engine.errors import LatheError
from engine.sourcing import services
from engine.sourcing.categories import file_category
from engine.sourcing.importers.report import ImportReport
from engine.sourcing.models import Image, PointMap, TargetObject


@dataclass(frozen=True)
class FoundMask:
    """One object: `source` is its name within the image, `read(image)` gives the boolean (height, width) mask."""

    source: str
    read: Callable[[Image], NDArray[np.bool_]]
    category: str = ""
    description: str = ""


@dataclass(frozen=True)
class FoundPointMap:
    """A point map that comes with the photograph: (H, W) depth along z, or (H, W, 3) points in the camera frame."""

    intrinsics: Intrinsics
    scale: PointMapScale
    depth: NDArray[np.floating] | None = None
    points: NDArray[np.floating] | None = None


@dataclass(frozen=True)
class FoundImage:
    """One photograph: `source` names it in the whole engine, `read()` gives its bytes; nothing is read before."""

    source: str
    read: Callable[[], bytes]
    masks: tuple[FoundMask, ...]
    licence: str = ""
    point_map: Callable[[Image], FoundPointMap] | None = None


@dataclass(frozen=True)
class FoundCollection:
    """What an importer found: photographs one by one, how many there are, and what is wrong with the collection."""

    images: Iterable[FoundImage]
    image_count: int
    problems: tuple[tuple[str, LatheError], ...] = ()


def take_in(
    images: Iterable[FoundImage], *, report: ImportReport, verified: bool = False, limit: int | None = None
) -> Iterator[FoundImage]:
    """Register what `images` yields and note it in `report`; yields each image when it is done, for progress.

    Holds one photograph at a time. Stops once `limit` targets are registered or known.
    """
    for found in images:
        if limit is not None and report.target_count >= limit:
            return
        try:
            image = _image(found, report)
        except (LatheError, OSError) as error:
            report.refuse(found.source, error)
            yield found
            continue
        if image.screening == Image.Screening.REFUSED:
            report.filter(found.source, image.refusals.values_list("reason", flat=True))
            yield found
            continue
        known = set(TargetObject.objects.filter(image=image).values_list("source", flat=True))
        for mask in found.masks:
            if limit is not None and report.target_count >= limit:
                break
            if mask.source in known:
                report.targets_known += 1
                continue
            _take_in_mask(mask, image=image, report=report, verified=verified)
        yield found


def _image(found: FoundImage, report: ImportReport) -> Image:
    image = Image.objects.filter(source=found.source).first()
    if image is not None:
        report.images_known += 1
    else:
        image = services.register_image(data=found.read(), source=found.source, licence=found.licence)
        report.images_registered += 1
    if found.point_map is not None and not _has_point_map(image.id):
        _take_in_point_map(found.point_map, image=image, report=report)
    return image


def _has_point_map(image_id: UUID) -> bool:
    return PointMap.objects.filter(image_id=image_id, source=PointMapSource.GIVEN).exists()


def _take_in_point_map(read: Callable[[Image], FoundPointMap], *, image: Image, report: ImportReport) -> None:
    try:
        found = read(image)
        services.register_point_map(
            image_id=image.id,
            depth=found.depth,
            points=found.points,
            intrinsics=found.intrinsics,
            scale=found.scale,
            source=PointMapSource.GIVEN,
        )
        report.point_maps_registered += 1
    except (LatheError, OSError) as error:
        report.refuse(f"{image.source} (point map)", error)


def _take_in_mask(mask: FoundMask, *, image: Image, report: ImportReport, verified: bool) -> None:
    name = f"{image.source}#{mask.source}"
    try:
        services.register_target(
            image_id=image.id,
            mask=mask.read(image),
            source=mask.source,
            category=mask.category,
            description=mask.description,
            verified=verified,
        )
    except (LatheError, OSError) as error:
        report.refuse(name, error)
        return
    report.targets_registered += 1
    filed = file_category(mask.category)
    if filed.free:
        near = f"; near to it: {', '.join(filed.near)}" if filed.near else ""
        report.note(name, f"the taxonomy has no leaf for “{filed.free}”, kept as written{near}")
