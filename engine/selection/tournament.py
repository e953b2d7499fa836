"""The stay-on tournament as a pure function: candidates, a seed and the answers in, the whole state out.

Candidates appear in a random order. The first two meet; the one that is picked stays on and meets the next, until
every candidate was shown: N candidates take N - 1 rounds. After "equal" a coin decides which one stays.

Every random choice is a digest of the seed and of what it decides, so a tournament can be replayed years later, on
any machine, from the seed and the answers alone; taking an answer back and giving it again leads to the same place.

Source: paper A.2, "Stage 2 Selection procedure".
"""

import hashlib
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

C = TypeVar("C", bound=Hashable)

SEED_BITS = 63  # A seed fits PostgreSQL's bigint.


class Answer(StrEnum):
    """The three choices: left is better, right is better, equal quality."""

    LEFT = "left"
    RIGHT = "right"
    EQUAL = "equal"


class TournamentError(ValueError):
    """Candidates or answers that no tournament can have."""


@dataclass(frozen=True)
class Pair(Generic[C]):
    """Two candidates as they are shown."""

    left: C
    right: C


@dataclass(frozen=True)
class Comparison(Generic[C]):
    """One answered pair. `coin_seed` is set where the answer is equal; its parity decides which side stays."""

    left: C
    right: C
    answer: Answer
    stayed: C
    coin_seed: int | None = None

    @property
    def left_over(self) -> C:
        """The candidate that went."""
        return self.right if self.stayed == self.left else self.left


@dataclass(frozen=True)
class Standing(Generic[C]):
    """Where a tournament stands after some answers.

    Attributes:
        order: all candidates in their order of appearance.
        comparisons: what was answered, in order.
        pair: what is to be compared now; None once every candidate was shown.
        winner: the candidate that stayed to the end; None before.
    """

    order: tuple[C, ...]
    comparisons: tuple[Comparison[C], ...]
    pair: Pair[C] | None
    winner: C | None

    @property
    def rounds(self) -> int:
        """Comparisons from start to end: one less than there are candidates."""
        return len(self.order) - 1

    @property
    def round(self) -> int:
        """Number of the pair on show, from 1; stays at `rounds` once finished."""
        return min(len(self.comparisons) + 1, self.rounds)


@dataclass(frozen=True)
class RoundLayout:
    """What the seed settles about a round before anybody answers.

    Attributes:
        staying_side: where the candidate that stayed on stands (in the first round: the first in order), `left` or
            `right`.
        kept_if_equal: the side that stays after "equal".
    """

    staying_side: Answer
    kept_if_equal: Answer


@dataclass(frozen=True)
class Replayed:
    """The answers that stand after a log, and those taken back that can be given again, the next one last."""

    standing: tuple[Answer, ...]
    taken_back: tuple[Answer, ...]


@dataclass(frozen=True)
class PreferencePairs(Generic[C]):
    """Winner-loser pairs. No pair is in both: `direct` was compared, `inferred` never met."""

    direct: tuple[tuple[C, C], ...]
    inferred: tuple[tuple[C, C], ...]


def play(*, candidates: Collection[C], seed: int, answers: Sequence[Answer]) -> Standing[C]:
    """Play a tournament among `candidates` (their given order does not matter) up to the last of `answers`.

    Raises:
        TournamentError: fewer than two different candidates, or more answers than rounds.
    """
    if len(set(candidates)) != len(candidates) or len(candidates) < 2:
        raise TournamentError(f"a tournament needs at least two different candidates, got {list(candidates)}")
    order = tuple(sorted(candidates, key=lambda candidate: _draw(seed, "order", candidate)))
    if len(answers) > len(order) - 1:
        raise TournamentError(f"{len(order)} candidates take {len(order) - 1} comparisons, got {len(answers)} answers")
    staying = order[0]
    comparisons: list[Comparison[C]] = []
    for round_number, (challenger, answer) in enumerate(zip(order[1:], answers, strict=False), start=1):
        comparison = _compare(_sides(staying, challenger, seed, round_number), answer, seed, round_number)
        comparisons.append(comparison)
        staying = comparison.stayed
    shown = len(comparisons) + 1
    finished = shown == len(order)
    return Standing(
        order=order,
        comparisons=tuple(comparisons),
        pair=None if finished else _sides(staying, order[shown], seed, shown),
        winner=staying if finished else None,
    )


def round_layouts(*, seed: int, rounds: int) -> tuple[RoundLayout, ...]:
    """Return how each round will be laid out. With these, whoever knows the order can play without the seed."""
    return tuple(
        RoundLayout(staying_side=_staying_side(seed, number), kept_if_equal=_side_of_coin(_coin_seed(seed, number)))
        for number in range(1, rounds + 1)
    )


def replay(log: Sequence[Answer | None]) -> Replayed:
    """Read a log in which None takes back the last standing answer.

    An answer that repeats what was taken back there last gives it again: those taken back before it wait still.
    Another answer leads elsewhere, and they are forgotten.

    Raises:
        TournamentError: the log takes back an answer where none stands.
    """
    standing: list[Answer] = []
    taken_back: list[Answer] = []
    for entry in log:
        if entry is None:
            if not standing:
                raise TournamentError("the log takes back an answer where none stands")
            taken_back.append(standing.pop())
        else:
            standing.append(entry)
            taken_back = taken_back[:-1] if taken_back[-1:] == [entry] else []
    return Replayed(standing=tuple(standing), taken_back=tuple(taken_back))


def preference_pairs(
    *, candidates: Iterable[C], comparisons: Sequence[Comparison[C]], winner: C | None
) -> PreferencePairs[C]:
    """Return what standing `comparisons` say about pairs of candidates, as (winner, loser).

    Direct pairs come from strict answers alone: an "equal" says nothing, whatever the coin did. Inferred pairs put the
    tournament's winner over every candidate that it never met; they need a finished tournament (`winner` not None).
    A candidate that the winner met and equalled is in neither.
    """
    strict = [comparison for comparison in comparisons if comparison.answer is not Answer.EQUAL]
    direct = tuple((comparison.stayed, comparison.left_over) for comparison in strict)
    if winner is None:
        return PreferencePairs(direct=direct, inferred=())
    met = {winner}
    for comparison in comparisons:
        if winner in (comparison.left, comparison.right):
            met |= {comparison.left, comparison.right}
    return PreferencePairs(
        direct=direct, inferred=tuple((winner, candidate) for candidate in candidates if candidate not in met)
    )


def _compare(pair: Pair[C], answer: Answer, seed: int, round_number: int) -> Comparison[C]:
    coin_seed = _coin_seed(seed, round_number) if answer is Answer.EQUAL else None
    stays = answer if coin_seed is None else _side_of_coin(coin_seed)
    stayed = pair.left if stays is Answer.LEFT else pair.right
    return Comparison(left=pair.left, right=pair.right, answer=answer, stayed=stayed, coin_seed=coin_seed)


def _sides(staying: C, challenger: C, seed: int, round_number: int) -> Pair[C]:
    if _staying_side(seed, round_number) is Answer.LEFT:
        return Pair(left=staying, right=challenger)
    return Pair(left=challenger, right=staying)


def _staying_side(seed: int, round_number: int) -> Answer:
    return Answer.LEFT if _draw(seed, "sides", round_number) % 2 == 0 else Answer.RIGHT


def _coin_seed(seed: int, round_number: int) -> int:
    return _draw(seed, "coin", round_number)


def _side_of_coin(coin_seed: int) -> Answer:
    return Answer.LEFT if coin_seed % 2 == 0 else Answer.RIGHT


def _draw(seed: int, purpose: str, what: object) -> int:
    """Return a uniform integer of SEED_BITS bits that depends on nothing but the arguments."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{what}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - SEED_BITS)
