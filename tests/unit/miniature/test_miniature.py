"""The whole miniature turns, in small."""

import json

import pytest
import torch

from scripts.miniature.__main__ import main
from scripts.miniature.samples import main as samples_of
from scripts.miniature.settings import FULL
from training_loop.evaluation.folders import Settings as Evaluation
from training_loop.evaluation.folders import evaluate_folders
from training_loop.evaluation.pairing import pair_folders


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.timeout(600)
def test_two_turns_leave_a_report_and_go_on_from_it(tmp_path):
    assert main([str(tmp_path), "--tiny"]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    (run,) = report["runs"][FULL]
    first, second = run["turns"]
    assert second["alpha"] == pytest.approx(first["alpha"] + 0.01)
    assert all(turn["expert_quality"] <= turn["best_quality"] for turn in run["turns"])
    assert all(0 <= share <= 1 for turn in run["turns"] for share in turn["acceptance_by_kind"].values())
    assert [stage["name"] for stage in run["stages"]][::2] == ["base", "1 DPO", "2 DPO"]
    assert set(run["stages"][-1]["metrics"]) == {"known", "met", "unseen", "tail"}
    elo = report["elo"][FULL]
    assert elo[0]["elo"] == 0.0
    assert all(row["low"] <= row["high"] for row in elo)
    text = (tmp_path / "report.md").read_text()
    assert "| base |" in text
    assert "| DPO improves Chamfer over SFT alone, last turn |" in text
    assert (tmp_path / "elo.svg").read_text().startswith("<svg")
    # What it made can be measured by itself.
    samples = tmp_path / "samples"
    assert samples_of([str(tmp_path), "--to", str(samples)]) == 0
    pairing = pair_folders(predictions=samples / "last", ground_truth=samples / "truth")
    again = evaluate_folders(pairing, Evaluation(points=2048, emd_cells=256, registered=False)).summary
    told = [value for values in run["stages"][-1]["targets"]["chamfer_l2"].values() for value in values]
    assert again["chamfer_l2"].mean == pytest.approx(sum(told) / len(told), rel=1e-3)
    # What is in the report is not run again; with other settings it is another experiment.
    assert main([str(tmp_path), "--tiny"]) == 0
    assert json.loads((tmp_path / "report.json").read_text()) == report
    with pytest.raises(SystemExit, match="other settings"):
        main([str(tmp_path), "--tiny", "--set", "targets=5"])
