"""The miniature's report: tables and Elo of each variant, and what was asked of it; as Markdown and pictures."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contracts.bradley_terry import ratings
from engine.selection.tournament import Answer
from scripts.miniature.oracle import Oracle
from scripts.miniature.plots import Point, plot
from scripts.miniature.settings import FULL
from scripts.miniature.world import WORLD

METRICS = ("solid_iou", "f1_at_0p01", "voxel_iou", "chamfer_l2", "emd")
TURN_FIGURES = (
    "alpha",
    "acceptance",
    "model_wins",
    "own_quality",
    "expert_quality",
    "best_quality",
    "amplification",
    "stepwise_efficiency",
)
COUNTS = ("failed", "searched", "recovered", "truly_recovered", "reachable", "by_artists")
F1_GAIN = 1.3
TURNS_IN_A_ROW = 3
RECOVERED_SHARE = 0.5
DRAWS = 2000

Run = dict[str, Any]


def with_elo(report: dict[str, Any]) -> dict[str, Any]:
    """The report with `elo` (on targets of the world) and `elo_unseen` (on what it never shows): variant → ratings of
    its checkpoints, all seeds' targets together.
    """
    both: dict[str, dict[str, Any]] = {"elo": {}, "elo_unseen": {}}
    for (kind, splits), (name, runs) in itertools.product(
        (("elo", list(WORLD)), ("elo_unseen", ["unseen"])), report["runs"].items()
    ):
        played = [blind_comparisons(run, splits) for run in runs]
        found = ratings(np.concatenate([wins for wins, _ in played]), np.concatenate([ties for _, ties in played]))
        names = [stage["name"] for stage in runs[0]["stages"] if stage["plays"]]
        both[kind][name] = [
            {"name": n, "elo": r.elo, "low": r.low, "high": r.high} for n, r in zip(names, found, strict=True)
        ]
    return report | both


def blind_comparisons(run: Run, splits: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every two checkpoints meet once on every target of some sets, before an oracle: wins and ties, (T, C, C)."""
    qualities = np.concatenate([run["qualities"][split] for split in splits])
    rng = np.random.default_rng([run["seed"], 5])
    targets, count = qualities.shape
    oracle = Oracle(run["judge_noise"], 0.0)
    wins, ties = np.zeros((2, targets, count, count))
    for target in range(targets):
        for one in range(count):
            for other in range(one + 1, count):
                answer = oracle.compare(qualities[target, one], qualities[target, other], rng)
                if answer is Answer.EQUAL:
                    ties[target, one, other] = ties[target, other, one] = 1
                elif answer is Answer.LEFT:
                    wins[target, one, other] = 1
                else:
                    wins[target, other, one] = 1
    return wins, ties


def markdown(report: dict[str, Any]) -> str:
    """The whole report."""
    parts = [
        "# The flywheel in miniature\n",
        f"Made by `python -m scripts.miniature` from the base `{report['base']}` on {report['device']}.\n",
    ]
    if FULL in report["runs"]:
        parts += ["## What was asked\n", goals_table(report)]
    for name, runs in report["runs"].items():
        parts.append(f"## {name}\n\nSeeds {', '.join(str(run['seed']) for run in runs)}.\n")
        parts += [stage_table(runs), turn_table(runs)]
        parts += [elo_table(report["elo"][name], report["elo_unseen"][name])]
    return "\n".join(parts)


def goals_table(report: dict[str, Any]) -> str:
    """What the project asks of the miniature, with the figures that answer it."""
    runs, elo = report["runs"][FULL], report["elo"][FULL]
    apart = [later["low"] > earlier["high"] for earlier, later in itertools.pairwise(elo)]
    longest = max((len(part) for part in "".join("x" if one else " " for one in apart).split()), default=0)
    first, last = (_targets(runs, [stage], "f1_at_0p01", like=[0, -1]) for stage in (0, -1))
    gain, low, high = _bootstrap(lambda last, first: last.mean() / first.mean(), last, first)
    rows = [
        (
            f"Elo above the last turn's, intervals apart, {TURNS_IN_A_ROW} turns in a row",
            f"{longest} in a row",
            longest >= TURNS_IN_A_ROW,
        ),
        (
            f"F1@0.01 of the last ≥ {F1_GAIN} × the base's, {len(first)} targets of the world",
            f"{first.mean():.4f} → {last.mean():.4f}: {gain:.2f} × ({low:.2f} … {high:.2f})",
            gain >= F1_GAIN,
        ),
    ]
    sft, dpo = (
        [number for number, stage in enumerate(runs[0]["stages"]) if stage["name"].endswith(kind)]
        for kind in ("SFT", "DPO")
    )
    for which, first_turn in ((f"mean of {len(sft)} turns", 0), ("last turn", len(sft) - 1)):
        both = [*sft[first_turn:], *dpo[first_turn:]]
        before, after = (_targets(runs, stages[first_turn:], "chamfer_l2", like=both) for stages in (sft, dpo))
        change, low, high = _bootstrap(lambda after, before: (after - before).mean(), after, before)
        found = f"{before.mean():.4f} → {after.mean():.4f}: {change:+.4f} ({low:+.4f} … {high:+.4f})"
        rows.append((f"DPO improves Chamfer over SFT alone, {which}", found, high < 0))
    for name, other in report["runs"].items():
        searched = sum(turn["searched"] for run in other for turn in run["turns"])
        if searched:
            recovered = sum(turn["recovered"] for run in other for turn in run["turns"])
            truly = sum(turn["truly_recovered"] for run in other for turn in run["turns"])
            reachable = sum(turn["reachable"] for run in other for turn in run["turns"])
            rows.append(
                (
                    f"Half of the failures recovered ({name})",
                    f"{recovered} of {searched}, {truly} of them truly; {reachable} had a sample that was good enough",
                    recovered >= RECOVERED_SHARE * searched,
                )
            )
    lines = ["| asked | found | met |", "|---|---|---|"]
    lines += [f"| {asked} | {found} | {'yes' if met else 'no'} |" for asked, found, met in rows]
    return "\n".join(lines) + "\n"


def _targets(
    runs: list[Run], stages: list[int], metric: str, *, like: Sequence[int] = (), splits: Iterable[str] = WORLD
) -> NDArray[np.float64]:
    """A metric of every target of some sets and of every seed that was measured after all of these stages (and of those
    that it is compared with, `like`), as the mean over them.
    """
    columns = []
    for run, split in itertools.product(runs, splits):
        values = {stage: run["stages"][stage]["targets"][metric][split] for stage in (*stages, *like)}
        count = min(map(len, values.values()))
        columns.append(np.mean([values[stage][:count] for stage in stages], axis=0))
    return np.concatenate(columns)


def _bootstrap(statistic: Callable[..., Any], *columns: NDArray[np.float64]) -> tuple[float, float, float]:
    """A statistic of some columns with its 95 % interval, by drawing their rows anew."""
    rng, count = np.random.default_rng(0), len(columns[0])
    drawn = [statistic(*(column[rows] for column in columns)) for rows in rng.integers(count, size=(DRAWS, count))]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(statistic(*columns)), float(low), float(high)


def stage_table(runs: list[Run]) -> str:
    """Like the paper's Table 4: every stage, mean over seeds, on each measured set."""
    stages = [stage["name"] for stage in runs[0]["stages"]]
    lines = []
    for split in runs[0]["stages"][0]["metrics"]:
        lines += [f"| {split} | " + " | ".join(METRICS) + " |", "|---" * (1 + len(METRICS)) + "|"]
        for index, stage in enumerate(stages):
            values = [
                _mean([run["stages"][index]["metrics"][split].get(metric) for run in runs], 4) for metric in METRICS
            ]
            lines.append(f"| {stage} | " + " | ".join(values) + " |")
        lines.append("")
    return "\n".join(lines)


def turn_table(runs: list[Run]) -> str:
    """What each iteration collected: means over seeds, and sums of what is counted."""
    lines = ["| turn | " + " | ".join([*TURN_FIGURES, *COUNTS]) + " |"]
    lines.append("|---" * (len(TURN_FIGURES) + len(COUNTS) + 1) + "|")
    for index in range(len(runs[0]["turns"])):
        turns = [run["turns"][index] for run in runs]
        values = [_mean([turn[name] for turn in turns]) for name in TURN_FIGURES]
        counts = [str(sum(turn[name] for turn in turns)) for name in COUNTS]
        lines.append(f"| {index + 1} | " + " | ".join([*values, *counts]) + " |")
    return "\n".join(lines) + "\n"


def elo_table(*rated: list[dict[str, Any]]) -> str:
    """Elo of every iteration's model, in the world and on what it never shows."""
    lines = ["| checkpoint | Elo | 95 % | Elo, unseen | 95 % |", "|---|---|---|---|---|"]
    for rows in zip(*rated, strict=True):
        cells = [f"{row['elo']:.0f} | {row['low']:.0f} … {row['high']:.0f}" for row in rows]
        lines.append(f"| {rows[0]['name']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def elo_plot(report: dict[str, Any]) -> str:
    """SVG: Elo over iterations with intervals, a line for each variant (like the paper's Figure 10)."""
    lines = {
        name: [Point(row["elo"], row["low"], row["high"]) for row in rated] for name, rated in report["elo"].items()
    }
    return plot("Elo in the world, with 95 % intervals", lines, ".0f")


def iou_plot(report: dict[str, Any]) -> str:
    """SVG: solid IoU over iterations on each measured set, the variant with everything; bars span the seeds."""
    name = FULL if FULL in report["runs"] else next(iter(report["runs"]))
    lines = {}
    for split in report["runs"][name][0]["stages"][0]["metrics"]:
        values = np.array(
            [
                [stage["metrics"][split]["solid_iou"] for stage in run["stages"] if stage["plays"]]
                for run in report["runs"][name]
            ]
        )
        lines[split] = [Point(float(c.mean()), float(c.min()), float(c.max())) for c in values.T]
    return plot(f"Solid IoU, {name}; bars span the seeds", lines, ".2f")


def _mean(values: list[float | None], digits: int = 3) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.{digits}f}" if known else "–"
