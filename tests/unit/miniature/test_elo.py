"""Elo from tables of wins."""

import numpy as np
import pytest

from scripts.miniature.elo import fit, ratings


def test_ten_to_one_is_four_hundred_points():
    wins = np.array([[0.0, 1000.0], [10_000.0, 0.0]])
    assert fit(wins) == pytest.approx([0.0, 400.0], abs=1.0)


def test_equals_are_equal():
    assert fit(np.full((3, 3), 50.0) * (1 - np.eye(3))) == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)


def test_intervals_hold_the_estimate_and_narrow_with_targets():
    def found(targets):
        won = np.random.default_rng(1).random(targets) < 0.7
        wins = np.zeros((targets, 2, 2))
        wins[:, 1, 0], wins[:, 0, 1] = won, ~won
        return ratings(wins)[1]

    few, many = found(40), found(4000)
    assert few.low < few.elo < few.high
    assert many.high - many.low < 0.3 * (few.high - few.low)
    assert many.elo == pytest.approx(400 * np.log10(0.7 / 0.3), abs=20)
