"""The whole miniature turns, in small."""

import json

import pytest
import torch

from scripts.miniature.__main__ import main


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.timeout(600)
def test_two_turns_leave_a_report(tmp_path):
    assert main([str(tmp_path), "--tiny"]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    (run,) = report["runs"]["N = 3"]
    assert [turn["alpha"] for turn in run["turns"]] == [0.02, 0.03]
    assert all(turn["expert_quality"] >= turn["own_quality"] - 0.2 for turn in run["turns"])
    assert run["stages"][0]["name"] == "base"
    assert set(run["stages"][-1]["metrics"]) == {"heldout", "unseen", "tail"}
    elo = run["elo_of_all_seeds"]
    assert elo[0]["elo"] == 0.0
    assert all(row["low"] <= row["high"] for row in elo)
    text = (tmp_path / "report.md").read_text()
    assert "| base |" in text
    assert (tmp_path / "elo.svg").read_text().startswith("<svg")
