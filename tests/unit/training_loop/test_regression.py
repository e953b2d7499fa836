import pytest
import torch

from training_loop.recipe import RegressionConfig
from training_loop.regression import mean_solid_iou, regression_metrics


def test_the_largest_fall_decides():
    config = RegressionConfig(count=4, tolerance=0.02)
    metrics = regression_metrics({"library": 0.6, "replay": 0.5}, {"library": 0.59, "replay": 0.47}, config)
    assert metrics["regression_fall"] == pytest.approx(0.03)
    assert metrics["regression_passed"] == 0.0
    assert (metrics["regression_replay_before"], metrics["regression_replay_after"]) == (0.5, 0.47)
    assert regression_metrics({"library": 0.6}, {"library": 0.7}, config)["regression_passed"] == 1.0


def test_solid_iou_counts_cells():
    truth = torch.zeros(1, 4, 4, 4, dtype=torch.bool)
    truth[:, :2] = True
    logits = torch.full((1, 4, 4, 4), -1.0)
    logits[:, :1] = 1.0
    assert mean_solid_iou(logits, truth) == pytest.approx(0.5)
    assert mean_solid_iou(logits, truth, level=-2.0) == pytest.approx(0.5)
    assert mean_solid_iou(-torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2, 2, dtype=torch.bool)) == 0.0
