"""Stage 1 for annotators: claim a proposed mask, look at it, and say whether it indicates one object (paper A.1)."""

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
from django.db import transaction
from django.db.models import Exists
from numpy.typing import NDArray

from engine.contracts.masks import MaskError, MaskRle, decode_mask, intersection_px
from engine.errors import NotFound, Unprocessable
from engine.lifecycle import Move, State
from engine.sourcing.categories import file_category
from engine.sourcing.masks import MaskRefused
from engine.sourcing.models import (
    DiscardReason,
    Image,
    MaskTask,
    MaskTaskQuerySet,
    MaskVerdict,
    RefusalReason,
    TargetObject,
)
from engine.sourcing.refusals import refuse_image
from engine.sourcing.services import Correction, check_mask_of, mask_of, move_target, propose_target
from engine.workforce import services as workforce
from engine.workforce.models import Role, Stage, User, WorkItem

GUIDELINE_VERSION = "v2"
SAME_OBJECT_IOU = 0.8


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
    return _only(_held(user=user, work_item_id=work_item_id))


def _held(*, user: User, work_item_id: UUID) -> MaskTaskQuerySet:
    return MaskTask.objects.with_photograph().filter(
        work_item_id=work_item_id,
        work_item__holder=user,
        work_item__state__in=[WorkItem.State.OPEN, WorkItem.State.LEASED],
    )


def _only(held: MaskTaskQuerySet) -> MaskTask:
    task = held.first()
    if task is None:
        raise NoSuchMaskTask("You hold no mask task of this id.", what_to_do="Claim the next one.")
    return task


def judged(*, work_item_id: UUID) -> MaskTask:
    """A task that was answered, for those who look at it afterwards.

    Raises:
        NoSuchMaskTask: there is none of this id, or nobody answered it.
    """
    task = MaskTask.objects.with_photograph().filter(work_item_id=work_item_id).exclude(verdict="").first()
    if task is None:
        raise NoSuchMaskTask("No mask was judged under this id.", what_to_do="Load the queue again.")
    return task


def marked_beside(task: MaskTask) -> list[MaskRle]:
    """Masks of the other objects of the task's photograph, newest first. Wants a task of `with_photograph`."""
    image, marked = task.image, vars(task)["marked_counts"]
    return [MaskRle(height=image.height_px, width=image.width_px, counts=tuple(runs)) for runs in marked]


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
) -> TargetObject | None:
    """Record a Stage 1 judgement: the mask stands, is replaced by a better one, or the proposal is discarded.

    The first judgement of a proposal moves it on; second opinions, gold and review are recorded alone. A refined
    mask replaces the proposed one, which the task keeps; `category` corrects the target's where it is given. Where
    nothing was proposed, the person marks the object (`propose`), or says that there is none.

    Raises:
        LeaseSuperseded: the work item is no longer the caller's (from workforce, as are its other refusals).
        VerdictRefused: discarded without a reason, refined without a mask, or the other way round.
        MaskRefused: the mask does not fit the image, or the object is marked already.
        NoSuchWorkItem: there is none of this id in Stage 1.
    """
    _check_verdict(verdict=verdict, discard_reason=discard_reason, mask=mask)
    with transaction.atomic():
        work_item = workforce.submit(
            user=user,
            work_item_id=work_item_id,
            token=token,
            duration_ms=duration_ms,
            guideline_version=guideline_version,
            stage=Stage.MASK,
        )
        task = MaskTask.objects.with_photograph().get(work_item_id=work_item_id)
        task.verdict, task.discard_reason = verdict, discard_reason
        task.category, task.shown_category = _filed(category), task.category_on_show
        if task.wants_proposal and work_item.purpose != WorkItem.Purpose.COLLECT:
            _take_second_proposal(task=task, mask=mask)
            return None
        if task.wants_proposal:
            return _take_proposal(task=task, user=user, mask=mask, category=category)
        return _take_judgement(task=task, work_item=work_item, user=user, mask=mask, category=category)


def _take_judgement(
    *, task: MaskTask, work_item: WorkItem, user: User, mask: MaskRle | None, category: str
) -> TargetObject:
    target = task.target
    if target is None or task.verdict == MaskVerdict.PROPOSE:
        raise VerdictRefused("A mask is proposed here already.", what_to_do="Verify it, refine it, or discard it.")
    if mask is not None:
        check_mask_of(image=target.image, mask=_decoded(mask, image=target.image))
        task.refined_counts, task.proposed_counts = list(mask.counts), task.counts_on_show
    task.save(update_fields=[*_ANSWER, "proposed_counts"])
    if work_item.purpose != WorkItem.Purpose.COLLECT or target.state != State.PROPOSED:
        return target
    if task.verdict == MaskVerdict.DISCARD:
        return move_target(target_id=target.id, move=Move.DISCARD, actor=user, reason=task.discard_reason)
    if mask is None and task.shown_counts is not None:  # what stood before somebody else's mask, and stands again
        mask = MaskRle(height=task.image.height_px, width=task.image.width_px, counts=tuple(task.shown_counts))
    return move_target(
        target_id=target.id,
        move=Move.VERIFY,
        actor=user,
        correction=Correction(mask=mask, filed=file_category(category) if category else None),
        verdict=str(task.verdict),
    )


def _take_proposal(*, task: MaskTask, user: User, mask: MaskRle | None, category: str) -> TargetObject | None:
    """A person marked the salient object of a photograph, or found none: then it goes to nobody else."""
    if task.verdict == MaskVerdict.DISCARD:
        reason = _REFUSED_BY_A_PERSON.get(task.discard_reason)
        if reason is None:
            raise VerdictRefused(
                "Nothing was proposed here that could be partial or several.",
                what_to_do="Mark one object, or say that there is no salient one.",
            )
        task.save(update_fields=_ANSWER)
        refuse_image(image=task.image, reason=reason, actor=user)
        return None
    if task.verdict != MaskVerdict.PROPOSE or mask is None:
        raise VerdictRefused("Nothing is proposed here yet.", what_to_do="Mark the object and send it as `propose`.")
    _check_new(mask, beside=marked_beside(task))
    return propose_target(
        image=task.image,
        mask=_decoded(mask, image=task.image),
        source=f"person/{task.work_item_id}",
        category=category,
        description=task.hint,
        verified=True,
        actor=user,
        answers=task.work_item_id,
    )


def _take_second_proposal(*, task: MaskTask, mask: MaskRle | None) -> None:
    """What another person would have marked; it is compared and proposes nothing."""
    if task.verdict == MaskVerdict.PROPOSE and mask is not None:
        _check_new(mask, beside=marked_beside(task))
        check_mask_of(image=task.image, mask=_decoded(mask, image=task.image))
        task.refined_counts = list(mask.counts)
    elif task.verdict != MaskVerdict.DISCARD or task.discard_reason not in _REFUSED_BY_A_PERSON:
        raise VerdictRefused(
            "Nothing is proposed here yet.",
            what_to_do="Mark the object and send it as `propose`, or say that there is no salient one.",
        )
    task.save(update_fields=_ANSWER)


_ANSWER = ["verdict", "discard_reason", "refined_counts", "category", "shown_category"]

_REFUSED_BY_A_PERSON = {
    DiscardReason.NO_SALIENT_OBJECT.value: RefusalReason.NO_SALIENT_OBJECT,
    DiscardReason.LOW_QUALITY.value: RefusalReason.LOW_QUALITY,
}


def mark_further(*, user: User, work_item_id: UUID, token: int, mask: MaskRle, category: str = "") -> TargetObject:
    """Propose another salient object of the photograph that `user` is working on; it becomes a task of its own.

    Somebody else checks it, unless the person is the only annotator.

    Raises:
        LeaseSuperseded, WorkItemClosed, NoSuchWorkItem: the work item is not the caller's.
        MaskRefused: the mask does not fit the image, or the object is marked already.
    """
    with transaction.atomic():
        workforce.check_lease(user=user, work_item_id=work_item_id, token=token, stage=Stage.MASK)
        colleagues = User.objects.filter(is_active=True, groups__name=Role.ANNOTATOR).exclude(id=user.pk)
        task = _only(_held(user=user, work_item_id=work_item_id).annotate(others_can_check=Exists(colleagues)))
        others = marked_beside(task)
        _check_new(mask, beside=[*others, mask_of(task.target)] if task.target else others)
        return propose_target(
            image=task.image,
            mask=_decoded(mask, image=task.image),
            source=f"person/{uuid4()}",
            category=category,
            actor=user,
            barred_user_ids=(user.pk,) if vars(task)["others_can_check"] else (),
        )


def _check_new(mask: MaskRle, *, beside: Iterable[MaskRle]) -> None:
    for other in beside:
        if (mask.width, mask.height) != (other.width, other.height):
            continue  # refused with a better reason elsewhere
        common = intersection_px(mask, other)
        if common > SAME_OBJECT_IOU * (mask.area_px + other.area_px - common):
            raise MaskRefused(
                "This object is marked already.", what_to_do="Mark another one, or go on with the task itself."
            )


def _check_verdict(*, verdict: MaskVerdict, discard_reason: str, mask: MaskRle | None) -> None:
    if (verdict == MaskVerdict.DISCARD) != bool(discard_reason) or (
        discard_reason and discard_reason not in DiscardReason.values
    ):
        raise VerdictRefused(
            "A discarded proposal, and no other, needs a reason.", what_to_do=f"Use {', '.join(DiscardReason.values)}."
        )
    if (verdict in (MaskVerdict.REFINE, MaskVerdict.PROPOSE)) != (mask is not None):
        raise VerdictRefused(
            "A mask belongs to what was refined or marked, and to nothing else.", what_to_do="Send the mask you drew."
        )


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


def _filed(category: str) -> str:
    filed = file_category(category)
    return filed.leaf or filed.free
