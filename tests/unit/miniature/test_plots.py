"""Ticks of the miniature's plots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.miniature.plots import Point, nice_ticks, plot


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(0.0, 104.0, [0, 50, 100, 150]), (0.13, 0.47, [0.1, 0.2, 0.3, 0.4, 0.5])]
)
def test_ticks_are_round(low, high, ticks):
    assert nice_ticks(low, high) == pytest.approx(ticks)


@given(st.floats(-1e4, 1e4), st.floats(0, 1e4))
def test_ticks_hold_the_values_between_them(low, spread):
    ticks = nice_ticks(low, low + spread)
    assert ticks[0] <= low + 1e-9
    assert ticks[-1] >= low + spread - 1e-9
    assert 2 <= len(ticks) <= 8


def test_every_line_is_named():
    picture = plot("Elo", {"N = 8": [Point(0, 0, 0), Point(9, 4, 15)], "no DPO": [Point(0, 0, 0)]}, ".0f")
    assert picture.count("<polyline") == 2
    assert "no DPO</text>" in picture
