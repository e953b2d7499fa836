"""Means with bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A mean over `count` samples with its interval; `low` and `high` are None for fewer than two samples."""

    mean: float
    low: float | None
    high: float | None
    count: int


def bootstrap_mean(
    values: Sequence[float], *, seed: int = 0, level: float = 0.95, resamples: int = RESAMPLES
) -> Estimate:
    """Percentile interval of the mean: samples are drawn again with replacement; the same seed gives the same interval.

    Raises:
        ValueError: no values.
    """
    if not len(values):
        raise ValueError("there is no value to take the mean of")
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Estimate(mean, None, None, len(array))
    rng = np.random.default_rng(seed)
    # In blocks, so that a thousand samples take no more memory than ten.
    block = max(1, 2_000_000 // len(array))
    means = np.concatenate(
        [
            array[rng.integers(len(array), size=(min(block, resamples - start), len(array)))].mean(axis=1)
            for start in range(0, resamples, block)
        ]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(mean, float(low), float(high), len(array))
