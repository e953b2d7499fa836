"""What reviewers do with judgements: accept, mark as gold, send back. One call each, audited, legal from some states.

Sending back takes the judgement out of everything that comes after: it is set aside together with what was judged on
the same target since, the target moves back to where it is wanted (`lifecycle.MOVES`), and the new work item is kept
for the same person, with a note, or goes to somebody else. Snapshots that are frozen keep what they hold; the next one
leaves out what was set aside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef
from django.utils import timezone

from engine.errors import Conflict, NotFound, Unprocessable
from engine.workforce import services as workforce
from engine.workforce import statements
from engine.workforce.models import NOTE_LENGTH, Judgement, User, WorkItem
from engine.workforce.second_look import second_look

Review = Judgement.Review


class NoSuchJudgement(NotFound):
    """There is no judgement on such a work item."""

    code = "no_such_judgement"


class NotReviewable(Conflict):
    """The judgement is not in a state from which this is legal, or is none of the reviewer's business."""

    code = "not_reviewable"


class NoteMissing(Unprocessable):
    """Whoever gets a task back is told why."""

    code = "note_missing"


class Act(StrEnum):
    """What a reviewer can do with a judgement."""

    ACCEPT = "accept"
    MARK_GOLD = "mark_gold"
    UNMARK_GOLD = "unmark_gold"
    RETURN = "return"
    REQUEUE = "requeue"


# act → (from, to); a judgement that is set aside is at its end, whatever was said about it.
ACTS: Mapping[Act, tuple[frozenset[str], str]] = MappingProxyType(
    {
        Act.ACCEPT: (frozenset({Review.UNREVIEWED}), Review.ACCEPTED),
        Act.MARK_GOLD: (frozenset({Review.UNREVIEWED, Review.ACCEPTED}), Review.GOLD),
        Act.UNMARK_GOLD: (frozenset({Review.GOLD}), Review.ACCEPTED),
        Act.RETURN: (frozenset({Review.UNREVIEWED, Review.ACCEPTED}), Review.RETURNED),
        Act.REQUEUE: (frozenset({Review.UNREVIEWED, Review.ACCEPTED}), Review.REQUEUED),
    }
)


@dataclass(frozen=True)
class SentBack:
    """A judgement that counts no more, and the work item that wants it again."""

    judgement: Judgement
    work_item: WorkItem


@transaction.atomic
def accept(*, reviewer: User, work_item_id: UUID) -> Judgement:
    """Say that a judgement is fine.

    Raises:
        NoSuchJudgement, NotReviewable.
    """
    return _act(Act.ACCEPT, _locked(Act.ACCEPT, reviewer, work_item_id), reviewer=reviewer)


@transaction.atomic
def mark_gold(*, reviewer: User, work_item_id: UUID) -> Judgement:
    """Take a judgement as a known answer: people who never judged its subject meet it as gold task.

    Raises:
        NoSuchJudgement, NotReviewable.
        NothingToCompare: its stage knows no gold tasks.
    """
    judgement = _locked(Act.MARK_GOLD, reviewer, work_item_id)
    second_look(judgement.stage)
    if judgement.work_item.purpose != WorkItem.Purpose.COLLECT:
        raise NotReviewable(
            "A second opinion cannot be gold itself.", what_to_do="Mark the judgement that it was compared with."
        )
    return _act(Act.MARK_GOLD, judgement, reviewer=reviewer)


@transaction.atomic
def unmark_gold(*, reviewer: User, work_item_id: UUID) -> Judgement:
    """Ask nobody else about a gold task; what was compared with it stays.

    Raises:
        NoSuchJudgement, NotReviewable.
    """
    return _act(Act.UNMARK_GOLD, _locked(Act.UNMARK_GOLD, reviewer, work_item_id), reviewer=reviewer)


@transaction.atomic
def return_to_author(*, reviewer: User, work_item_id: UUID, note: str) -> SentBack:
    """Have the same person judge it again; they read `note` with the task, and get it before anything else.

    Raises:
        NoteMissing: the note is empty or too long.
        NoSuchJudgement, NotReviewable, NotTakenBack, InvalidMove.
    """
    note = note.strip()
    if not 0 < len(note) <= NOTE_LENGTH:
        raise NoteMissing(
            f"A note of 1 to {NOTE_LENGTH} characters is wanted.", what_to_do="Write what is to be done better."
        )
    judgement = _locked(Act.RETURN, reviewer, work_item_id)
    if not judgement.user.is_active:
        raise NotReviewable(
            f"{judgement.user.username} does not work here any more.", what_to_do="Re-queue it for somebody else."
        )
    return _send_back(Act.RETURN, judgement, reviewer=reviewer, note=note)


@transaction.atomic
def requeue(*, reviewer: User, work_item_id: UUID) -> SentBack:
    """Have somebody else judge it; nobody who judged it before can claim it.

    Raises:
        NoSuchJudgement, NotReviewable, NotTakenBack, InvalidMove.
    """
    return _send_back(Act.REQUEUE, _locked(Act.REQUEUE, reviewer, work_item_id), reviewer=reviewer)


def _locked(act: Act, reviewer: User, work_item_id: UUID) -> Judgement:
    """The judgement, locked: of two reviewers who act at once the second is told what the first did."""
    judgement = (
        Judgement.objects.select_for_update(of=("self",))
        .select_related("work_item", "user")
        .annotate(
            judges=ArraySubquery(
                Judgement.objects.filter(
                    work_item__subject_id=OuterRef("work_item__subject_id"), stage=OuterRef("stage")
                ).values("user_id")
            )
        )
        .filter(pk=work_item_id)
        .first()
    )
    if judgement is None:
        raise NoSuchJudgement(f"Nobody judged the work item {work_item_id}.", what_to_do="Load the queue again.")
    sources, _ = ACTS[act]
    possible = [other.value for other, (froms, _) in ACTS.items() if judgement.review in froms]
    if judgement.set_aside_at is not None:
        raise NotReviewable("The judgement was set aside; it counts no more.", what_to_do="Look at what replaced it.")
    if judgement.review not in sources:
        raise NotReviewable(
            f"The judgement is {judgement.review}.",
            what_to_do=f"Possible now: {', '.join(possible) or 'nothing'}.",
            review=judgement.review,
            possible=possible,
        )
    if judgement.user_id == reviewer.pk:
        raise NotReviewable("This is your own judgement.", what_to_do="Leave it to another reviewer.")
    return judgement


def _act(act: Act, judgement: Judgement, *, reviewer: User) -> Judgement:
    before = judgement.review
    judgement.review, judgement.reviewed_by, judgement.reviewed_at = ACTS[act][1], reviewer, timezone.now()
    judgement.save(update_fields=["review", "reviewed_by", "reviewed_at"])
    workforce.audit(
        actor=reviewer,
        subject_kind="judgement",
        subject_id=judgement.pk,
        verb=act.value,
        from_state=before,
        to_state=judgement.review,
    )
    return judgement


def _send_back(act: Act, judgement: Judgement, *, reviewer: User, note: str = "") -> SentBack:
    if judgement.work_item.purpose != WorkItem.Purpose.COLLECT:
        raise NotReviewable(
            "Gold tasks and second opinions measure people; they are not judged again.",
            what_to_do="Send back the judgement that they were compared with, if that one is wrong.",
        )
    by_others = act is Act.REQUEUE
    judges = set(judgement.judges)  # type: ignore[attr-defined]  # annotated by _locked
    open_item = partial(
        workforce.create_work_item,
        stage=judgement.stage,
        priority_band=judgement.work_item.priority_band,
        barred_user_ids=judges if by_others else judges - {judgement.user_id},
        reserved_for=None if by_others else judgement.user,
        note=note,
    )
    item = second_look(judgement.stage).take_back(
        judgement=judgement, actor=reviewer, by_others=by_others, open_item=open_item
    )
    (sent_back,) = Judgement.objects.raw(
        statements.SEND_BACK,
        {
            "id": judgement.pk,
            "subject": item.subject_id,
            "submitted_at": judgement.submitted_at,
            "reviewer": reviewer.pk,
            "review": ACTS[act][1],
            "redone_as": item.id,
            "verb": act.value,
            "from_state": judgement.review,
            "note": note,
            "now": timezone.now(),
        },
    )
    return SentBack(judgement=sent_back, work_item=item)
