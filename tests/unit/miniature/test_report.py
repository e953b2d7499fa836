"""What the report says was met: only what the figures and their intervals show."""

import numpy as np
import pytest

from scripts.miniature.report import goals_table, variants_table, with_elo
from scripts.miniature.settings import FULL

SPLITS = ("known", "met", "tail", "unseen")
TARGETS, COMPARED = 200, 24


def run_of(seed, *, gain, chamfer_by_dpo, f1_gain, judge_noise=0.1):
    """Four turns, each better than the last by `gain` in IoU."""
    rng = np.random.default_rng(seed)
    names = ["base"] + [f"{turn} {stage}" for turn in (1, 2, 3, 4) for stage in ("SFT", "DPO")]
    base = rng.uniform(0.1, 0.5, TARGETS)
    better = [base + gain * turn + rng.normal(0, 0.02, len(base)) for turn in range(5)]
    qualities = {split: np.stack(better, axis=1).tolist() for split in SPLITS}
    hard = rng.uniform(0.05, 0.15, COMPARED)
    stages = []
    for number, name in enumerate(names):
        turn = (number + 1) // 2
        chamfer = hard + (chamfer_by_dpo if name.endswith("DPO") else 0.0) + rng.normal(0, 0.001, len(hard))
        f1 = hard * (1 + f1_gain * turn / 4)
        # Of the first and the last model more is measured.
        count = COMPARED if number in (0, len(names) - 1) else COMPARED // 2
        targets = {
            metric: {split: values[:count].tolist() for split in SPLITS}
            for metric, values in (("f1_at_0p01", f1), ("chamfer_l2", chamfer))
        }
        metrics = {split: {"solid_iou": float(better[turn].mean())} for split in SPLITS}
        stages.append({"name": name, "plays": number % 2 == 0, "metrics": metrics, "targets": targets})
    return {"seed": seed, "qualities": qualities, "judge_noise": judge_noise, "stages": stages, "turns": []}


def verdicts(**what):
    report = with_elo({"runs": {FULL: [run_of(seed, **what) for seed in (0, 1, 2)]}})
    rows = [line.split(" | ") for line in goals_table(report).splitlines()[2:]]
    return [row[-1].strip(" |") for row in rows], goals_table(report)


def test_a_flywheel_that_lifts_everything_meets_everything():
    met, text = verdicts(gain=0.03, chamfer_by_dpo=-0.004, f1_gain=0.4)
    assert met == ["yes"] * 6
    assert text.count("4 in a row") == 3
    assert "1.40 × (1.40 … 1.40)" in text


@pytest.mark.parametrize(("gain", "rows"), [(0.0, "0 in a row"), (-0.03, "0 in a row")])
def test_no_rise_is_no_rise(gain, rows):
    met, text = verdicts(gain=gain, chamfer_by_dpo=0.0, f1_gain=0.2)
    assert met == ["no"] * 6
    assert rows in text


def test_a_variant_is_judged_by_those_who_judge_the_whole():
    """Candidates that are more alike make its own judges keener; its Elo would be larger for the same gain."""
    same = {"gain": 0.02, "chamfer_by_dpo": 0.0, "f1_gain": 0.2}
    whole, keen = run_of(0, **same), run_of(0, **same, judge_noise=0.001)
    report = with_elo({"runs": {FULL: [whole], "no ensemble": [keen]}})
    assert report["elo"]["no ensemble"] == report["elo"][FULL]
    alone = with_elo({"runs": {"no ensemble": [keen]}})
    assert alone["elo"]["no ensemble"][-1]["elo"] > 2 * report["elo"][FULL][-1]["elo"]


def test_variants_are_compared_with_the_whole_on_the_same_seeds():
    same = {"chamfer_by_dpo": 0.0, "f1_gain": 0.2}
    runs = {FULL: [run_of(seed, gain=0.03, **same) for seed in (0, 1)], "no DPO": [run_of(1, gain=0.01, **same)]}
    report = with_elo({"runs": runs})
    assert report["against_full"]["no DPO"]["high"] < 0
    whole, variant = (line.split(" | ") for line in variants_table(report).splitlines()[2:])
    assert (whole[0], whole[1], variant[1]) == (f"| {FULL}", "1", "1")
    assert float(whole[4]) == pytest.approx(np.mean([row[-1] for row in runs[FULL][1]["qualities"]["known"]]), abs=1e-4)
    assert float(whole[4]) > float(variant[4])


def test_what_a_run_that_was_cut_had_searched_counts():
    turn = {"searched": 20, "recovered": 9, "truly_recovered": 6, "reachable": 15}
    whole = run_of(0, gain=0.02, chamfer_by_dpo=0.0, f1_gain=0.2)
    report = with_elo({"runs": {FULL: [whole]}, "cut": {"N = 2, then 50 by reward": [{"seed": 0, "turns": [turn]}]}})
    row = next(line for line in goals_table(report).splitlines() if "Half of the failures" in line)
    assert "9 of 20, 6 of them truly; 15 had" in row
    assert row.endswith("| no |")
