"""Every answer that a person gives about a pair, and the taking back of it: a log that only grows."""

from uuid import UUID

from django.db import transaction

from engine.errors import Conflict
from engine.selection.models import Comparison
from engine.selection.played import played_after
from engine.selection.progress import Progress, progress_of
from engine.selection.tournament import Answer, Pair
from engine.workforce import services as workforce
from engine.workforce.models import Stage, User


class PairMovedOn(Conflict):
    """The answer was given to a pair that is no longer on show (a second click, another tab)."""

    code = "pair_moved_on"


class TournamentFinished(Conflict):
    """Every candidate was shown: what is wanted now is the rating."""

    code = "tournament_finished"


class NothingToUndo(Conflict):
    """No answer stands that could be taken back."""

    code = "nothing_to_undo"


@transaction.atomic
def answer(
    *,
    user: User,
    work_item_id: UUID,
    token: int,
    answer: Answer,
    duration_ms: int,
    shown: Pair[UUID] | None = None,
) -> Progress:
    """Store one answer about the pair on show.

    Args:
        shown: presentation ids that the person saw; where given, the answer counts for that pair alone.

    Raises:
        LeaseSuperseded: another person holds the item now; earlier answers stay stored.
        TournamentFinished: every candidate was shown.
        PairMovedOn: another pair is on show than `shown`.
    """
    _hold(user=user, work_item_id=work_item_id, token=token)
    before = progress_of(work_item_id=work_item_id, user=user)
    if shown is not None and shown != before.pair:
        raise PairMovedOn(
            f"This pair is not on show; {len(before.answers)} of {before.standing.rounds} rounds are answered.",
            what_to_do="Load the task again.",
            round=before.standing.round,
        )
    if before.pair is None:
        raise TournamentFinished(
            "Every candidate was compared already.", what_to_do="Rate the winner, or take the last answer back."
        )
    after = played_after(before.tournament, before.presentations, [*before.log, answer])
    newest = after.standing.comparisons[-1]
    Comparison.objects.create(
        tournament=before.tournament,
        sequence=len(before.log),
        left_id=newest.left,
        right_id=newest.right,
        answer=newest.answer,
        stayed_id=newest.stayed,
        coin_seed=newest.coin_seed,
        duration_ms=duration_ms,
    )
    return after


@transaction.atomic
def undo(*, user: User, work_item_id: UUID, token: int) -> Progress:
    """Take the last standing answer back, by appending to the log. Given again, it stands again: that is a redo.

    Raises:
        LeaseSuperseded: another person holds the item now.
        NothingToUndo: no answer stands.
    """
    _hold(user=user, work_item_id=work_item_id, token=token)
    before = progress_of(work_item_id=work_item_id, user=user)
    answers = Comparison.objects.filter(tournament=before.tournament, undoes=None)
    last = answers.filter(undone_by=None).order_by("-sequence").first()
    if last is None:
        raise NothingToUndo("No answer stands that could be taken back.", what_to_do="Answer the pair on show.")
    Comparison.objects.create(tournament=before.tournament, sequence=len(before.log), undoes=last)
    return played_after(before.tournament, before.presentations, [*before.log, None])


def _hold(*, user: User, work_item_id: UUID, token: int) -> None:
    """Lock the work item to the end of the transaction: answers sent at once are taken one after the other."""
    workforce.check_lease(user=user, work_item_id=work_item_id, token=token, stage=Stage.SELECTION)
