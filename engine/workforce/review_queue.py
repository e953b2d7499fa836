"""What reviewers look through: judgements of a stage, disagreement first, with the second opinions on them."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Prefetch, QuerySet
from django.db.models.expressions import RawSQL

from engine.errors import Unprocessable
from engine.workforce.models import REVIEW_ORDER, Judgement, SecondOpinion, User, WorkItem
from engine.workforce.reviews import ACTS, Act, NoSuchJudgement

PAGE_SIZE = 50

# As REVIEW_ORDER goes, so that the index `judgement_to_review` begins where the last page ended.
BEHIND = """
(workforce_judgement.disagrees, workforce_judgement.submitted_at, workforce_judgement.work_item_id)
< (%s::boolean, %s::timestamptz, %s::uuid)
"""


class UnknownCursor(Unprocessable):
    """The place in the queue does not come from an earlier answer."""

    code = "unknown_cursor"


@dataclass(frozen=True)
class Opinion:
    """What somebody else said to the same question, or is still to say (`judgement` None)."""

    opinion: SecondOpinion
    judgement: Judgement | None

    @property
    def other(self) -> UUID | None:
        """Work item of the other judgement."""
        return None if self.judgement is None else self.judgement.work_item_id


@dataclass(frozen=True)
class Entry:
    """A judgement as reviewers see it."""

    judgement: Judgement
    opinions: list[Opinion]
    possible: list[Act]


@dataclass(frozen=True)
class Page:
    """Some entries, and where the next ones begin (empty: there are no more)."""

    entries: list[Entry]
    next_cursor: str


def page(
    *,
    reviewer: User,
    stage: str,
    review: str = Judgement.Review.UNREVIEWED,
    person: str = "",
    purpose: str = "",
    cursor: str = "",
    size: int = PAGE_SIZE,
) -> Page:
    """Judgements of `stage` in one state of review, behind `cursor`; of one person or purpose where asked.

    Raises:
        UnknownCursor.
    """
    rows = Judgement.objects.filter(stage=stage, review=review).order_by(*REVIEW_ORDER)
    if review == Judgement.Review.UNREVIEWED:
        rows = rows.filter(set_aside_at=None)
    if person:
        rows = rows.filter(user__username=person)
    if purpose:
        rows = rows.filter(work_item__purpose=purpose)
    if cursor:
        rows = rows.filter(RawSQL(BEHIND, _read_cursor(cursor), output_field=BooleanField()))
    found = list(_with_opinions(rows)[: size + 1])
    more = len(found) > size
    return Page(
        entries=[_entry(judgement, reviewer) for judgement in found[:size]],
        next_cursor=_write_cursor(found[size - 1]) if more else "",
    )


def entry(*, reviewer: User, work_item_id: UUID) -> Entry:
    """One judgement.

    Raises:
        NoSuchJudgement.
    """
    judgement = _with_opinions(Judgement.objects.filter(pk=work_item_id)).first()
    if judgement is None:
        raise NoSuchJudgement(f"Nobody judged the work item {work_item_id}.", what_to_do="Load the queue again.")
    return _entry(judgement, reviewer)


def _with_opinions(rows: "QuerySet[Judgement]") -> "QuerySet[Judgement]":
    """Both directions: what this one was asked to confirm, and who was asked to confirm this one."""
    given = SecondOpinion.objects.exclude(state=SecondOpinion.State.DROPPED).select_related(
        "work_item__judgement__user"
    )
    return rows.select_related(
        "user", "work_item__second_opinion__reference__judgement__user", "redone_as", "reviewed_by"
    ).prefetch_related(Prefetch("work_item__second_opinions", queryset=given.order_by("id")))


def _entry(judgement: Judgement, reviewer: User) -> Entry:
    item = judgement.work_item
    opinions = [Opinion(opinion, _judgement_of(opinion.work_item)) for opinion in item.second_opinions.all()]
    asked = getattr(item, "second_opinion", None)
    if asked is not None:
        opinions.insert(0, Opinion(asked, _judgement_of(asked.reference)))
    return Entry(judgement=judgement, opinions=opinions, possible=_possible(judgement, reviewer))


def _possible(judgement: Judgement, reviewer: User) -> list[Act]:
    if judgement.set_aside_at is not None or judgement.user_id == reviewer.pk:
        return []
    collects = judgement.work_item.purpose == WorkItem.Purpose.COLLECT
    return [act for act, (sources, _) in ACTS.items() if judgement.review in sources and (collects or act in _OF_ALL)]


_OF_ALL = (Act.ACCEPT,)


def _judgement_of(item: WorkItem | None) -> Judgement | None:
    return getattr(item, "judgement", None)


def _write_cursor(judgement: Judgement) -> str:
    place = [judgement.disagrees, judgement.submitted_at.isoformat(), str(judgement.pk)]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(cursor: str) -> list[Any]:
    try:
        disagrees, submitted_at, work_item = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return [bool(disagrees), datetime.fromisoformat(submitted_at), UUID(work_item)]
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise UnknownCursor("This place in the queue is not known.", what_to_do="Begin at its start.") from error
