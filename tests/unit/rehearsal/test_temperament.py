"""People are fallible by as much as they are told to be."""

import random

import pytest

from engine.rehearsal.temperament import Temperament, choose, rate


def agreement(temperament: Temperament, *, gap: float) -> float:
    first, second = random.Random(1), random.Random(2)
    same = [
        choose(left=0.7 + gap, right=0.7, temperament=temperament, dice=first)
        == choose(left=0.7 + gap, right=0.7, temperament=temperament, dice=second)
        for _ in range(2000)
    ]
    return sum(same) / len(same)


def test_without_noise_two_people_always_agree_and_pick_the_better_one() -> None:
    exact = Temperament(choice_noise=0.0)
    assert agreement(exact, gap=0.05) == 1.0
    assert choose(left=0.6, right=0.7, temperament=exact, dice=random.Random(0)) == "right"
    assert choose(left=0.700, right=0.705, temperament=exact, dice=random.Random(0)) == "equal"


def test_agreement_falls_with_noise_and_rises_with_the_gap() -> None:
    calm, noisy = Temperament(choice_noise=0.03), Temperament(choice_noise=0.12)
    assert agreement(calm, gap=0.08) > agreement(noisy, gap=0.08) + 0.15
    assert agreement(noisy, gap=0.3) > agreement(noisy, gap=0.05) + 0.1


@pytest.mark.parametrize(("iou", "expected"), [(0.2, 0.0), (0.45, 0.0), (0.7, 0.5), (0.95, 1.0), (1.0, 1.0)])
def test_ratings_follow_the_iou_and_stay_in_range(iou: float, expected: float) -> None:
    exact = Temperament(rating_noise=0.0)
    assert rate(iou, temperament=exact, dice=random.Random(0)) == pytest.approx(expected)
