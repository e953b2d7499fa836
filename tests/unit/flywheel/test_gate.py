"""The promotion gate, by hand arithmetic."""

import pytest

from engine.flywheel.gate import judge, on_earlier_data
from engine.flywheel.plan import GateRule, UnusableSettings, complete_settings, plan_from

VOXEL = GateRule(metric="voxel_iou", tolerance=0.02)
CHAMFER = GateRule(metric="chamfer_l2", tolerance=0.01, better="lower")


@pytest.mark.parametrize(
    ("base", "new", "promote"),
    [(0.50, 0.60, True), (0.50, 0.50, True), (0.50, 0.4801, True), (0.50, 0.479, False), (0.50, None, False)],
)
def test_higher_is_better_with_tolerance(base, new, promote) -> None:
    assert judge(base={"voxel_iou": base}, new={"voxel_iou": new}, rules=[VOXEL]).promote is promote


@pytest.mark.parametrize(("new", "promote"), [(0.05, True), (0.109, True), (0.111, False), (float("nan"), False)])
def test_lower_is_better(new, promote) -> None:
    assert judge(base={"chamfer_l2": 0.1}, new={"chamfer_l2": new}, rules=[CHAMFER]).promote is promote


def test_every_rule_must_hold_and_the_reason_names_those_that_do_not() -> None:
    verdict = judge(
        base={"voxel_iou": 0.5, "chamfer_l2": 0.1}, new={"voxel_iou": 0.7, "chamfer_l2": 0.2}, rules=[VOXEL, CHAMFER]
    )
    assert not verdict.promote
    assert verdict.reason == "chamfer_l2 0.1000 → 0.2000, worse by 0.1000 (allowed 0.01)"
    assert [rule["passed"] for rule in verdict.rules] == [True, False]


def test_a_metric_that_the_base_lacks_refuses() -> None:
    verdict = judge(base={}, new={"voxel_iou": 0.9}, rules=[VOXEL])
    assert verdict.reason == "voxel_iou was not measured for the base"


def test_settings_are_written_out_in_full_and_read_back() -> None:
    complete = complete_settings({"suite": {"sam3d": 8}, "sft": {"recipe": "mini_sft", "overrides": {"steps": 3}}})
    assert complete["dpo"] == {"recipe": "mini_dpo", "overrides": {}}
    assert plan_from(complete) == plan_from(
        {"suite": {"sam3d": 8}, "sft": {"recipe": "mini_sft", "overrides": {"steps": 3}}}
    )
    assert complete_settings(complete) == complete


def test_a_misspelt_setting_is_named() -> None:
    with pytest.raises(UnusableSettings, match="unknown fields widenning"):
        plan_from({"widenning": 2})


def test_parameters_of_a_generator_that_nobody_asks_are_named() -> None:
    settings = {"suite": {"sam3d": 4}, "generator_parameters": {"sam3d": {"steps": 4}, "samd": {"steps": 4}}}
    with pytest.raises(UnusableSettings, match="generator_parameters names samd, which neither suite asks"):
        plan_from(settings)
    plan = plan_from(settings | {"texture_suite": {"samd": 2}})
    assert plan.generator_parameters["sam3d"] == {"steps": 4}


def test_an_improvement_is_called_one() -> None:
    verdict = judge(base={"voxel_iou": 0.5}, new={"voxel_iou": 0.6}, rules=[VOXEL])
    assert verdict.reason == "voxel_iou 0.5000 → 0.6000, better by 0.1000"


def training(before: float | None, after: float | None, name: str = "library") -> dict[str, float | None]:
    figures = {f"regression_{name}_before": before, f"regression_{name}_after": after, "regression_passed": 1.0}
    return {"loss": 0.1} | figures


def forgets(*trainings: dict[str, float | None], tolerance: float | None = 0.05):
    before, after, rules = on_earlier_data(trainings, tolerance=tolerance)
    return judge(base={"voxel_iou": 0.5} | before, new={"voxel_iou": 0.9} | after, rules=[VOXEL, *rules])


@pytest.mark.parametrize(("after", "promote"), [(0.70, True), (0.60, True), (0.56, True), (0.54, False)])
def test_a_checkpoint_that_forgets_is_not_promoted_however_good_it_is_on_the_rest(after, promote) -> None:
    assert forgets(training(0.6, after)).promote is promote


def test_falls_of_both_trainings_add_up() -> None:
    verdict = forgets(training(0.60, 0.57), training(0.57, 0.54))
    assert not verdict.promote
    assert verdict.reason == (
        "solid IoU of held-out library shapes, sampled before and after training, 0.6000 → 0.5400, "
        "worse by 0.0600 (allowed 0.05)"
    )


def test_older_snapshots_count_as_well() -> None:
    verdict = forgets(training(0.6, 0.6) | training(0.5, 0.4, "replay"))
    assert verdict.reason.startswith("solid IoU of held-out examples of older snapshots")


@pytest.mark.parametrize(
    "trainings",
    [
        [{"loss": 0.1}],
        [training(0.6, None)],
        [training(0.6, 0.6), {"loss": 0.1}],
        [training(0.6, 0.6) | training(0.5, 0.5, "replay"), training(0.6, 0.6)],
    ],
)
def test_what_was_not_measured_after_the_last_training_is_not_promoted(trainings) -> None:
    verdict = forgets(*trainings)
    assert not verdict.promote
    assert "was not measured" in verdict.reason


def test_nobody_asks_where_the_plan_has_no_tolerance() -> None:
    assert forgets(training(0.6, 0.1), tolerance=None).promote
