"""Wilson's interval, against scipy's."""

import pytest
from scipy import stats

from engine.workforce.agreement import Agreed, wilson


@pytest.mark.parametrize(("agreeing", "compared"), [(3, 4), (75, 100), (0, 10), (10, 10), (1, 1), (412, 1000)])
def test_the_interval_is_that_of_scipy(agreeing: int, compared: int) -> None:
    known = stats.binomtest(agreeing, compared).proportion_ci(0.95, method="wilson")
    interval = wilson(agreeing=agreeing, compared=compared)
    assert (interval.low, interval.high) == pytest.approx((known.low, known.high), abs=1e-12)


def test_three_of_four_may_be_nearly_anything() -> None:
    interval = wilson(agreeing=3, compared=4)
    assert (interval.low, interval.high) == pytest.approx((0.3006, 0.9544), abs=1e-4)


def test_more_comparisons_say_more() -> None:
    widths = [
        interval.high - interval.low for interval in (wilson(agreeing=3 * n, compared=4 * n) for n in (1, 5, 25, 125))
    ]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("agreeing", "compared"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_is_refused(agreeing: int, compared: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        wilson(agreeing=agreeing, compared=compared)


def test_few_comparisons_are_too_few() -> None:
    assert not Agreed(stage="mask", purpose="gold", compared=9, agreeing=9).enough
    assert Agreed(stage="mask", purpose="gold", compared=10, agreeing=9).enough
