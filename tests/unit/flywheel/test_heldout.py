from engine.flywheel.heldout import heldout_figures


def test_figures_come_with_their_intervals():
    metrics = {
        "training": {"loss": 1.0},
        "heldout": {"voxel_iou": 0.5, "silhouette_iou": 0.25, "emd": None},
        "heldout_intervals": {"voxel_iou": [0.4, 0.61]},
    }
    assert heldout_figures(metrics) == "silhouette_iou 0.250, voxel_iou 0.500 (0.400 … 0.610)"


def test_a_version_that_was_not_evaluated_has_none():
    assert heldout_figures({"training": {"loss": 1.0}}) == ""
