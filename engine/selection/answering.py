"""Every answer that a person gives about a pair, and the taking back of it: a log that only grows."""

from uuid import UUID

from django.db import transaction

from engine.selection.progress import Progress, progress_of
from engine.selection.stay_on_log import append_answer, take_back
from engine.selection.tournament import Answer, Pair
from engine.workforce import services as workforce
from engine.workforce.models import Stage, User


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
    return append_answer(before.tournament.comparisons, before, answer, duration_ms=duration_ms, shown=shown)


@transaction.atomic
def undo(*, user: User, work_item_id: UUID, token: int) -> Progress:
    """Take the last standing answer back, by appending to the log. Given again, it stands again: that is a redo.

    Raises:
        LeaseSuperseded: another person holds the item now.
        NothingToUndo: no answer stands.
    """
    _hold(user=user, work_item_id=work_item_id, token=token)
    before = progress_of(work_item_id=work_item_id, user=user)
    return take_back(before.tournament.comparisons, before)


def _hold(*, user: User, work_item_id: UUID, token: int) -> None:
    """Lock the work item to the end of the transaction: answers sent at once are taken one after the other."""
    workforce.check_lease(user=user, work_item_id=work_item_id, token=token, stage=Stage.SELECTION)
