"""Lines over iterations with bars, as SVG."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

WIDTH_PX, HEIGHT_PX, LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 640, 320, 48, 168, 40, 44
COLOURS = ("#3b6fb6", "#c2553b", "#3f8f5b", "#8a5fb0", "#b58a2a", "#5a5a5a", "#c05a8e", "#2a8a9a", "#8a6a4a")
TICKS = 5


class Point(NamedTuple):
    """A value and the ends of its bar."""

    value: float
    low: float
    high: float


def plot(title: str, lines: Mapping[str, Sequence[Point]], form: str) -> str:
    """One line for each name; iteration 0, the base, at the left. `form` is the format of the values."""
    ends = [end for line in lines.values() for point in line for end in (point.low, point.high)]
    ticks = nice_ticks(min(ends), max(ends))
    longest = max(len(line) for line in lines.values())

    def x(index: int) -> float:
        return LEFT_PX + (WIDTH_PX - LEFT_PX - RIGHT_PX) * index / max(longest - 1, 1)

    def y(value: float) -> float:
        share = (value - ticks[0]) / (ticks[-1] - ticks[0])
        return float(HEIGHT_PX - BOTTOM_PX - (HEIGHT_PX - TOP_PX - BOTTOM_PX) * share)

    parts = [f'<text x="{LEFT_PX}" y="20" font-weight="bold">{title}</text>']
    for tick in ticks:
        parts.append(f'<line x1="{x(0)}" x2="{x(longest - 1)}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT_PX - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:{form}}</text>')
    for index in range(longest):
        parts.append(f'<text x="{x(index):.1f}" y="{HEIGHT_PX - BOTTOM_PX + 18}" text-anchor="middle">{index}</text>')
    parts.append(f'<text x="{x(0)}" y="{HEIGHT_PX - 8}">iteration (0: the base)</text>')
    # Names stand in the order in which the lines end.
    ranks = {name: rank for rank, name in enumerate(sorted(lines, key=lambda name: -lines[name][-1].value))}
    for number, (name, line) in enumerate(lines.items()):
        # Bars beside each other, not on top of each other.
        colour, aside = COLOURS[number % len(COLOURS)], 2.0 * (number - (len(lines) - 1) / 2)
        path = " ".join(f"{x(i) + aside:.1f},{y(point.value):.1f}" for i, point in enumerate(line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        for index, point in enumerate(line):
            at = f'x1="{x(index) + aside:.1f}" x2="{x(index) + aside:.1f}"'
            parts.append(f'<line {at} y1="{y(point.low):.1f}" y2="{y(point.high):.1f}" stroke="{colour}"/>')
        at = f'x="{WIDTH_PX - RIGHT_PX + 16}" y="{TOP_PX + 16 * ranks[name]}"'
        parts.append(f'<text {at} fill="{colour}">{name}</text>')
    size = f'width="{WIDTH_PX}" height="{HEIGHT_PX}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
        f'<rect {size} fill="white"/>{"".join(parts)}</svg>\n'
    )


def nice_ticks(low: float, high: float) -> list[float]:
    """Some five round values that hold both ends between them."""
    rough = max(high - low, 1e-3) / TICKS
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough))
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))
    return [step * number for number in range(first, max(last, first + 1) + 1)]
