"""Elo from tables of wins and ties."""

import numpy as np
import pytest

from engine.contracts.bradley_terry import Unconnected, fit, ratings


def votes(strengths_elo, *, tasks: int, tie: float, seed: int):
    """One comparison of every two in each task, drawn from Davidson's model."""
    rng = np.random.default_rng(seed)
    worth = 10 ** (np.asarray(strengths_elo) / 400)
    count = len(worth)
    wins, ties = np.zeros((2, tasks, count, count))
    for i in range(count):
        for j in range(i + 1, count):
            odds = np.array([worth[i], worth[j], tie * np.sqrt(worth[i] * worth[j])])
            said = rng.choice(3, size=tasks, p=odds / odds.sum())
            wins[:, i, j], wins[:, j, i] = said == 0, said == 1
            ties[:, i, j] = ties[:, j, i] = said == 2
    return wins, ties


@pytest.mark.parametrize("ties", [0.0, 300.0, 20_000.0])
def test_ten_wins_to_one_loss_are_four_hundred_points_however_many_ties(ties):
    wins = np.array([[0.0, 1000.0], [10_000.0, 0.0]])
    tied = np.array([[0.0, ties], [ties, 0.0]])
    assert fit(wins, tied) == pytest.approx([0.0, 400.0], abs=0.2)
    assert fit(wins, tied, baseline=1) == pytest.approx([-400.0, 0.0], abs=0.2)


def test_three_that_beat_each_other_in_a_circle_are_equal():
    assert fit(np.array([[0.0, 7, 0], [0, 0, 7], [7, 0, 0]])) == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)


def test_a_chain_adds_up():
    """A and C never met: 10:1 and 10:1 make 100:1."""
    wins = np.array([[0.0, 1e4, 0.0], [1e5, 0.0, 1e4], [0.0, 1e5, 0.0]])
    assert fit(wins) == pytest.approx([0.0, 400.0, 800.0], abs=0.1)


def test_the_score_of_each_is_what_the_model_expects_of_it():
    """The likelihood's own equations (with the half pseudo-win either way), checked without the fitting code."""
    wins = np.array([[0.0, 12, 3], [5, 0, 9], [20, 4, 0]])
    pi = 10 ** (fit(wins) / 400)
    table = wins + 0.5 * (1 - np.eye(3))
    games = table + table.T
    expected = (games * pi[:, None] / (pi[:, None] + pi[None, :])).sum(axis=1)
    assert table.sum(axis=1) == pytest.approx(expected, rel=1e-8)


def test_a_clean_sheet_is_finite_and_grows_with_its_length():
    short, long = (fit(np.array([[0.0, 0.0], [games, 0.0]]))[1] for games in (5.0, 50.0))
    assert short == pytest.approx(400 * np.log10(5.5 / 0.5), abs=1e-6)
    assert short < long < 1000


def test_known_strengths_are_found_again():
    truth = [0.0, 120.0, 300.0, -200.0]
    wins, ties = votes(truth, tasks=6000, tie=0.6, seed=3)
    assert fit(wins.sum(axis=0), ties.sum(axis=0)) == pytest.approx(truth, abs=15)


def test_ties_are_no_wins():
    wins, ties = votes([0.0, 200.0], tasks=20_000, tie=1.5, seed=4)
    assert fit(wins.sum(axis=0), ties.sum(axis=0))[1] == pytest.approx(200.0, abs=12)
    assert fit(wins.sum(axis=0) + ties.sum(axis=0) / 2)[1] < 150  # half a win each draws everybody together


def test_intervals_hold_the_truth_as_often_as_they_say():
    truth = np.array([0.0, 100.0, -150.0])
    inside = []
    for seed in range(150):
        rated = ratings(*votes(truth, tasks=80, tie=0.5, seed=seed), resamples=200, seed=seed)
        inside += [rating.low <= elo <= rating.high for rating, elo in zip(rated[1:], truth[1:], strict=True)]
    assert 0.90 <= np.mean(inside) <= 0.985


def test_votes_of_one_task_count_as_one():
    """Ten voters who say the same of each target are no better evidence than one of them."""
    wins, ties = votes([0.0, 80.0], tasks=100, tie=0.3, seed=8)
    once, often = ratings(wins, ties)[1], ratings(10 * wins, 10 * ties)[1]
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.05)


def test_intervals_narrow_with_tasks_and_are_reproducible():
    few, many = (ratings(*votes([0.0, 80.0], tasks=tasks, tie=0.3, seed=5))[1] for tasks in (40, 4000))
    assert few.low < few.elo < few.high
    assert many.high - many.low < 0.2 * (few.high - few.low)
    wins, ties = votes([0.0, 80.0], tasks=40, tie=0.3, seed=5)
    assert ratings(wins, ties, seed=1) == ratings(wins, ties, seed=1)


def test_the_baseline_stands_at_zero_without_an_interval():
    rated = ratings(*votes([0.0, 80.0, 40.0], tasks=100, tie=0.3, seed=6), baseline=1)[1]
    assert (rated.elo, rated.low, rated.high) == (0.0, 0.0, 0.0)


def test_who_cannot_be_told_apart_shares_a_rank():
    rated = ratings(*votes([0.0, 600.0, 610.0, -500.0], tasks=200, tie=0.3, seed=7))
    assert [rating.rank for rating in rated] == [3, 1, 1, 4]


def test_ranks_do_not_depend_on_the_baseline():
    """The baseline's own interval is a point: compared with it, ranks would put the weak beside the strong."""
    wins, ties = votes([0.0, 180.0, 260.0, -150.0], tasks=30, tie=0.3, seed=7)
    ranks = [[rating.rank for rating in ratings(wins, ties, baseline=baseline)] for baseline in range(4)]
    assert ranks[0] == ranks[1] == ranks[2] == ranks[3]
    assert ranks[0][2] == 1
    assert ranks[0][3] == max(ranks[0])


def test_groups_that_never_met_are_refused_and_named():
    wins = np.zeros((4, 4))
    wins[0, 2], wins[3, 1] = 5, 5
    with pytest.raises(Unconnected, match=r"\[0, 2\], \[1, 3\]") as refusal:
        fit(wins)
    assert refusal.value.groups == ((0, 2), (1, 3))
    with pytest.raises(Unconnected):
        ratings(wins[None])


@pytest.mark.parametrize("shape", [(3, 3), (5, 3, 2)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="expected wins of shape"):
        ratings(np.zeros(shape))
