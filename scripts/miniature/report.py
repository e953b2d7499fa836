"""The miniature's report: a table for each run, Elo, what was left out; as Markdown beside the JSON."""

from typing import Any

import numpy as np

METRICS = ("solid_iou", "f1_at_0p01", "voxel_iou", "chamfer_l2", "emd")


def markdown(report: dict[str, Any]) -> str:
    """The whole report."""
    parts = [
        "# The flywheel in miniature\n",
        f"Made by `python -m scripts.miniature`; device {report['device']}, seeds {report['seeds']}, "
        f"two annotators agree on {report['agreement']:.0%} of comparisons by design.\n",
    ]
    for name, runs in report["runs"].items():
        parts.append(f"## {name}\n")
        parts.append(stage_table(runs))
        parts.append(turn_table(runs))
        parts.append(elo_table(runs))
    return "\n".join(parts)


def stage_table(runs: list[dict[str, Any]]) -> str:
    """Like the paper's Table 4: every stage, mean over seeds, on each measured set."""
    stages = [stage["name"] for stage in runs[0]["stages"]]
    lines = []
    for split in runs[0]["stages"][0]["metrics"]:
        lines += [f"| {split} | " + " | ".join(METRICS) + " |", "|---" * (1 + len(METRICS)) + "|"]
        for index, stage in enumerate(stages):
            values = [
                f"{np.mean([run['stages'][index]['metrics'][split][metric] for run in runs]):.4f}" for metric in METRICS
            ]
            lines.append(f"| {stage} | " + " | ".join(values) + " |")
        lines.append("")
    return "\n".join(lines)


def turn_table(runs: list[dict[str, Any]]) -> str:
    """What each iteration collected."""
    names = (
        "alpha",
        "acceptance",
        "model_wins",
        "own_quality",
        "expert_quality",
        "amplification",
        "stepwise_efficiency",
    )
    lines = ["| iteration | " + " | ".join(names) + " | failed | recovered |", "|---" * (len(names) + 3) + "|"]
    for index in range(len(runs[0]["turns"])):
        turns = [run["turns"][index] for run in runs]
        values = [_mean([turn[name] for turn in turns]) for name in names]
        counts = [str(sum(turn[name] for turn in turns)) for name in ("failed", "recovered")]
        lines.append(f"| {index + 1} | " + " | ".join([*values, *counts]) + " |")
    return "\n".join(lines) + "\n"


def elo_table(runs: list[dict[str, Any]]) -> str:
    """Elo of every iteration's model, all seeds' targets together."""
    lines = ["| checkpoint | Elo | 95 % |", "|---|---|---|"]
    for row in runs[0]["elo_of_all_seeds"]:
        lines.append(f"| {row['name']} | {row['elo']:.0f} | {row['low']:.0f} … {row['high']:.0f} |")
    return "\n".join(lines) + "\n"


def elo_plot(runs: dict[str, list[dict[str, Any]]]) -> str:
    """SVG: Elo over iterations with intervals, a line for each run (like the paper's Figure 10)."""
    width, height, margin = 640, 320, 48
    rows = {name: found[0]["elo_of_all_seeds"] for name, found in runs.items()}
    values = [value for row in rows.values() for point in row for value in (point["low"], point["high"])]
    low, high = min(values), max(max(values), min(values) + 1.0)
    longest = max(len(row) for row in rows.values())

    def x(index: int) -> float:
        return margin + (width - 2 * margin) * index / max(longest - 1, 1)

    def y(value: float) -> float:
        return float(height - margin - (height - 2 * margin) * (value - low) / (high - low))

    colours = ("#3b6fb6", "#c2553b", "#3f8f5b", "#8a5fb0", "#b58a2a", "#5a5a5a", "#c05a8e")
    parts = [f'<text x="{margin}" y="20" font-weight="bold">Elo by iteration (0: base)</text>']
    for number, (name, row) in enumerate(rows.items()):
        colour = colours[number % len(colours)]
        line = " ".join(f"{x(i):.1f},{y(point['elo']):.1f}" for i, point in enumerate(row))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts += [
            f'<line x1="{x(i):.1f}" x2="{x(i):.1f}" y1="{y(p["low"]):.1f}" y2="{y(p["high"]):.1f}" stroke="{colour}"/>'
            for i, p in enumerate(row)
        ]
        parts.append(f'<text x="{width - 150}" y="{20 + 14 * number}" fill="{colour}">{name}</text>')
    parts += [f'<text x="4" y="{y(value) + 4:.0f}">{value:.0f}</text>' for value in (low, high)]
    size = f'width="{width}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
        f'<rect {size} fill="white"/>{"".join(parts)}</svg>\n'
    )


def _mean(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.3f}" if known else "–"
