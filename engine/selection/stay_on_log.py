"""Appending to the log of a stay-on tournament and taking back from it: for whichever tables hold one."""

from typing import Any, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from engine.errors import Conflict
from engine.selection.played import Played, played_after
from engine.selection.tournament import Answer, Pair

P = TypeVar("P")
T = TypeVar("T")


class PairMovedOn(Conflict):
    """The answer was given to a pair that is no longer on show (a second click, another tab)."""

    code = "pair_moved_on"


class TournamentFinished(Conflict):
    """Every candidate was shown: there is no pair to answer."""

    code = "tournament_finished"


class NothingToUndo(Conflict):
    """No answer stands that could be taken back."""

    code = "nothing_to_undo"


class StayOnAnswer(models.Model):
    """One answer, or the undoing of one: rows are only added (`undone_by` is the row that took it back).

    What was compared (`left`, `right`) and which of the two stayed (`stayed`) are foreign keys of the table itself.
    """

    id = models.BigAutoField(primary_key=True)
    sequence = models.PositiveSmallIntegerField(help_text="Position in the log, undos included.")
    undoes = models.OneToOneField("self", null=True, on_delete=models.CASCADE, related_name="undone_by")
    answer = models.CharField(max_length=5, choices=[(x.value, x.value) for x in Answer], blank=True)
    coin_seed = models.BigIntegerField(null=True, help_text="Where equal: the seed of the coin that kept one.")
    duration_ms = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="%(class)s_answer_or_undo",
                condition=Q(
                    undoes__isnull=True,
                    left__isnull=False,
                    right__isnull=False,
                    stayed__isnull=False,
                    answer__in=["left", "right", "equal"],
                )
                | Q(undoes__isnull=False, left__isnull=True, right__isnull=True, stayed__isnull=True, answer=""),
            ),
            models.CheckConstraint(name="%(class)s_two_sides", condition=Q(left__isnull=True) | ~Q(left=F("right"))),
            models.CheckConstraint(
                name="%(class)s_equal_has_coin",
                condition=Q(answer="equal", coin_seed__isnull=False) | (~Q(answer="equal") & Q(coin_seed__isnull=True)),
            ),
        ]


def append_answer(
    log: Any, before: Played[P, T], answer: Answer, *, duration_ms: int, shown: Pair[UUID] | None
) -> Played[P, T]:
    """Store one answer about the pair on show.

    Args:
        log: the tournament's rows of `StayOnAnswer`, as its related manager.
        before: how far it is; the caller keeps others from writing meanwhile.
        shown: presentation ids that the person saw; where given, the answer counts for that pair alone.

    Raises:
        TournamentFinished: every candidate was shown.
        PairMovedOn: another pair is on show than `shown`.
    """
    if shown is not None and shown != before.pair:
        raise PairMovedOn(
            f"This pair is not on show; {len(before.answers)} of {before.standing.rounds} rounds are answered.",
            what_to_do="Load the task again.",
            round=before.standing.round,
        )
    if before.pair is None:
        raise TournamentFinished(
            "Every candidate was compared already.", what_to_do="Finish the task, or take the last answer back."
        )
    after = played_after(before.tournament, before.presentations, [*before.log, answer])
    newest = after.standing.comparisons[-1]
    log.create(
        sequence=len(before.log),
        left_id=newest.left,
        right_id=newest.right,
        answer=newest.answer,
        stayed_id=newest.stayed,
        coin_seed=newest.coin_seed,
        duration_ms=duration_ms,
    )
    return after


def take_back(log: Any, before: Played[P, T]) -> Played[P, T]:
    """Take the last standing answer back, by appending to `log`. Given again, it stands again: that is a redo.

    Raises:
        NothingToUndo: no answer stands.
    """
    last = log.filter(undoes=None, undone_by=None).order_by("-sequence").first()
    if last is None:
        raise NothingToUndo("No answer stands that could be taken back.", what_to_do="Answer the pair on show.")
    log.create(sequence=len(before.log), undoes=last)
    return played_after(before.tournament, before.presentations, [*before.log, None])
