"""A tournament as far as it was played, from the rows that were stored: pure, for whichever tables hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from engine.selection.tournament import Answer, Pair, RoundLayout, Standing, play, replay, round_layouts

P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Played(Generic[P, T]):
    """How far one person's tournament is, in terms of what this person was shown.

    P is what one candidate was shown as, with an `id`; T is the tournament, with its `seed`. Selections and evaluations
    have tables of their own for these.

    Attributes:
        presentations: by candidate id, in order of appearance.
        taken_back: answers that can be given again as they were, the next one last.
        log: everything that was said, in order; None where an answer was taken back.
    """

    presentations: dict[UUID, P]
    standing: Standing[UUID]
    taken_back: tuple[Answer, ...]
    log: tuple[Answer | None, ...]
    tournament: T

    @property
    def pair(self) -> Pair[UUID] | None:
        """Presentation ids to compare now."""
        pair = self.standing.pair
        return pair and Pair(left=self._shown_as(pair.left), right=self._shown_as(pair.right))

    @property
    def winner(self) -> UUID | None:
        """Presentation id of the winner, once every candidate was shown."""
        return self._shown_as(self.standing.winner) if self.standing.winner else None

    @property
    def answers(self) -> list[Answer]:
        """What stands."""
        return [comparison.answer for comparison in self.standing.comparisons]

    @property
    def layouts(self) -> tuple[RoundLayout, ...]:
        """How each round is laid out."""
        tournament: Any = self.tournament
        return round_layouts(seed=tournament.seed, rounds=self.standing.rounds)

    @property
    def phase(self) -> str:
        """`compare`, then `rate`."""
        return "rate" if self.standing.winner else "compare"

    def _shown_as(self, candidate: UUID) -> UUID:
        shown: Any = self.presentations[candidate]
        identity: UUID = shown.id
        return identity


def played_after(tournament: T, presentations: dict[UUID, P], log: Sequence[Answer | None]) -> Played[P, T]:
    """Play what was said, in order; None where an answer was taken back."""
    said = replay(log)
    seeded: Any = tournament
    return Played(
        presentations=presentations,
        standing=play(candidates=list(presentations), seed=seeded.seed, answers=said.standing),
        taken_back=said.taken_back,
        log=tuple(log),
        tournament=tournament,
    )
