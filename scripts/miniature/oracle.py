"""Annotators who see the truth through noise: comparisons that two of them agree on so often, and ratings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from engine.selection.tournament import Answer, Standing, play

EQUAL_MARGIN = 0.003
WIDEST_NOISE = 10.0


@dataclass(frozen=True)
class Oracle:
    """`choice_noise` is the standard deviation added to the difference of two qualities, `rating_noise` to a rating."""

    choice_noise: float
    rating_noise: float

    def tournament(self, qualities: Sequence[float], *, seed: int, rng: np.random.Generator) -> Standing[int]:
        """Play the engine's stay-on tournament among candidates 0 … N - 1 to its end."""
        answers: list[Answer] = []
        standing = play(candidates=range(len(qualities)), seed=seed, answers=answers)
        while standing.pair is not None:
            answers.append(self.compare(qualities[standing.pair.left], qualities[standing.pair.right], rng))
            standing = play(candidates=range(len(qualities)), seed=seed, answers=answers)
        return standing

    def compare(self, left: float, right: float, rng: np.random.Generator) -> Answer:
        """Answer one comparison."""
        felt = left - right + rng.normal(0.0, self.choice_noise)
        if abs(felt) < EQUAL_MARGIN:
            return Answer.EQUAL
        return Answer.LEFT if felt > 0 else Answer.RIGHT

    def rate(self, quality: float, rng: np.random.Generator) -> float:
        """Rating in [0, 1] by the metric itself."""
        return float(np.clip(quality + rng.normal(0.0, self.rating_noise), 0.0, 1.0))


def noise_for_agreement(qualities: NDArray[np.float64], agreement: float) -> float:
    """The noise at which two annotators agree so often on pairs of candidates of one target.

    Args:
        qualities: (targets, N). agreement: in (0.5, 1).

    With noise σ an answer is `left` with p = Φ(δ / σ), and two of them are the same with p² + (1 - p)². Coin tosses
    agree on half; for no more than that the noise is the widest.
    """
    first, second = np.triu_indices(qualities.shape[1], 1)
    difference = np.abs(qualities[:, first] - qualities[:, second]).reshape(-1)

    def excess(noise: float) -> float:
        p = norm.cdf(difference / noise)
        return float((p**2 + (1 - p) ** 2).mean() - agreement)

    if excess(1e-6) <= 0:  # candidates so alike that no noise is needed to disagree
        return 1e-6
    if excess(WIDEST_NOISE) >= 0:
        return WIDEST_NOISE
    return float(brentq(excess, 1e-6, WIDEST_NOISE))
