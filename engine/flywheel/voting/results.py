"""What an evaluation found: Elo with intervals, who beat whom, how far people agree. Published whatever comes out.

Source: paper D.2 and Figure 10.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Count, F, Q, Sum
from numpy.typing import NDArray

from engine.contracts.bradley_terry import Rating, Unconnected, ratings
from engine.flywheel.voting.models import Ballot, Contender, Entry, Evaluation, Showing, Vote
from engine.selection.tournament import Answer


@dataclass(frozen=True)
class Counted:
    """A vote that counts, with contenders by their place in the list."""

    item: UUID
    target: UUID
    voting: int
    left: int
    right: int
    answer: str
    duration_ms: int

    @property
    def winner(self) -> int | None:
        """Who was closer; None for neither."""
        if self.answer == Answer.EQUAL:
            return None
        return self.left if self.answer == Answer.LEFT else self.right


@dataclass(frozen=True)
class Agreement:
    """Pairs of contenders that two people compared on the same candidates, and on how many of these they agreed."""

    compared: int
    same: int

    @property
    def share(self) -> float | None:
        """None where no two people compared the same."""
        return self.same / self.compared if self.compared else None


def results(evaluation: Evaluation) -> dict[str, Any]:
    """All figures of an evaluation as JSON values. Votes count once their ballot is handed in.

    Four queries for an evaluation from `advancing`, which has its contenders with it.
    """
    contenders = sorted(evaluation.contenders.all(), key=lambda contender: contender.position)
    places = {contender.id: place for place, contender in enumerate(contenders)}
    votes = counted_votes(evaluation, places)
    wins, ties = tables(votes, count=len(contenders))
    rated, problem = _rate(wins, ties, contenders)
    entries = _entries(evaluation)
    ballots = Ballot.objects.filter(item__evaluation=evaluation).aggregate(
        wanted=Count("pk"), done=Count("pk", filter=Q(counted__isnull=False))
    )
    beaten, tied = wins.sum(axis=0), ties.sum(axis=0)
    strict = [vote for vote in votes if vote.winner is not None]
    agreement = agreement_of(votes)
    return {
        "final": evaluation.state == Evaluation.State.CLOSED,
        "vote_count": len(votes),
        "ballots_done": ballots["done"],
        "ballots_wanted": ballots["wanted"],
        "target_count": len({vote.target for vote in votes}),
        "problem": problem,
        "contenders": [
            {
                "name": contender.name,
                "generator": contender.generator,
                "model_version": contender.model_version and contender.model_version.name,
                "baseline": contender.baseline,
                "elo": rating and rating.elo,
                "elo_low": rating and rating.low,
                "elo_high": rating and rating.high,
                "rank": rating and rating.rank,
                "wins": int(beaten[place].sum()),
                "losses": int(beaten[:, place].sum()),
                "ties": int(tied[place].sum()),
                **entries.get(contender.id, {"made": 0, "failed": 0, "load_failures": 0}),
            }
            for place, (contender, rating) in enumerate(zip(contenders, rated, strict=True))
        ],
        "wins": beaten.astype(int).tolist(),
        "ties": tied.astype(int).tolist(),
        "agreement": {"compared": agreement.compared, "same": agreement.same, "share": agreement.share},
        "left_share": sum(vote.answer == Answer.LEFT for vote in strict) / len(strict) if strict else None,
        "median_vote_ms": int(np.median([vote.duration_ms for vote in votes])) if votes else None,
    }


def counted_votes(evaluation: Evaluation, places: dict[UUID, int]) -> list[Counted]:
    """Votes of ballots that were handed in, without those taken back and those of people who lost the lease."""
    rows = (
        Vote.objects.filter(
            voting__ballot__item__evaluation=evaluation,
            voting__ballot__counted=F("voting"),
            undoes=None,
            undone_by=None,
        )
        .order_by("id")
        .values_list(
            "voting__ballot__item_id",
            "voting__ballot__item__target_id",
            "voting_id",
            "left__contender_id",
            "right__contender_id",
            "answer",
            "duration_ms",
        )
    )
    return [
        Counted(item, target, voting, places[left], places[right], answer, duration_ms)
        for item, target, voting, left, right, answer, duration_ms in rows
    ]


def tables(votes: Iterable[Counted], *, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wins and ties by task, (T, C, C) each. A task is a target: its seeds and its voters depend on each other."""
    of_target: dict[UUID, int] = {}
    rows = [(of_target.setdefault(vote.target, len(of_target)), vote) for vote in votes]
    wins, ties = np.zeros((2, len(of_target), count, count))
    for task, vote in rows:
        if vote.winner is None:
            ties[task, vote.left, vote.right] += 1
            ties[task, vote.right, vote.left] += 1
        else:
            wins[task, vote.winner, vote.left + vote.right - vote.winner] += 1
    return wins, ties


def agreement_of(votes: Iterable[Counted]) -> Agreement:
    """How often two people who compared the same two candidates said the same of them."""
    said: dict[tuple[UUID, frozenset[int]], list[int | None]] = defaultdict(list)
    for vote in votes:
        said[vote.item, frozenset({vote.left, vote.right})].append(vote.winner)
    same: Counter[bool] = Counter(one == other for answers in said.values() for one, other in combinations(answers, 2))
    return Agreement(compared=same.total(), same=same[True])


def _rate(
    wins: NDArray[np.float64], ties: NDArray[np.float64], contenders: Sequence[Contender]
) -> tuple[Sequence[Rating | None], str]:
    """Ratings, or why there are none."""
    nothing: list[Rating | None] = [None] * len(contenders)
    if not len(wins):
        return nothing, "No ballot is handed in yet."
    baseline = next(place for place, contender in enumerate(contenders) if contender.baseline)
    try:
        return ratings(wins, ties, baseline=baseline), ""
    except Unconnected as refusal:
        groups = " | ".join(", ".join(contenders[place].name for place in group) for group in refusal.groups)
        return nothing, (
            f"No vote connects these groups, so nothing relates their ratings: {groups}. Wait for more votes; where "
            "the candidates of a contender all failed, register another evaluation without it."
        )


def _entries(evaluation: Evaluation) -> dict[UUID, dict[str, int]]:
    """What became of each contender's entries, and how often a page could not show one."""
    made = (
        Entry.objects.filter(item__evaluation=evaluation)
        .order_by()
        .values_list("contender_id")
        .annotate(
            made=Count("id", filter=Q(status=Entry.Status.SUCCEEDED)),
            failed=Count("id", filter=Q(status=Entry.Status.FAILED)),
        )
    )
    unseen = dict(
        Showing.objects.filter(entry__item__evaluation=evaluation, load_failures__gt=0)
        .order_by()
        .values_list("entry__contender_id")
        .annotate(Sum("load_failures"))
    )
    return {
        contender: {"made": good, "failed": bad, "load_failures": unseen.get(contender, 0)}
        for contender, good, bad in made
    }
