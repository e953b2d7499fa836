import numpy as np
import pytest

from training_loop.evaluation.bootstrap import bootstrap_mean


def test_the_interval_holds_the_mean_and_is_the_same_for_a_seed():
    values = list(np.random.default_rng(0).normal(3.0, 1.0, 50))
    first, second, other = (bootstrap_mean(values, seed=seed, resamples=2000) for seed in (1, 1, 2))
    assert first == second != other
    assert first.low < np.mean(values) == first.mean < first.high
    # A normal mean: ± 1.96 σ / √n.
    assert (first.high - first.low) / 2 == pytest.approx(1.96 * np.std(values) / 50**0.5, rel=0.1)


def test_about_95_of_100_intervals_cover_the_truth():
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        estimate = bootstrap_mean(rng.exponential(1.0, 60), seed=0, resamples=500)
        covered += estimate.low <= 1.0 <= estimate.high
    assert 0.88 <= covered / 200 <= 0.99


def test_one_value_has_no_interval_and_none_has_no_mean():
    assert (bootstrap_mean([0.5]).low, bootstrap_mean([0.5]).mean) == (None, 0.5)
    assert bootstrap_mean([0.5, 0.5]).high == 0.5
    with pytest.raises(ValueError, match="no value"):
        bootstrap_mean([])
