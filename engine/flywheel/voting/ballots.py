"""The ballot that a person holds: claimed, voted on pair by pair, taken back, handed in (paper D.2).

The rules are those of Stage 2's tournament (`engine.selection.tournament`): random order, random sides, the chosen one
stays; no rating follows.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import F, FilteredRelation, OuterRef, Q
from django.utils import timezone

from engine.contracts.generation import Modality
from engine.errors import Conflict, NotFound
from engine.flywheel.voting.models import Ballot, Entry, EvaluationTarget, Showing, Vote, Voting
from engine.flywheel.voting.statements import START
from engine.selection.played import Played, played_after
from engine.selection.stay_on_log import append_answer, take_back
from engine.selection.texts import Text, read_text
from engine.selection.tournament import SEED_BITS, Answer, Pair, play
from engine.storage.models import Blob
from engine.workforce import services as workforce
from engine.workforce.models import Stage, User, WorkItem

GUIDELINES = {Modality.SHAPE: "voting-v1", Modality.TEXTURE: "voting-texture-v1"}

Progress = Played[Showing, Voting]


class NoSuchBallot(NotFound):
    """There is no such ballot, or the caller does not hold it."""

    code = "no_such_ballot"


class NoSuchShowing(NotFound):
    """There is no such showing, or it was made for somebody else."""

    code = "no_such_showing"


class BallotUnfinished(Conflict):
    """Some entries were not shown yet."""

    code = "ballot_unfinished"


@dataclass(frozen=True)
class BallotTask:
    """A ballot as its holder sees it."""

    ballot: Ballot
    work_item: WorkItem
    progress: Progress

    @property
    def target(self) -> EvaluationTarget:
        """The object in the photograph, as it was frozen."""
        return self.ballot.item.target

    @property
    def modality(self) -> Modality:
        """What is judged: bare shapes, or shapes in their colours."""
        return Modality.TEXTURE if self.ballot.item.evaluation.coloured else Modality.SHAPE

    @property
    def guidelines(self) -> Text:
        """How to vote."""
        return read_text(Path(__file__).parents[1] / "guidelines", GUIDELINES[self.modality])


@transaction.atomic
def claim(*, user: User, prefetch: bool = False) -> BallotTask | None:
    """Lease the next ballot to `user` and return it; None where none waits. `prefetch` allows a second one."""
    claimed = workforce.claim(user=user, stage=Stage.EVALUATION, prefetch=prefetch)
    if claimed is None:
        return None
    return _task(_ballots_for(user).get(work_item_id=claimed.work_item.id), claimed.work_item, user)


def task_of(*, user: User, work_item_id: UUID) -> BallotTask:
    """The ballot that `user` holds (or held last, while nobody else claimed it), as it stands.

    Raises:
        NoSuchBallot: the user does not hold it.
    """
    ballot = (
        _ballots_for(user)
        .select_related("work_item")
        .filter(work_item_id=work_item_id, work_item__holder=user)
        .filter(work_item__state__in=[WorkItem.State.OPEN, WorkItem.State.LEASED])
        .first()
    )
    if ballot is None:
        raise NoSuchBallot(
            "You hold no ballot of this id.", what_to_do="Claim the next one.", work_item=str(work_item_id)
        )
    return _task(ballot, ballot.work_item, user)


@transaction.atomic
def vote(
    *,
    user: User,
    work_item_id: UUID,
    token: int,
    answer: Answer,
    duration_ms: int,
    shown: Pair[UUID] | None = None,
) -> Progress:
    """Store one vote about the pair on show.

    Args:
        shown: ids of what the person saw; where given, the vote counts for that pair alone.

    Raises:
        LeaseSuperseded: another person holds the item now; earlier votes stay stored.
        TournamentFinished: every entry was shown.
        PairMovedOn: another pair is on show than `shown`.
    """
    _hold(user=user, work_item_id=work_item_id, token=token)
    before = _progress_of(work_item_id=work_item_id, user=user)
    return append_answer(before.tournament.votes, before, answer, duration_ms=duration_ms, shown=shown)


@transaction.atomic
def undo(*, user: User, work_item_id: UUID, token: int) -> Progress:
    """Take the last standing vote back, by appending to the log. Given again, it stands again: that is a redo.

    Raises:
        LeaseSuperseded: another person holds the item now.
        NothingToUndo: no vote stands.
    """
    _hold(user=user, work_item_id=work_item_id, token=token)
    before = _progress_of(work_item_id=work_item_id, user=user)
    return take_back(before.tournament.votes, before)


@transaction.atomic
def hand_in(*, user: User, work_item_id: UUID, token: int, duration_ms: int, guideline_version: str) -> Ballot:
    """End a ballot: from now on its votes count.

    Raises:
        LeaseSuperseded: another person holds the item now.
        BallotUnfinished: some entries were not shown yet.
    """
    workforce.submit(
        user=user,
        work_item_id=work_item_id,
        token=token,
        duration_ms=duration_ms,
        guideline_version=guideline_version,
        stage=Stage.EVALUATION,
    )
    progress = _progress_of(work_item_id=work_item_id, user=user)
    if progress.standing.winner is None:
        raise BallotUnfinished(
            f"{len(progress.answers)} of {progress.standing.rounds} votes were given.",
            what_to_do="Vote on the remaining pairs first.",
        )
    ballot = progress.tournament.ballot
    ballot.counted = progress.tournament
    ballot.save(update_fields=["counted"])
    return ballot


def shown_view(*, user: User, showing_id: UUID) -> Blob:
    """The mesh that is shown under this id, for the person it was made for while they hold the ballot.

    Raises:
        NoSuchShowing: it does not exist, or the user holds the ballot no more.
    """
    showing = (
        Showing.objects.select_related("entry__view")
        .filter(id=showing_id, voting__voter=user, voting__ballot__work_item__holder=user)
        .first()
    )
    if showing is None or showing.entry.view is None:
        raise NoSuchShowing("There is no such mesh for you.", what_to_do="Claim a ballot and use the URLs it gives.")
    return showing.entry.view


def record_load_failure(*, user: User, showing_id: UUID) -> None:
    """Count that a page could not show an entry. The person may vote against it all the same.

    Raises:
        NoSuchShowing: it does not exist, or it was made for somebody else.
    """
    theirs = Showing.objects.filter(id=showing_id, voting__voter=user)
    if not theirs.update(load_failures=F("load_failures") + 1):
        raise NoSuchShowing("There is no such mesh for you.", what_to_do="Report what your own task shows.")


def _hold(*, user: User, work_item_id: UUID, token: int) -> None:
    """Lock the work item to the end of the transaction: votes sent at once are taken one after the other."""
    workforce.check_lease(user=user, work_item_id=work_item_id, token=token, stage=Stage.EVALUATION)


def _ballots_for(user: User) -> Any:
    """Everything that a claim needs in one query: entries to show, and the user's own voting if there is one."""
    entries = Entry.objects.filter(item_id=OuterRef("item_id"), status=Entry.Status.SUCCEEDED)
    return Ballot.objects.select_related("item__target__image__blob", "item__evaluation").annotate(
        entry_ids=ArraySubquery(entries.values("id")),
        own=FilteredRelation("votings", condition=Q(votings__voter=user)),
        own_voting_id=F("own__id"),
    )


def _task(ballot: Any, work_item: WorkItem, user: User) -> BallotTask:
    """Wants a ballot of `_ballots_for`; starts the user's voting where there is none yet."""
    if ballot.own_voting_id is None:
        progress = _start(ballot, user, entry_ids=ballot.entry_ids)
    else:
        progress = _progress_of(work_item_id=ballot.pk, user=user)
    return BallotTask(ballot=ballot, work_item=work_item, progress=progress)


def _start(ballot: Ballot, user: User, *, entry_ids: list[UUID]) -> Progress:
    """Draw seed and order for this person and store both."""
    seed = secrets.randbits(SEED_BITS)
    order = play(candidates=entry_ids, seed=seed, answers=[]).order
    shown = Showing.objects.raw(
        START,
        {
            "ballot": ballot.pk,
            "voter": user.pk,
            "seed": seed,
            "now": timezone.now(),
            "ids": [uuid4() for _ in order],
            "entries": list(order),
        },
    )
    by_entry = {showing.entry_id: showing for showing in shown}
    showings = {entry_id: by_entry[entry_id] for entry_id in order}
    voting = Voting(id=showings[order[0]].voting_id, ballot=ballot, voter=user, seed=seed)
    return played_after(voting, showings, [])


def _progress_of(*, work_item_id: UUID, user: User) -> Progress:
    """Read the user's voting and its log in one query. Who means to write has locked the work item before."""
    said = Vote.objects.filter(voting=OuterRef("voting")).order_by("sequence").values("answer")
    shown: list[Any] = list(
        Showing.objects.filter(voting__ballot_id=work_item_id, voting__voter=user)
        .select_related("voting__ballot")
        .annotate(log=ArraySubquery(said))
        .order_by("order")
    )
    log = [Answer(entry) if entry else None for entry in shown[0].log]
    return played_after(shown[0].voting, {showing.entry_id: showing for showing in shown}, log)
