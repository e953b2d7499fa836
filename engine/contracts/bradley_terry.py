"""Elo from blind comparisons: a Bradley–Terry fit with ties, and intervals from the bootstrap over tasks.

Davidson's model: i beats j, j beats i, and neither, with odds `π_i : π_j : ν √(π_i π_j)`. Elo is `400 log10 π` relative
to a baseline, so 400 points are ten wins to one loss however often people call both equal. All comparisons are fitted
at once: their order does not matter, nor does it bias the fit that the winner of one meets the next.

Votes inside one task depend on each other, so whole tasks are drawn again and not single votes.

Source: paper Figure 10 (400 points are 10:1 odds in a preference test); Davidson 1970; Bradley and Terry 1952.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]

ELO_PER_NAT = 400 / np.log(10)
RESAMPLES = 1000
PSEUDO_WINS = 0.5  # either way, for any two that met: a clean sheet stays finite
MOST_STEPS = 200
LONGEST_STEP_NATS = 2.0
TOLERANCE_NATS = 1e-10


class Unconnected(ValueError):
    """Contenders fall into groups that never met: nothing relates a rating in one group to one in another.

    Attributes:
        groups: the indices of each group.
    """

    def __init__(self, groups: Sequence[Sequence[int]]) -> None:
        super().__init__(f"no comparison connects the groups {', '.join(str(list(group)) for group in groups)}")
        self.groups = tuple(tuple(group) for group in groups)


@dataclass(frozen=True)
class Rating:
    """Elo relative to the baseline, and its 95 % interval.

    `rank` is one more than the number of those whose lower bound exceeds this one's upper bound: who cannot be told
    apart shares a rank. For ranks, Elo is measured from the mean of all, so that they do not depend on the baseline.
    """

    elo: float
    low: float
    high: float
    rank: int


def ratings(
    wins: Table, ties: Table | None = None, *, baseline: int = 0, resamples: int = RESAMPLES, seed: int = 0
) -> list[Rating]:
    """Rate C contenders from T tasks.

    Args:
        wins: (T, C, C), how often row beat column in each task.
        ties: (T, C, C) symmetric, how often neither did; none where a tie counts as half a win in `wins`.
        baseline: which one has Elo 0.
        seed: of the bootstrap.

    Raises:
        Unconnected: some never met, not even through others.
        ValueError: a shape is not the expected one.
    """
    if wins.ndim != 3 or wins.shape[1] != wins.shape[2]:
        raise ValueError(f"expected wins of shape (T, C, C), got {wins.shape}")
    ties = np.zeros_like(wins) if ties is None else ties
    if ties.shape != wins.shape or not np.array_equal(ties, np.swapaxes(ties, 1, 2)):
        raise ValueError(f"expected symmetric ties of shape {wins.shape}, got {ties.shape}")
    tasks, count, _ = wins.shape
    fitted = fit(wins.sum(axis=0), ties.sum(axis=0), baseline=baseline)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(tasks, np.full(tasks, 1 / tasks), size=resamples).astype(np.float64)
    resampled = _fit(
        (drawn @ wins.reshape(tasks, -1)).reshape(-1, count, count),
        (drawn @ ties.reshape(tasks, -1)).reshape(-1, count, count),
        met=_met(wins.sum(axis=0) + ties.sum(axis=0)),  # what a draw leaves out did meet all the same
        with_ties=bool(ties.any()),
        baseline=baseline,
    )
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    least, most = np.percentile(resampled - resampled.mean(axis=1, keepdims=True), [2.5, 97.5], axis=0)
    return [
        Rating(float(fitted[index]), float(low[index]), float(high[index]), 1 + int((least > most[index]).sum()))
        for index in range(count)
    ]


def fit(wins: Table, ties: Table | None = None, *, baseline: int = 0) -> Table:
    """Elo (C,) of one table of wins (C, C), 0 for the baseline; see `ratings`.

    Raises:
        Unconnected: some never met, not even through others.
    """
    ties = np.zeros_like(wins) if ties is None else ties
    met = _met(wins + ties)
    groups = _groups(met)
    if len(groups) > 1:
        raise Unconnected(groups)
    return np.asarray(_fit(wins[None], ties[None], met=met, with_ties=bool(ties.any()), baseline=baseline)[0])


def _fit(wins: Table, ties: Table, *, met: NDArray[np.bool_], with_ties: bool, baseline: int) -> Table:
    """Elo (B, C) of many tables (B, C, C): Newton's method on the concave log likelihood.

    With x = (θ, η), θ = log π and η = log ν, the log odds of the outcomes of a pair are linear in x:
    `θ_i, θ_j, η + (θ_i + θ_j) / 2`. `meanings` holds these rows, (P, outcomes, K).
    """
    count = wins.shape[-1]
    one, other = np.nonzero(np.triu(met, 1))
    said = [wins[:, one, other] + PSEUDO_WINS, wins[:, other, one] + PSEUDO_WINS]
    identity = np.eye(count + 1)
    rows = [identity[one], identity[other]]
    if with_ties:
        said.append(ties[:, one, other] + PSEUDO_WINS / len(one))
        rows.append((identity[one] + identity[other]) / 2 + identity[count])
    # The baseline's θ is 0, and without ties there is no η.
    free = [index for index in range(count + with_ties) if index != baseline]
    meanings = np.stack(rows, axis=1)[:, :, free]
    counts = np.stack(said, axis=-1)  # (B, P, outcomes)
    games = counts.sum(axis=-1, keepdims=True)
    squares = np.einsum("poi,poj->poij", meanings, meanings)

    x = np.zeros((len(wins), len(free)))
    for _ in range(MOST_STEPS):
        logits = x @ meanings.reshape(-1, len(free)).T
        odds = np.exp(logits.reshape(counts.shape) - logits.reshape(counts.shape).max(axis=-1, keepdims=True))
        expected = games * odds / odds.sum(axis=-1, keepdims=True)
        slope = np.tensordot(counts - expected, meanings, axes=([1, 2], [0, 1]))
        means = np.einsum("bpo,poi->bpi", expected, meanings) / np.sqrt(games)
        curvature = np.tensordot(expected, squares, axes=([1, 2], [0, 1])) - np.swapaxes(means, 1, 2) @ means
        step = np.linalg.solve(curvature, slope[..., None])[..., 0]
        x += step * np.minimum(1.0, LONGEST_STEP_NATS / np.maximum(np.abs(step).max(axis=-1, keepdims=True), 1e-300))
        if np.abs(step).max(initial=0.0) < TOLERANCE_NATS:
            break
    strengths = np.zeros((len(wins), count))
    strengths[:, [index for index in free if index < count]] = x[:, : count - 1]
    return np.asarray(ELO_PER_NAT * strengths)


def _met(games: Table) -> NDArray[np.bool_]:
    return np.asarray((games + games.T) > 0)


def _groups(met: NDArray[np.bool_]) -> list[list[int]]:
    """Contenders that met, directly or through others."""
    groups: list[list[int]] = []
    left = set(range(len(met)))
    while left:
        group, frontier = set[int](), {min(left)}
        while frontier:
            group |= frontier
            frontier = {int(index) for index in np.nonzero(met[sorted(frontier)].any(axis=0))[0]} - group
        groups.append(sorted(group))
        left -= group
    return groups
