"""Elo of checkpoints from blind comparisons: a Bradley–Terry fit, with intervals from the bootstrap over targets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SCALE = 400 / np.log(10)
ROUNDS = 200
RESAMPLES = 300


@dataclass(frozen=True)
class Rating:
    """Elo relative to the first checkpoint, with its 95 % interval."""

    elo: float
    low: float
    high: float


def ratings(wins: NDArray[np.float64], *, seed: int = 0) -> list[Rating]:
    """Rate C checkpoints.

    Args:
        wins: (targets, C, C), how often row beat column for each target; half a win each for "equal".
    """
    rng = np.random.default_rng(seed)
    fitted = fit(wins.sum(axis=0))
    chosen = rng.integers(len(wins), size=(RESAMPLES, len(wins)))
    resampled = fit(np.stack([wins[rows].sum(axis=0) for rows in chosen]))
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    return [Rating(float(e), float(a), float(b)) for e, a, b in zip(fitted, low, high, strict=True)]


def fit(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Elo (..., C) of tables of wins (..., C, C), 0 for the first.

    Half a pseudo-win either way keeps a clean sheet finite.
    """
    table = wins + 0.5 * (1 - np.eye(wins.shape[-1]))
    games = table + np.swapaxes(table, -1, -2)
    won, strength = table.sum(axis=-1), np.ones(wins.shape[:-1])
    for _ in range(ROUNDS):
        expected = (games / (strength[..., :, None] + strength[..., None, :])).sum(axis=-1)
        strength = won / expected
        strength /= strength[..., :1]
    return np.asarray(SCALE * np.log(strength))
