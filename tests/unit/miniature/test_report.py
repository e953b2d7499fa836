"""What the report says was met: only what the figures and their intervals show."""

import numpy as np
import pytest

from scripts.miniature.report import goals_table, with_elo
from scripts.miniature.settings import FULL

SPLITS = ("known", "met", "tail", "unseen")
TARGETS, COMPARED = 400, 24


def run_of(seed, *, gain, chamfer_by_dpo, f1_gain):
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
        stages.append({"name": name, "plays": number % 2 == 0, "metrics": {}, "targets": targets})
    return {"seed": seed, "qualities": qualities, "judge_noise": 0.1, "stages": stages, "turns": []}


def verdicts(**what):
    report = with_elo({"runs": {FULL: [run_of(seed, **what) for seed in (0, 1, 2)]}})
    rows = [line.split(" | ") for line in goals_table(report).splitlines()[2:]]
    return [row[-1].strip(" |") for row in rows], goals_table(report)


def test_a_flywheel_that_lifts_everything_meets_everything():
    met, text = verdicts(gain=0.03, chamfer_by_dpo=-0.004, f1_gain=0.4)
    assert met == ["yes"] * 4
    assert "4 in a row" in text
    assert "1.40 × (1.40 … 1.40)" in text


@pytest.mark.parametrize(("gain", "rows"), [(0.0, "0 in a row"), (-0.03, "0 in a row")])
def test_no_rise_is_no_rise(gain, rows):
    met, text = verdicts(gain=gain, chamfer_by_dpo=0.0, f1_gain=0.2)
    assert met == ["no"] * 4
    assert rows in text
