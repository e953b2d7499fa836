"""What Stage 1 does: takes in photographs, point maps and masks, and moves targets through their life (paper A.1)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from engine import dispatch
from engine.contracts.cameras import Intrinsics
from engine.contracts.masks import MaskRle, decode_mask, encode_mask
from engine.contracts.point_maps import MEDIA_TYPE, pack_point_map
from engine.contracts.targets import PointMapInput, PointMapScale, PointMapSource, TargetInput
from engine.errors import Conflict, NotFound
from engine.lifecycle import MOVES, Move, State
from engine.sourcing import masks, point_maps, refusals
from engine.sourcing.categories import Filed, file_category
from engine.sourcing.models import Image, PointMap, TargetObject
from engine.sourcing.photographs import PREVIEW_MEDIA_TYPE, Photograph, decode_photograph, preview_of
from engine.sourcing.quality import Quality, measure_quality
from engine.sourcing.screening import screen
from engine.sourcing.statements import MOVE_TARGET, PROPOSE_TARGET
from engine.storage import services as storage
from engine.storage.models import Blob
from engine.storage.services import blob_ref
from engine.workforce import services as workforce
from engine.workforce.models import Stage, User

NEW_ITEM_BAND = 4  # in the middle, until the curriculum has planned it (`curriculum.py`)


class InvalidMove(Conflict):
    """The target is not in a state from which this move is legal; nothing was changed."""

    code = "invalid_move"


class NoSuchTarget(NotFound):
    """There is no target object of this id."""

    code = "no_such_target"


class NoSuchImage(NotFound):
    """There is no image of this id."""

    code = "no_such_image"


@dataclass(frozen=True)
class Correction:
    """What a person corrected about a target while moving it on; None leaves it as it is."""

    mask: MaskRle | None = None
    filed: Filed | None = None


@transaction.atomic
def move_target(
    *, target_id: UUID, move: Move, actor: User | None = None, correction: Correction | None = None, **facts: Any
) -> TargetObject:
    """Make one legal move of a target's life: the only writer of `TargetObject.state`.

    The change is a compare-and-set and writes its audit row, and the `correction` that came with the move, in the same
    statement. What the next room does at once
    shares the transaction, so whatever fails undoes all of them. `facts` (JSON values) go to the audit row. Returns the
    target as this move left it.

    Raises:
        InvalidMove: the target is in a state from which `lifecycle.MOVES` does not allow the move.
        NoSuchTarget: there is no such target.
    """
    sources, destination = MOVES[move]
    mask, filed = (correction.mask, correction.filed) if correction else (None, None)
    moved = TargetObject.objects.raw(
        MOVE_TARGET,
        {
            "id": target_id,
            "sources": [source.value for source in sources],
            "destination": destination.value,
            "actor": actor and actor.pk,
            "verb": move.value,
            "facts": json.dumps(facts),
            "now": timezone.now(),
            "mask_counts": mask and json.dumps(mask.counts),
            "mask_area_px": mask and mask.area_px,
            "category": filed and filed.leaf,
            "free_category": filed and filed.free,
        },
    )
    target: TargetObject | None = next(iter(moved), None)
    if target is None:
        raise _invalid_move(target_id=target_id, move=move)
    dispatch.hand_over(move=move, target_id=target_id)
    return target


def _invalid_move(*, target_id: UUID, move: Move) -> InvalidMove | NoSuchTarget:
    found = TargetObject.objects.values_list("state", flat=True).filter(id=target_id).first()
    if found is None:
        return NoSuchTarget(f"There is no target object {target_id}.")
    state = State(found)
    possible = [other.value for other, (sources, _) in MOVES.items() if state in sources]
    return InvalidMove(
        f"The target is {state.value}; the move {move.value} needs "
        f"{' or '.join(sorted(source.value for source in MOVES[move][0]))}.",
        what_to_do=f"Moves possible from {state.value}: {', '.join(possible) or 'none'}.",
        target_id=str(target_id),
        state=state.value,
        possible_moves=possible,
    )


@dataclass(frozen=True)
class StoredPhotograph:
    """A photograph in the object store with its measures, not yet an image of the engine."""

    photograph: Photograph
    quality: Quality
    blob: Blob
    preview_blob: Blob | None


def store_photograph(*, data: bytes) -> StoredPhotograph:
    """Decode, measure and store a photograph. Slow, and to be done outside of transactions; twice stores it once.

    Raises:
        ImageRefused: damaged, of another format, too large or too small.
    """
    photograph = decode_photograph(data)
    quality = measure_quality(photograph.pixels)
    blob = storage.put_blob(data=photograph.data, media_type=photograph.media_type)
    preview = preview_of(photograph.pixels)
    return StoredPhotograph(
        photograph=photograph,
        quality=quality,
        blob=blob,
        preview_blob=None if preview is None else storage.put_blob(data=preview, media_type=PREVIEW_MEDIA_TYPE),
    )


def register_photograph(*, stored: StoredPhotograph, source: str, licence: str = "") -> Image:
    """Take in a stored photograph; `source` (importer and name there) names it once: a known one gives its image.

    One that does not pass the filters is kept with its reasons and goes to nobody (`refusals.py`).
    """
    quality = stored.quality
    image, created = Image.objects.get_or_create(
        source=source,
        defaults={
            "blob": stored.blob,
            "preview_blob": stored.preview_blob,
            "licence": licence,
            "width_px": stored.photograph.width_px,
            "height_px": stored.photograph.height_px,
            "sharpness": quality.sharpness,
            "contrast": quality.contrast,
            "brightness": quality.brightness,
            "blockiness": quality.blockiness,
            "perceptual_hash": quality.perceptual_hash,
            "recognition": Image.Recognition.WAITING if settings.LATHE_RECOGNITION else Image.Recognition.NONE,
        },
    )
    if created:
        findings = screen(width_px=image.width_px, height_px=image.height_px, quality=quality, limits=refusals.limits())
        twin = refusals.find_twin(image=image)
        refusals.record_refusals(image=image, findings=findings, twin=twin)
    return image


def register_image(*, data: bytes, source: str, licence: str = "") -> Image:
    """Take in a photograph by its bytes, which are not looked at where the source is known.

    Raises:
        ImageRefused: damaged, of another format, too large or too small.
    """
    known = Image.objects.filter(source=source).first()
    if known is not None:
        return known
    return register_photograph(stored=store_photograph(data=data), source=source, licence=licence)


def register_point_map(
    *,
    image_id: UUID,
    intrinsics: Intrinsics,
    scale: PointMapScale,
    source: PointMapSource,
    points: NDArray[np.floating] | None = None,
    depth: NDArray[np.floating] | None = None,
) -> PointMap:
    """Give an image its point map, as (H, W, 3) points in the camera frame or as (H, W) depth along z.

    The newest map of an image counts; giving the newest one again changes nothing.

    Raises:
        PointMapRefused: of another size than the image, without a finite point, behind the camera, not on its pixels,
            metric but in no metres.
        NoSuchImage: there is no such image.
    """
    image = Image.objects.filter(id=image_id).first()
    if image is None:
        raise NoSuchImage(f"There is no image {image_id}.")
    if (intrinsics.width, intrinsics.height) != (image.width_px, image.height_px):
        raise point_maps.PointMapRefused(
            f"The intrinsics are of a {intrinsics.width}×{intrinsics.height} image, "
            f"this one is {image.width_px}×{image.height_px}.",
            what_to_do="Scale focal lengths and principal point to the size of the upright photograph.",
        )
    if (points is None) == (depth is None):
        raise point_maps.PointMapRefused("Give either points or depth, not both or none.")
    given = points if points is not None else point_maps.points_from_depth(np.asarray(depth), intrinsics)
    newest = PointMap.objects.newest(image_id=image_id)
    return _keep_point_map(image=image, newest=newest, points=given, intrinsics=intrinsics, scale=scale, source=source)


def _keep_point_map(
    *,
    image: Image,
    newest: PointMap | None,
    points: NDArray[np.floating],
    intrinsics: Intrinsics,
    scale: PointMapScale,
    source: PointMapSource,
) -> PointMap:
    checked = point_maps.check_point_map(points, intrinsics)
    if scale == PointMapScale.METRIC:
        point_maps.check_metres(checked)
    blob = storage.put_blob(data=pack_point_map(checked), media_type=MEDIA_TYPE)
    if newest is not None and (newest.blob_id, newest.source, newest.scale) == (blob.pk, source, scale):
        return newest
    return PointMap.objects.create(
        image=image,
        blob=blob,
        scale=scale,
        source=source,
        fx=intrinsics.fx,
        fy=intrinsics.fy,
        cx=intrinsics.cx,
        cy=intrinsics.cy,
        valid_share=float(np.isfinite(checked[..., 2]).mean()),
    )


def ensure_point_map(*, target: TargetObject) -> PointMap:
    """The point map that counts for a target. Where none is known, the prior over all objects of its image is made."""
    newest = PointMap.objects.newest(image_id=target.image_id)
    if newest is not None and newest.source != PointMapSource.PRIOR:
        return newest
    image = target.image
    siblings = image.targets.exclude(state=State.DISCARDED).select_related("image")
    points, intrinsics = point_maps.prior_point_map(
        [decode_mask(mask_of(sibling)) for sibling in siblings], width_px=image.width_px, height_px=image.height_px
    )
    return _keep_point_map(
        image=image,
        newest=newest,
        points=points,
        intrinsics=intrinsics,
        scale=PointMapScale.RELATIVE,
        source=PointMapSource.PRIOR,
    )


def register_target(
    *,
    image_id: UUID,
    mask: NDArray[np.bool_],
    source: str,
    category: str = "",
    description: str = "",
    verified: bool = False,
) -> TargetObject:
    """Propose one object of an image: `propose_target` for who knows the image's id alone.

    Raises:
        MaskRefused, ImageFiltered: as `propose_target`.
        NoSuchImage: there is no such image.
    """
    image = Image.objects.filter(id=image_id).first()
    if image is None:
        raise NoSuchImage(f"There is no image {image_id}.")
    return propose_target(
        image=image, mask=mask, source=source, category=category, description=description, verified=verified
    )


def propose_target(
    *,
    image: Image,
    mask: NDArray[np.bool_],
    source: str,
    category: str = "",
    description: str = "",
    verified: bool = False,
    actor: User | None = None,
    barred_user_ids: Iterable[int] = (),
    answers: UUID | None = None,
) -> TargetObject:
    """Propose one object of an image by its boolean (height, width) mask; `source` names it once within the image.

    A verified mask makes the target ready; any other waits for a Stage 1 judgement. A category that the taxonomy does
    not know is kept as written in `free_category`. `actor` is the person who marked it, if it was one, and
    `answers` the work item of the task that asked for it.

    Raises:
        MaskRefused: of another size than the image, empty, too small, or the whole image.
        ImageFiltered: the photograph was refused.
    """
    refusals.check_not_refused(image)
    check_mask_of(image=image, mask=mask)
    runs = encode_mask(mask)
    filed = file_category(category)
    asks = None if verified else uuid4()
    with transaction.atomic():
        proposed = TargetObject.objects.raw(
            PROPOSE_TARGET,
            {
                "id": uuid4(),
                "image": image.id,
                "source": source,
                "mask_counts": json.dumps(runs.counts),
                "mask_area_px": runs.area_px,
                "category": filed.leaf,
                "free_category": filed.free,
                "description": description,
                "actor": actor and actor.pk,
                "answers": answers,
                "asks": asks,
                "now": timezone.now(),
            },
        )
        target: TargetObject | None = next(iter(proposed), None)
        if target is None:
            return TargetObject.objects.get(image=image, source=source)
        if asks is None:
            return move_target(target_id=target.id, move=Move.VERIFY, actor=actor, given_as="verified")
        workforce.create_work_item(
            work_item_id=asks,
            stage=Stage.MASK,
            subject_id=target.id,
            priority_band=NEW_ITEM_BAND,
            barred_user_ids=barred_user_ids,
        )
    return target


def target_input(*, target_id: UUID) -> TargetInput:
    """The pair (I, M) as generators and tools get it, with the point map that counts, if there is one.

    Raises:
        NoSuchTarget: there is no such target.
    """
    target = _target(target_id)
    return target_inputs(targets=[target])[0]


def target_inputs(*, targets: Iterable[TargetObject]) -> list[TargetInput]:
    """As `target_input`, for many: targets with `image__blob` selected, and one query for all point maps."""
    targets = list(targets)
    newest = PointMap.objects.newest_by_image(image_ids={target.image_id for target in targets})
    return [
        TargetInput(
            target_id=str(target.id),
            image=blob_ref(target.image.blob),
            mask=mask_of(target),
            category=target.category or None,
            description=target.description,
            point_map=point_map_input(newest.get(target.image_id)),
        )
        for target in targets
    ]


def mask_of(target: TargetObject) -> MaskRle:
    """The run lengths of a target's mask (its image must be loaded)."""
    return MaskRle(height=target.image.height_px, width=target.image.width_px, counts=tuple(target.mask_counts))


def intrinsics_of(point_map: PointMap) -> Intrinsics:
    """The camera of a point map (its image must be loaded)."""
    return Intrinsics(
        fx=point_map.fx,
        fy=point_map.fy,
        cx=point_map.cx,
        cy=point_map.cy,
        width=point_map.image.width_px,
        height=point_map.image.height_px,
    )


def point_map_input(point_map: PointMap | None) -> PointMapInput | None:
    if point_map is None:
        return None
    return PointMapInput(
        blob=blob_ref(point_map.blob),
        scale=PointMapScale(point_map.scale),
        source=PointMapSource(point_map.source),
        intrinsics=intrinsics_of(point_map),
    )


def _target(target_id: UUID) -> TargetObject:
    target = TargetObject.objects.select_related("image__blob").filter(id=target_id).first()
    if target is None:
        raise NoSuchTarget(f"There is no target object {target_id}.")
    return target


def check_mask_of(*, image: Image, mask: NDArray[np.bool_]) -> None:
    """Check that a mask fits an image (`masks.check_mask` with the configured minimum)."""
    masks.check_mask(mask, width_px=image.width_px, height_px=image.height_px, min_area_px=settings.LATHE_MIN_MASK_PX)
