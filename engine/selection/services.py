"""What Stage 2 does: opens selections, keeps every comparison, takes the rating, says what comes next (paper A.2)."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q
from django.utils import timezone

from engine.contracts.generation import Modality
from engine.errors import Conflict, NotFound, Unprocessable
from engine.generation.models import Candidate, GenerationRequest
from engine.lifecycle import Move
from engine.selection import texts
from engine.selection.models import (
    Comparison,
    FailureReason,
    Presentation,
    Selection,
    SelectionQuerySet,
    Tournament,
)
from engine.selection.statements import START
from engine.selection.tournament import SEED_BITS, Answer, Pair, RoundLayout, Standing, play, replay, round_layouts
from engine.sourcing import services as sourcing
from engine.sourcing.models import TargetObject
from engine.workforce import services as workforce
from engine.workforce.models import Role, Stage, User, WorkItem
from engine.workforce.permissions import has_role

# (what is chosen, whether it met the bar) → what comes next
MOVE_OF_RATING = {
    (Modality.SHAPE, True): Move.ACCEPT,
    (Modality.SHAPE, False): Move.REJECT,
    (Modality.TEXTURE, True): Move.ACCEPT_TEXTURE,
    (Modality.TEXTURE, False): Move.REJECT_TEXTURE,
}


class NothingToCompare(Conflict):
    """The target's last request left fewer than two candidates."""

    code = "nothing_to_compare"


class NoSuchSelection(NotFound):
    """There is no such selection, or the caller does not hold it."""

    code = "no_such_selection"


class NoSuchPresentation(NotFound):
    """There is no such presentation, or it was shown to somebody else."""

    code = "no_such_presentation"


class PairMovedOn(Conflict):
    """The answer was given to a pair that is no longer on show (a second click, another tab)."""

    code = "pair_moved_on"


class TournamentFinished(Conflict):
    """Every candidate was shown: what is wanted now is the rating."""

    code = "tournament_finished"


class TournamentUnfinished(Conflict):
    """Some candidates were not shown yet: there is no winner to rate."""

    code = "tournament_unfinished"


class NothingToUndo(Conflict):
    """No answer stands that could be taken back."""

    code = "nothing_to_undo"


class InvalidRating(Unprocessable):
    """A rating is a number from 0 to 1."""

    code = "invalid_rating"


class FailureReasonMissing(Unprocessable):
    """A rating under the bar needs the main reason."""

    code = "failure_reason_missing"


@dataclass(frozen=True)
class Progress:
    """How far one person's tournament is, in terms of what this person was shown.

    Attributes:
        presentations: by candidate id, in order of appearance.
        taken_back: answers that can be given again as they were, the next one last.
        log: everything that was said, in order; None where an answer was taken back.
    """

    presentations: dict[UUID, Presentation]
    standing: Standing[UUID]
    taken_back: tuple[Answer, ...]
    log: tuple[Answer | None, ...]
    tournament: Tournament

    @property
    def pair(self) -> Pair[UUID] | None:
        """Presentation ids to compare now."""
        pair = self.standing.pair
        return pair and Pair(left=self.presentations[pair.left].id, right=self.presentations[pair.right].id)

    @property
    def winner(self) -> UUID | None:
        """Presentation id of the winner, once every candidate was shown."""
        return self.presentations[self.standing.winner].id if self.standing.winner else None

    @property
    def answers(self) -> list[Answer]:
        """What stands."""
        return [comparison.answer for comparison in self.standing.comparisons]

    @property
    def layouts(self) -> tuple[RoundLayout, ...]:
        """How each round is laid out."""
        return round_layouts(seed=self.tournament.seed, rounds=self.standing.rounds)

    @property
    def phase(self) -> str:
        """`compare`, then `rate`."""
        return "rate" if self.standing.winner else "compare"


@dataclass(frozen=True)
class SelectionTask:
    """A selection as its holder sees it.

    Attributes:
        bar: α of its collection; a rating under it needs a reason.
        as_splats: show splats instead of meshes. All or none: a mesh beside a splat would be judged by its looks.
    """

    selection: Selection
    work_item: WorkItem
    progress: Progress
    bar: float
    as_splats: bool

    @property
    def target(self) -> TargetObject:
        """The object in the photograph."""
        return self.selection.target


@transaction.atomic
def open_selection(*, target_id: UUID) -> Selection:
    """Ask one person to choose among the candidates of the target's last request.

    Raises:
        NothingToCompare: that request left fewer than two candidates.
    """
    request = (
        GenerationRequest.objects.filter(target_id=target_id, status=GenerationRequest.Status.FILLED)
        .order_by("-closed_at", "-created_at")
        .first()
    )
    count = 0 if request is None else Candidate.objects.filter(run__request=request).count()
    if request is None or count < 2:
        raise NothingToCompare(
            f"The last request for target {target_id} left {count} candidates; a tournament needs two.",
            what_to_do="Ask for another round of candidates.",
            target_id=str(target_id),
        )
    item = workforce.create_work_item(stage=Stage.SELECTION, subject_id=target_id)
    return Selection.objects.create(work_item=item, target_id=target_id, request=request)


@transaction.atomic
def claim(*, user: User, prefetch: bool = False) -> SelectionTask | None:
    """Lease the next selection to `user` and return it; None where none waits. `prefetch` allows a second one."""
    claimed = workforce.claim(user=user, stage=Stage.SELECTION, prefetch=prefetch)
    if claimed is None:
        return None
    selection = _selections_for(user).get(work_item_id=claimed.work_item.id)
    return _task(selection=selection, work_item=claimed.work_item, user=user)


def task_of(*, user: User, work_item_id: UUID) -> SelectionTask:
    """Return the selection that `user` holds (or held last, while nobody else claimed it), as it stands.

    Raises:
        NoSuchSelection: the user does not hold it.
    """
    selection = (
        _selections_for(user)
        .select_related("work_item")
        .filter(work_item_id=work_item_id, work_item__holder=user)
        .filter(work_item__state__in=[WorkItem.State.OPEN, WorkItem.State.LEASED])
        .first()
    )
    if selection is None:
        raise NoSuchSelection(
            "You hold no selection of this id.", what_to_do="Claim the next one.", work_item=str(work_item_id)
        )
    return _task(selection=selection, work_item=selection.work_item, user=user)


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
    before = _progress_of(work_item_id=work_item_id, user=user)
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
    after = _progress(before.tournament, before.presentations, [*before.log, answer])
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
    before = _progress_of(work_item_id=work_item_id, user=user)
    answers = Comparison.objects.filter(tournament=before.tournament, undoes=None)
    last = answers.filter(undone_by=None).order_by("-sequence").first()
    if last is None:
        raise NothingToUndo("No answer stands that could be taken back.", what_to_do="Answer the pair on show.")
    Comparison.objects.create(tournament=before.tournament, sequence=len(before.log), undoes=last)
    return _progress(before.tournament, before.presentations, [*before.log, None])


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
    progress = _progress_of(work_item_id=work_item_id, user=user)
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


def accepted(*, target_id: UUID) -> SelectionQuerySet:
    """Selections of the target that chose a shape and whose rating met its bar, newest first."""
    return Selection.objects.of_shapes().collected(target_id).accepted().order_by("-rated_at")


def last_failure_reason(*, target_id: UUID) -> str:
    """Return why the newest rejected selection of the target failed; `other` where no person said."""
    rated = Selection.objects.of_shapes().collected(target_id).rated()
    rejected = rated.exclude(failure_reason="").order_by("-rated_at").first()
    return rejected.failure_reason if rejected else FailureReason.OTHER.value


def shown_mesh(*, user: User, presentation_id: UUID) -> Presentation:
    """Return a presentation with candidate and mesh, for the person it was made for, or for a reviewer.

    Raises:
        NoSuchPresentation: it does not exist, or the user holds the selection no more.
    """
    presentation = (
        Presentation.objects.select_related(
            "candidate__mesh",
            "candidate__view",
            "candidate__splat",
            "candidate__run__request",
            "tournament__selection__work_item",
        )
        .filter(id=presentation_id)
        .first()
    )
    if presentation is not None:
        item = presentation.tournament.selection.work_item
        theirs = presentation.tournament.annotator_id == user.id and item.holder_id == user.id
        if theirs or has_role(user, Role.REVIEWER):
            return presentation
    raise NoSuchPresentation(
        "There is no such mesh for you.", what_to_do="Claim a selection and use the URLs that it gives."
    )


def record_load_failure(*, user: User, presentation_id: UUID) -> None:
    """Count that a page could not show a candidate. The person may vote it down all the same.

    Raises:
        NoSuchPresentation: it does not exist, or it was shown to somebody else.
    """
    theirs = Presentation.objects.filter(id=presentation_id, tournament__annotator=user)
    if not theirs.update(load_failures=F("load_failures") + 1):
        raise NoSuchPresentation("There is no such mesh for you.", what_to_do="Report what your own task shows.")


def _hold(*, user: User, work_item_id: UUID, token: int) -> None:
    """Lock the work item to the end of the transaction: answers sent at once are taken one after the other."""
    workforce.check_lease(user=user, work_item_id=work_item_id, token=token, stage=Stage.SELECTION)


def _selections_for(user: User) -> SelectionQuerySet:
    """Everything that a claim needs in one query: candidates, and the user's own tournament if there is one."""
    candidates = Candidate.objects.filter(run__request_id=OuterRef("request_id"))
    return Selection.objects.select_related("target__image__blob", "request__collection").annotate(
        candidate_ids=ArraySubquery(candidates.values("id")),
        lacks_splats=Exists(candidates.filter(splat=None)),
        own=FilteredRelation("tournaments", condition=Q(tournaments__annotator=user)),
        own_tournament_id=F("own__id"),
    )


def _task(*, selection: Any, work_item: WorkItem, user: User) -> SelectionTask:
    """Wants a selection of `_selections_for`; starts the user's tournament where there is none yet."""
    if selection.own_tournament_id is None:
        progress = _start(selection, user, candidate_ids=selection.candidate_ids)
    else:
        progress = _progress_of(work_item_id=selection.pk, user=user)
    bar = selection.request.collection.alpha
    as_splats = selection.modality is Modality.TEXTURE and not selection.lacks_splats
    return SelectionTask(selection=selection, work_item=work_item, progress=progress, bar=bar, as_splats=as_splats)


def _start(selection: Selection, user: User, candidate_ids: list[UUID]) -> Progress:
    seed = secrets.randbits(SEED_BITS)
    order = play(candidates=candidate_ids, seed=seed, answers=[]).order
    shown = Presentation.objects.raw(
        START,
        {
            "selection": selection.pk,
            "annotator": user.pk,
            "seed": seed,
            "now": timezone.now(),
            "ids": [uuid4() for _ in order],
            "candidates": list(order),
        },
    )
    by_candidate = {presentation.candidate_id: presentation for presentation in shown}
    presentations = {candidate_id: by_candidate[candidate_id] for candidate_id in order}
    tournament_id = presentations[order[0]].tournament_id
    tournament = Tournament(id=tournament_id, selection=selection, annotator=user, seed=seed)
    return _progress(tournament, presentations, [])


def _progress_of(*, work_item_id: UUID, user: User) -> Progress:
    """Read the user's tournament and its log in one query. Who means to write has locked the work item before."""
    said = Comparison.objects.filter(tournament=OuterRef("tournament")).order_by("sequence").values("answer")
    shown = list(
        Presentation.objects.filter(tournament__selection_id=work_item_id, tournament__annotator=user)
        .select_related("tournament__selection__request__collection")
        .annotate(log=ArraySubquery(said))
        .order_by("order")
    )
    log = [Answer(entry) if entry else None for entry in shown[0].log]
    return _progress(shown[0].tournament, {presentation.candidate_id: presentation for presentation in shown}, log)


def _progress(
    tournament: Tournament, presentations: dict[UUID, Presentation], log: Sequence[Answer | None]
) -> Progress:
    said = replay(log)
    return Progress(
        presentations=presentations,
        standing=play(candidates=list(presentations), seed=tournament.seed, answers=said.standing),
        taken_back=said.taken_back,
        log=tuple(log),
        tournament=tournament,
    )
