"""Draw the curves of training logs (JSON lines) as SVG: one panel for each figure, steps of all stages in a row.

python scripts/plot_curves.py curves.svg runs/mini/steps.jsonl --figures shape rotation
"""

import argparse
import itertools
import json
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 760, 170, 44
COLOURS = ("#3b6fb6", "#c2553b", "#3f8f5b", "#8a5fb0", "#b58a2a")


def main() -> None:
    """Parse the command line, read, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("--figures", nargs="+", required=True, help="names of logged figures")
    parser.add_argument("--window", type=int, default=25, help="steps averaged (default: %(default)s)")
    options = parser.parse_args()
    phases = [phase for path in options.logs for phase in read(path)]
    panels = [panel(name, phases, options.window, HEIGHT * row) for row, name in enumerate(options.figures)]
    size = f'width="{WIDTH}" height="{HEIGHT * len(panels)}"'
    body = "\n".join(panels)
    options.output.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">\n'
        f'<rect {size} fill="white"/>\n{body}\n</svg>\n'
    )


def read(path: Path) -> list[tuple[str, list[dict[str, float]]]]:
    """The lines of a log that are steps, by their stage, in order."""
    steps = [line for line in map(json.loads, path.read_text().splitlines()) if "step" in line and "loss" in line]
    return [(stage, list(lines)) for stage, lines in itertools.groupby(steps, key=lambda line: line["stage"])]


def averaged(values: list[float], window: int) -> list[float]:
    """Means of successive windows."""
    return [sum(part) / len(part) for part in (values[i : i + window] for i in range(0, len(values), window))]


def panel(name: str, phases: list[tuple[str, list[dict[str, float]]]], window: int, top: int) -> str:
    """One figure over all phases that log it."""
    curves, first = [], 0
    for phase, steps in phases:
        values = averaged([step[name] for step in steps if name in step], window)
        curves.append((phase, first, values))
        first += len(steps)
    everything = [value for _, _, values in curves for value in values]
    low, high = (min(everything), max(everything)) if everything else (0.0, 1.0)
    high = max(high, low + 1e-9)

    def x(step: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * step / max(first, 1)

    def y(value: float) -> float:
        return top + HEIGHT - 24 - (HEIGHT - 48) * (value - low) / (high - low)

    parts = [
        f'<text x="{MARGIN}" y="{top + 14}" font-weight="bold">{name}</text>',
        f'<text x="4" y="{y(high) + 4:.0f}">{high:.3g}</text><text x="4" y="{y(low) + 4:.0f}">{low:.3g}</text>',
    ]
    for index, (phase, begin, values) in enumerate(curves):
        colour = COLOURS[index % len(COLOURS)]
        points = " ".join(f"{x(begin + window * (i + 0.5)):.1f},{y(value):.1f}" for i, value in enumerate(values))
        parts.append(
            f'<line x1="{x(begin):.1f}" x2="{x(begin):.1f}" y1="{y(high):.0f}" y2="{y(low):.0f}" stroke="#ccc"/>'
        )
        parts.append(f'<text x="{x(begin) + 3:.1f}" y="{top + HEIGHT - 8}" fill="{colour}">{phase}</text>')
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4"/>')
    return "\n".join(parts)


if __name__ == "__main__":
    main()
