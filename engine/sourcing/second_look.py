"""Stage 1, judged twice: the same proposal to somebody else, how far two verdicts agree, and back to the start."""

from typing import Any

from django.db.models import Exists, OuterRef

from engine.contracts.masks import MaskRle, intersection_px
from engine.lifecycle import Move
from engine.sourcing.models import MaskTask, MaskVerdict
from engine.sourcing.services import move_target
from engine.workforce import services as workforce
from engine.workforce.models import Judgement, Stage, User, WorkItem
from engine.workforce.second_look import Agreement, NothingToCompare, NotTakenBack, OpenItem, SecondLook

# Two outlines of one clearly visible object that were drawn with care overlap in more than this; of a square of 20 px,
# it is one side drawn 4 px off. Below it one of the two marked something else, or was careless.
IOU_BAR = 0.8


def ask_again(*, reference: WorkItem, work_item: WorkItem) -> None:
    """Show the proposal as it was before the first person judged it.

    Raises:
        NothingToCompare: it was not judged.
    """
    known = MaskTask.objects.with_photograph().get(work_item=reference)
    if not known.verdict:
        raise NothingToCompare("This mask was not judged yet.", work_item=str(reference.id))
    MaskTask.objects.create(
        work_item=work_item,
        image=known.image,
        target=None if known.wants_proposal else known.target,
        wants_proposal=known.wants_proposal,
        hint=known.hint,
        shown_category=known.shown_category or ("" if known.wants_proposal else known.category_on_show),
        shown_counts=None if known.wants_proposal else known.proposed_counts or known.counts_on_show,
    )


def compare(item: WorkItem, reference: WorkItem) -> Agreement:
    """Both discard, or both keep masks whose IoU is at least IOU_BAR. The category is measured and does not count."""
    tasks = MaskTask.objects.with_photograph().in_bulk([item.id, reference.id])
    return agreement_of(tasks[item.id], tasks[reference.id])


def agreement_of(one: MaskTask, other: MaskTask) -> Agreement:
    """How far two answers to one question agree."""
    discarded = [task.verdict == MaskVerdict.DISCARD for task in (one, other)]
    measures: dict[str, float | bool | None] = {"iou": None, "same_verdict": discarded[0] == discarded[1]}
    if all(discarded):
        return Agreement(agrees=True, measures=measures | {"same_reason": one.discard_reason == other.discard_reason})
    if any(discarded):
        return Agreement(agrees=False, measures=measures)
    iou = iou_of(final_mask(one), final_mask(other))
    same_category = final_category(one) == final_category(other)
    return Agreement(agrees=iou >= IOU_BAR, measures=measures | {"iou": iou, "same_category": same_category})


def final_mask(task: MaskTask) -> MaskRle:
    """The mask that a task ended with: as drawn, or as shown."""
    counts = task.refined_counts or task.counts_on_show
    return MaskRle(height=task.image.height_px, width=task.image.width_px, counts=tuple(counts))


def final_category(task: MaskTask) -> str:
    """What the object was called in the end."""
    marked = task.target if task.wants_proposal else None  # its category was never a correction
    return task.category or task.shown_category or (marked.category or marked.free_category if marked else "")


def iou_of(one: MaskRle, other: MaskRle) -> float:
    """Pixels in both over pixels in either; two empty masks are the same."""
    common = intersection_px(one, other)
    union = one.area_px + other.area_px - common
    return common / union if union else 1.0


def take_back(*, judgement: Judgement, actor: User, by_others: bool, open_item: OpenItem) -> WorkItem:
    """Propose the mask anew: to its author as it was handed in, to others as it was before.

    Raises:
        NotTakenBack: there is no target, or it was judged again since.
        InvalidMove: machines, triage or an artist are at work on the target.
    """
    since = Judgement.objects.filter(
        work_item__mask_task__target=OuterRef("target_id"),
        work_item__purpose=WorkItem.Purpose.COLLECT,
        submitted_at__gt=judgement.submitted_at,
        set_aside_at=None,
    )
    task: Any = MaskTask.objects.annotate(judged_since=Exists(since)).get(work_item_id=judgement.pk)
    if task.target_id is None:
        raise NotTakenBack(
            "The photograph was refused; there is no target to judge again.",
            what_to_do="Let the photograph in again: an ML engineer overrides its refusal.",
        )
    if task.judged_since:
        raise NotTakenBack("The mask was judged again since.", what_to_do="Look at the newer judgement.")
    stages = [Stage.SELECTION, Stage.ALIGNMENT]
    workforce.cancel_work_items(subject_id=task.target_id, stages=stages, actor=actor)
    move_target(target_id=task.target_id, move=Move.MASK_AGAIN, actor=actor, work_item=str(judgement.pk))
    workforce.cancel_work_items(subject_id=task.target_id, stages=stages, actor=actor)  # opened by the worker meanwhile
    item = open_item(subject_id=task.target_id)
    anew = by_others and task.proposed_counts is not None
    MaskTask.objects.create(
        work_item=item,
        image_id=task.image_id,
        target_id=task.target_id,
        shown_counts=task.proposed_counts if anew else None,
        shown_category=task.shown_category if anew else "",
    )
    return item


SECOND_LOOK = SecondLook(ask_again=ask_again, compare=compare, take_back=take_back)
