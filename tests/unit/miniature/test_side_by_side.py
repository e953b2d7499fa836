"""Flywheels side by side: which start, which are left for another time, which failed."""

import sys
import time
from dataclasses import asdict, replace

import pytest

from scripts.miniature.runs import Work, side_by_side
from scripts.miniature.settings import tiny

HANGS = 99

RUN = f"""
import json, pathlib, sys, time
work = json.load(open(sys.argv[1]))
if work["seed"] < 0:
    raise SystemExit(3)
if work["seed"] == {HANGS}:
    pathlib.Path(work["output"]).with_suffix(".turns").write_text('[{{"failed": 7}}]')
    time.sleep(600)
json.dump({{"seed": work["seed"]}}, open(work["output"], "w"))
"""


@pytest.fixture
def run(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(RUN)

    def run(seeds, *, at_once, seconds):
        first = Work("N = 8", 0, asdict(tiny()), "base", "banks", None, None, "cpu", 1, "", "")
        works = [replace(first, seed=seed, output=str(tmp_path / f"run-{seed}.json")) for seed in seeds]
        done, cut = [], []
        undone, failed = side_by_side(
            works,
            tmp_path,
            at_once=at_once,
            deadline=time.monotonic() + seconds,
            on_run=lambda work, run: done.append(run["seed"]),
            on_cut=lambda work, turns: cut.append((work.seed, turns)),
            command=[sys.executable, str(script)],
        )
        return sorted(done), undone, failed, cut

    return run


def test_all_run_even_where_all_that_run_end_together(run):
    assert run([0, 1, 2], at_once=1, seconds=60) == ([0, 1, 2], 0, [], [])


def test_what_fails_is_named_and_stops_no_other(run):
    assert run([0, -1, 2], at_once=2, seconds=60) == ([0, 2], 0, ["N = 8, seed -1: exit 3"], [])


def test_nothing_starts_when_the_time_is_over(run):
    assert run([0, 1], at_once=1, seconds=-1) == ([], 2, [], [])


def test_of_a_run_that_is_cut_its_turns_are_left(run):
    done, undone, failed, cut = run([0, HANGS], at_once=2, seconds=5)
    assert (done, undone, failed) == ([0], 1, [])
    assert cut == [(HANGS, [{"failed": 7}])]
