"""Annotators err as often as they are told to."""

import itertools

import numpy as np
import pytest

from engine.selection.tournament import Answer
from scripts.miniature.oracle import Oracle, noise_for_agreement


def test_two_annotators_agree_as_often_as_asked():
    rng = np.random.default_rng(0)
    qualities = rng.beta(2, 5, size=(40, 8))
    noise = noise_for_agreement(qualities, 0.75)
    oracle = Oracle(noise, 0.0)
    same, asked = 0, 0
    for row in qualities:
        for left, right in itertools.combinations(row, 2):
            answers = [oracle.compare(left, right, rng) for _ in range(2)]
            if Answer.EQUAL not in answers:
                same, asked = same + (answers[0] == answers[1]), asked + 1
    assert same / asked == pytest.approx(0.75, abs=0.03)


def test_without_noise_the_best_wins_and_is_rated_by_its_quality():
    oracle, rng = Oracle(1e-9, 0.0), np.random.default_rng(0)
    for seed in range(5):
        assert oracle.tournament([0.1, 0.6, 0.3, 0.2], seed=seed, rng=rng).winner == 1
    assert oracle.rate(0.6, rng) == pytest.approx(0.6)


def test_candidates_that_are_all_alike_need_no_noise():
    assert noise_for_agreement(np.full((3, 4), 0.5), 0.75) == pytest.approx(1e-6)


def test_agreement_by_chance_is_picking_at_random():
    qualities = np.random.default_rng(0).beta(2, 5, size=(40, 8))
    noise = noise_for_agreement(qualities, 0.5)
    rng = np.random.default_rng(1)
    winners = [Oracle(noise, 0.0).tournament([0.1, 0.9], seed=seed, rng=rng).winner for seed in range(400)]
    assert np.mean(winners) == pytest.approx(0.5, abs=0.08)
