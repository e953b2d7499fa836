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
from scripts.miniature.world import MEASURED, WORLD

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
    its checkpoints, all seeds' targets together; and with `against_full`: variant → Elo of its last checkpoint against
    that of the whole flywheel, on the same targets of the same seeds.
    """
    found: dict[str, dict[str, Any]] = {"elo": {}, "elo_unseen": {}, "against_full": {}}
    full = {run["seed"]: run for run in report["runs"].get(FULL, [])}
    for name, runs in report["runs"].items():
        # One judge for all variants of a seed: candidates that are more alike would get a keener one.
        judges = [full.get(run["seed"], run) for run in runs]
        checkpoints = [stage["name"] for stage in runs[0]["stages"] if stage["plays"]]
        for kind, splits in (("elo", list(WORLD)), ("elo_unseen", ["unseen"])):
            tables = _all_played([_qualities(run, splits) for run in runs], judges)
            found[kind][name] = [
                vars(rated) | {"name": checkpoint} | over_last
                for checkpoint, rated, over_last in zip(checkpoints, ratings(*tables), _over_last(*tables), strict=True)
            ]
        if name != FULL and all(run["seed"] in full for run in runs):
            both = [
                np.stack([_qualities(one, WORLD)[:, -1] for one in (full[run["seed"]], run)], axis=1) for run in runs
            ]
            found["against_full"][name] = vars(ratings(*_all_played(both, judges))[1])
    return report | found


def _all_played(qualities: list[NDArray[np.float64]], judges: list[Run]) -> tuple[NDArray[np.float64], ...]:
    """Wins and ties, (T, C, C), of the targets of all seeds, each before the judge of a run."""
    played = [
        blind_comparisons(each, judge["judge_noise"], seed=judge["seed"])
        for each, judge in zip(qualities, judges, strict=True)
    ]
    return tuple(np.concatenate(tables) for tables in zip(*played, strict=True))


def _over_last(wins: NDArray[np.float64], ties: NDArray[np.float64]) -> list[dict[str, float]]:
    """Elo of every checkpoint over the one before by what the two played against each other; nothing for the first."""
    found: list[dict[str, float]] = [{}]
    for number in range(1, wins.shape[1]):
        two = slice(number - 1, number + 1)
        met = ratings(wins[:, two, two], ties[:, two, two])[1]
        found.append({"over_last": met.elo, "over_last_low": met.low, "over_last_high": met.high})
    return found


def _qualities(run: Run, splits: Iterable[str]) -> NDArray[np.float64]:
    """Of every target of some sets (rows) after every checkpoint (columns)."""
    return np.concatenate([run["qualities"][split] for split in splits])


def blind_comparisons(
    qualities: NDArray[np.float64], judge_noise: float, *, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every two of C contenders meet once on every target, before an oracle: wins and ties, (T, C, C).

    Args:
        qualities: (T, C).
    """
    rng = np.random.default_rng([seed, 5])
    targets, count = qualities.shape
    oracle = Oracle(judge_noise, 0.0)
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
        if report["against_full"]:
            parts += ["## Without one of its parts\n", variants_table(report)]
    for name, runs in report["runs"].items():
        parts.append(f"## {name}\n\nSeeds {', '.join(str(run['seed']) for run in runs)}.\n")
        parts += [stage_table(runs), turn_table(runs)]
        parts += [elo_table(report["elo"][name], report["elo_unseen"][name])]
    for name, runs in report.get("cut", {}).items():
        cuts = ", ".join(f"seed {run['seed']} after {len(run['turns'])} turns" for run in runs)
        parts += [f"## {name}, cut\n\nThe time was over: {cuts}. Nothing was measured but the turns.\n"]
        parts += [turn_table([run]) for run in runs]
    return "\n".join(parts)


def goals_table(report: dict[str, Any]) -> str:
    """What the project asks of the miniature, with the figures that answer it."""
    runs, elo = report["runs"][FULL], report["elo"][FULL]
    first, last = (_targets(runs, [stage], "f1_at_0p01", like=[0, -1]) for stage in (0, -1))
    gain, low, high = _bootstrap(lambda last, first: last.mean() / first.mean(), last, first)
    steps = list(itertools.pairwise(elo))
    # Intervals of differences to the base hold its own chance too; those about the mean of all decide on ranks.
    risen = {
        "intervals apart, relative to the base": [later["low"] > earlier["high"] for earlier, later in steps],
        "intervals apart, relative to the mean of all": [later["rank"] < earlier["rank"] for earlier, later in steps],
        "by the interval of the two head to head": [later["over_last_low"] > 0 for _, later in steps],
    }
    rows = [
        (
            f"Elo above the last turn's, {how}, {TURNS_IN_A_ROW} turns in a row",
            f"{_in_a_row(each)} in a row",
            _in_a_row(each) >= TURNS_IN_A_ROW,
        )
        for how, each in risen.items()
    ]
    rows += [
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
    # A run that was cut has searched all the same.
    cut = report.get("cut", {})
    for name in dict.fromkeys([*report["runs"], *cut]):
        turns = [turn for run in report["runs"].get(name, []) + cut.get(name, []) for turn in run["turns"]]
        counts = ("searched", "recovered", "truly_recovered", "reachable")
        searched, recovered, truly, reachable = (sum(turn[count] for turn in turns) for count in counts)
        if searched:
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


def _in_a_row(each: Sequence[bool]) -> int:
    """The longest stretch of what is true."""
    return max(sum(group) for _, group in itertools.groupby(each)) if each else 0


def variants_table(report: dict[str, Any]) -> str:
    """What the last model is without one of the flywheel's parts, beside the whole of the same seeds."""
    named = [
        "",
        "seeds",
        "Elo against the whole",
        "95 %",
        *(f"IoU, {split}" for split in MEASURED),
        "F1@0.01",
        "Chamfer",
    ]
    lines = [f"| {' | '.join(named)} |", "|---" * len(named) + "|"]
    against = report["against_full"]
    seeds = {run["seed"] for name in against for run in report["runs"][name]}
    whole = [run for run in report["runs"][FULL] if run["seed"] in seeds]
    for name, runs in {FULL: whole, **{name: report["runs"][name] for name in against}}.items():
        met = against.get(name, {"elo": 0.0, "low": 0.0, "high": 0.0})
        cells = [name, ", ".join(str(run["seed"]) for run in runs)]
        cells += [f"{met['elo']:.0f}", f"{met['low']:.0f} … {met['high']:.0f}"]
        cells += [_mean([run["stages"][-1]["metrics"][split]["solid_iou"] for run in runs], 4) for split in MEASURED]
        cells += [f"{_targets(runs, [-1], metric).mean():.4f}" for metric in ("f1_at_0p01", "chamfer_l2")]
        lines.append(f"| {' | '.join(cells)} |")
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
    by_kind = [f"acceptance, {kind}" for kind in WORLD]
    lines = ["| turn | " + " | ".join([*TURN_FIGURES, *by_kind, *COUNTS]) + " |"]
    lines.append("|---" * (len(TURN_FIGURES) + len(WORLD) + len(COUNTS) + 1) + "|")
    for index in range(len(runs[0]["turns"])):
        turns = [run["turns"][index] for run in runs]
        values = [_mean([turn[name] for turn in turns]) for name in TURN_FIGURES]
        # Reports of before 2026-12 do not have it.
        values += [_mean([turn.get("acceptance_by_kind", {}).get(kind) for turn in turns]) for kind in WORLD]
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
