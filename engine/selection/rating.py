"""The rating of a tournament's winner, which ends a selection and says what comes next for the target."""

import math
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from engine.contracts.generation import Modality
from engine.errors import Conflict, Unprocessable
from engine.lifecycle import Move
from engine.selection import texts
from engine.selection.models import FailureReason, Selection
from engine.selection.progress import progress_of
from engine.sourcing import services as sourcing
from engine.workforce import services as workforce
from engine.workforce.models import Stage, User, WorkItem

# (what is chosen, whether it met the bar) → what comes next
MOVE_OF_RATING = {
    (Modality.SHAPE, True): Move.ACCEPT,
    (Modality.SHAPE, False): Move.REJECT,
    (Modality.TEXTURE, True): Move.ACCEPT_TEXTURE,
    (Modality.TEXTURE, False): Move.REJECT_TEXTURE,
}


class TournamentUnfinished(Conflict):
    """Some candidates were not shown yet: there is no winner to rate."""

    code = "tournament_unfinished"


class InvalidRating(Unprocessable):
    """A rating is a number from 0 to 1."""

    code = "invalid_rating"


class FailureReasonMissing(Unprocessable):
    """A rating under the bar needs the main reason."""

    code = "failure_reason_missing"


@transaction.atomic
def submit(
    *,
    user: User,
    work_item_id: UUID,
    token: int,
    rating: float,
    failure_reason: str,
    duration_ms: int,
    guideline_version: str,
    rubric_version: str = "",
) -> Selection:
    """Finish a selection with the rating r of its winner; the target moves on by r ≥ α.

    After a texture, good enough or not, the target is done again: its shape stays what it was.
    A `failure_reason` at or above the bar is not kept. Overlaps, gold and reviews leave the target where it is.

    Args:
        rubric_version: of the rubric that the person read; the current one where not said.

    Raises:
        LeaseSuperseded: another person holds the item now.
        TournamentUnfinished: some candidates were not shown yet.
        InvalidRating: the rating is no number from 0 to 1.
        FailureReasonMissing: the rating is under the bar and no reason is given.
    """
    if not (math.isfinite(rating) and 0 <= rating <= 1):
        raise InvalidRating(f"A rating is a number from 0 to 1, got {rating}.", what_to_do="See the rubric.")
    item = workforce.submit(
        user=user,
        work_item_id=work_item_id,
        token=token,
        duration_ms=duration_ms,
        guideline_version=guideline_version,
        stage=Stage.SELECTION,
    )
    progress = progress_of(work_item_id=work_item_id, user=user)
    standing, tournament = progress.standing, progress.tournament
    if standing.winner is None:
        raise TournamentUnfinished(
            f"{len(standing.comparisons)} of {standing.rounds} comparisons were made.",
            what_to_do="Compare the remaining candidates first.",
        )
    selection = tournament.selection
    alpha = selection.request.collection.alpha
    if rating < alpha and failure_reason not in FailureReason.values:
        raise FailureReasonMissing(
            f"The rating {rating} is under the bar {alpha}: the main reason is wanted.",
            what_to_do=f"Give failure_reason as one of {', '.join(FailureReason.values)}.",
            bar=alpha,
        )
    selection.tournament = tournament
    selection.winner_id = standing.winner
    selection.rating = rating
    selection.rubric_version = rubric_version or texts.rubric(selection.modality).version
    selection.failure_reason = failure_reason if rating < alpha else ""
    selection.alpha = alpha
    selection.rated_at = timezone.now()
    selection.save()
    if item.purpose == WorkItem.Purpose.COLLECT:
        sourcing.move_target(
            target_id=selection.target_id,
            move=MOVE_OF_RATING[selection.modality, rating >= alpha],
            actor=user,
            work_item=str(work_item_id),
            rating=rating,
            alpha=alpha,
        )
    return selection
