"""How fallible a scripted person is."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Temperament:
    """Noise and habits.

    Attributes:
        choice_noise: standard deviation added to the difference of two likenesses before choosing. The default makes
            two people agree on about 75 % of comparisons of the demo's candidates (paper: human agreement below 75 %).
        equal_margin: differences smaller than this are called equal.
        rating_noise: standard deviation added to a rating.
        skip_share: share of tasks given back with a reason.
        lapse_share: share of tasks walked away from, so that their lease expires.
        seconds_per_answer: thinking time.
    """

    choice_noise: float = 0.06
    equal_margin: float = 0.01
    rating_noise: float = 0.07
    skip_share: float = 0.04
    lapse_share: float = 0.03
    seconds_per_answer: float = 0.0


def choose(*, left: float, right: float, temperament: Temperament, dice: random.Random) -> str:
    """Answer one comparison by two likenesses in [0, 1]: `left`, `right` or `equal`."""
    felt = left - right + dice.gauss(0.0, temperament.choice_noise)
    if abs(felt) < temperament.equal_margin:
        return "equal"
    return "left" if felt > 0 else "right"


def rate(likeness: float, *, temperament: Temperament, dice: random.Random) -> float:
    """Rating in [0, 1] of a mesh by its likeness (a shape's IoU in its best view): 0.45 is worthless, 0.95 faithful."""
    felt = (likeness - 0.45) / 0.5 + dice.gauss(0.0, temperament.rating_noise)
    return round(min(1.0, max(0.0, felt)), 3)
