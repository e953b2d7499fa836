"""Stage 1 for annotators: claim a proposed mask, look at it, and say whether it indicates one object (paper A.1)."""

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from engine.contracts.masks import MaskError, MaskRle, decode_mask
from engine.errors import NotFound, Unprocessable
from engine.lifecycle import Move, State
from engine.sourcing.categories import file_category
from engine.sourcing.masks import MaskRefused
from engine.sourcing.models import DiscardReason, Image, MaskTask, MaskVerdict, TargetObject
from engine.sourcing.services import check_mask_of, move_target
from engine.workforce import services as workforce
from engine.workforce.models import Stage, User, WorkItem

GUIDELINE_VERSION = "v1"


class NoSuchMaskTask(NotFound):
    """The caller holds no Stage 1 task of this id."""

    code = "no_such_mask_task"


class VerdictRefused(Unprocessable):
    """The verdict on a mask is not complete."""

    code = "verdict_refused"


def guidelines() -> str:
    """How to judge a mask, as Markdown, in the version `GUIDELINE_VERSION`."""
    return (Path(__file__).parent / "guidelines" / f"{GUIDELINE_VERSION}.md").read_text(encoding="utf-8")


def claim(*, user: User, prefetch: bool = False) -> MaskTask | None:
    """Lease the next Stage 1 task to `user`; None where none waits. `prefetch` allows a second one."""
    claimed = workforce.claim(user=user, stage=Stage.MASK, prefetch=prefetch)
    if claimed is None:
        return None
    return MaskTask.objects.with_photograph().get(work_item_id=claimed.work_item.id)


def task_of(*, user: User, work_item_id: UUID) -> MaskTask:
    """The task that `user` holds (or held last, while nobody else claimed it).

    Raises:
        NoSuchMaskTask: the user does not hold it.
    """
    held = MaskTask.objects.with_photograph().filter(
        work_item_id=work_item_id,
        work_item__holder=user,
        work_item__state__in=[WorkItem.State.OPEN, WorkItem.State.LEASED],
    )
    task = held.first()
    if task is None:
        raise NoSuchMaskTask("You hold no mask task of this id.", what_to_do="Claim the next one.")
    return task


def submit(
    *,
    user: User,
    work_item_id: UUID,
    token: int,
    verdict: MaskVerdict,
    duration_ms: int,
    guideline_version: str,
    discard_reason: str = "",
    mask: MaskRle | None = None,
    category: str = "",
) -> TargetObject:
    """Record a Stage 1 judgement: the mask stands, is replaced by a better one, or the proposal is discarded.

    The first judgement of a proposal moves it on; second opinions, gold and review are recorded alone. A refined
    mask replaces the proposed one, which the task keeps; `category` corrects the target's where it is given.

    Raises:
        LeaseSuperseded: the work item is no longer the caller's (from workforce, as are its other refusals).
        VerdictRefused: discarded without a reason, refined without a mask, or the other way round.
        MaskRefused: the refined mask does not fit the image.
        NoSuchMaskTask: the work item is of another stage.
    """
    _check_verdict(verdict=verdict, discard_reason=discard_reason, mask=mask)
    with transaction.atomic():
        work_item = workforce.submit(
            user=user,
            work_item_id=work_item_id,
            token=token,
            duration_ms=duration_ms,
            guideline_version=guideline_version,
        )
        task = MaskTask.objects.with_photograph().filter(work_item_id=work_item_id).first()
        if task is None:
            raise NoSuchMaskTask("This work item is of another stage.", what_to_do="Submit it where it was claimed.")
        target = task.target
        task.verdict, task.discard_reason = verdict, discard_reason
        if mask is not None:
            check_mask_of(image=target.image, mask=_decoded(mask, image=target.image))
            task.refined_counts, task.proposed_counts = list(mask.counts), target.mask_counts
        task.save(update_fields=["verdict", "discard_reason", "refined_counts", "proposed_counts"])
        if work_item.purpose != WorkItem.Purpose.COLLECT or target.state != State.PROPOSED:
            return target
        if verdict == MaskVerdict.DISCARD:
            return move_target(target_id=target.id, move=Move.DISCARD, actor=user, reason=discard_reason)
        _correct(target=target, mask=mask, category=category)
        return move_target(target_id=target.id, move=Move.VERIFY, actor=user, verdict=str(verdict))


def _check_verdict(*, verdict: MaskVerdict, discard_reason: str, mask: MaskRle | None) -> None:
    if (verdict == MaskVerdict.DISCARD) != bool(discard_reason) or (
        discard_reason and discard_reason not in DiscardReason.values
    ):
        raise VerdictRefused(
            "A discarded proposal, and no other, needs a reason.", what_to_do=f"Use {', '.join(DiscardReason.values)}."
        )
    if (verdict == MaskVerdict.REFINE) != (mask is not None):
        raise VerdictRefused("A refined proposal, and no other, needs a mask.", what_to_do="Send the mask you drew.")


def _decoded(mask: MaskRle, *, image: Image) -> NDArray[np.bool_]:
    if (mask.width, mask.height) != (image.width_px, image.height_px):  # before memory is taken for its pixels
        raise MaskRefused(
            f"The mask is {mask.width}×{mask.height}, its image {image.width_px}×{image.height_px}.",
            what_to_do="Send the mask at the size of the image.",
        )
    try:
        return decode_mask(mask)
    except MaskError as error:
        raise MaskRefused(f"The mask cannot be decoded: {error}.") from error


def _correct(*, target: TargetObject, mask: MaskRle | None, category: str) -> None:
    changes: dict[str, Any] = {}
    if mask is not None:
        changes |= {"mask_counts": list(mask.counts), "mask_area_px": mask.area_px}
    if category:
        filed = file_category(category)
        changes |= {"category": filed.leaf, "free_category": filed.free}
    if changes:
        TargetObject.objects.filter(id=target.id, state=State.PROPOSED).update(**changes)
