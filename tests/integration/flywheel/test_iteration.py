"""One turn of the flywheel, and the ways in which it does not go round."""

from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from engine.contracts.serialisation import from_json
from engine.contracts.training import EVALUATE_TASK, TRAIN_TASK, TrainRequest
from engine.datasets.holding_out import is_held_out
from engine.datasets.models import Snapshot
from engine.flywheel import services
from engine.flywheel.models import Iteration, ModelVersion
from engine.flywheel.plan import UnusableSettings
from engine.generation.models import Candidate
from engine.selection.models import Selection
from engine.sourcing.models import TargetObject
from engine.storage.services import store
from engine.workforce.models import AuditEvent, Role, SecondOpinion
from tests import factories as make
from tests.integration.flywheel.conftest import World

Step = Iteration.Step


def request_sent(world: World) -> TrainRequest:
    (message,) = world.waiting(TRAIN_TASK)
    return from_json(TrainRequest, message["message"])


def test_it_goes_round_once_and_the_next_collection_samples_from_the_promoted_checkpoint(world) -> None:
    for _ in range(3):
        world.add_target()
    services.start(alpha=0.5)
    first = world.run_until(Step.DONE)

    assert first.decision["outcome"] == "promoted"
    assert first.decision["rules"][0]["metric"] == "voxel_iou"
    assert first.decision["new"]["intervals"] == {"voxel_iou": [0.25, 0.75]}
    lineage = {row.name: row.parent and row.parent.name for row in ModelVersion.objects.select_related("parent")}
    assert lineage == {"k0-pretrain": None, "k1-sft": "k0-pretrain", "k1-dpo": "k1-sft"}
    promoted = ModelVersion.objects.get(promoted=True)
    assert (promoted.name, promoted.stage, promoted.snapshot.iteration) == ("k1-dpo", "dpo", 1)
    assert promoted.metrics == {
        "training": {"loss": 0.5} | world.regression,
        "heldout": {"voxel_iou": 0.5},
        "heldout_intervals": {"voxel_iou": [0.25, 0.75]},
    }
    assert (first.snapshot.example_count, first.snapshot.direct_pair_count) == (3, 3)
    assert set(first.step_seconds) == {"collecting", "freezing", "sft", "dpo", "evaluating", "promoting"}
    assert first.ended_at is not None

    services.start(alpha=0.6)
    second = world.run_until(Step.DONE)

    assert second.collection.model_version_id == promoted.id
    assert second.collection.checkpoint_id == promoted.checkpoint_id
    assert second.snapshot.example_count == 6  # all collections so far
    assert ModelVersion.objects.get(promoted=True).name == "k2-dpo"
    assert AuditEvent.objects.filter(subject_kind="iteration", verb="advance").count() == 12
    assert AuditEvent.objects.filter(subject_kind="model_version", verb="promote").count() == 3


def test_base_and_new_checkpoint_are_evaluated_alike(world) -> None:
    world.add_target()
    services.start(alpha=0.5, settings={"evaluation": {"heldout_count": 4, "seed": 11}})
    iteration = world.run_until(Step.DONE)
    requests = [run.request for run in iteration.runs.filter(kind="evaluate").order_by("created_at")]
    assert [(request["heldout_count"], request["seed"]) for request in requests] == [(4, 11), (4, 11)]
    assert requests[0]["targets"] == requests[1]["targets"]
    assert [target["target_id"] for target in requests[0]["targets"]] == [str(TargetObject.objects.get().id)]
    assert [request["model"]["model_version_id"] for request in requests] == [
        str(iteration.base_id),
        str(iteration.dpo_version_id),
    ]


def test_with_photographs_held_out_checkpoints_are_measured_on_those_and_trained_on_the_others(world) -> None:
    targets = [world.add_target() for _ in range(8)]
    share = 0.5
    out = {str(target.id) for target in targets if is_held_out(target.image.blob_id, share)}
    assert 0 < len(out) < 8
    services.start(alpha=0.0, settings={"held_out_share": share, "evaluation": {"real_targets": 8}})
    iteration = world.run_until(Step.DONE)
    asked = iteration.runs.filter(kind="evaluate").first().request
    assert {target["target_id"] for target in asked["targets"]} == out
    assert iteration.snapshot.counts["examples_dropped"]["held_out"] == len(out)
    assert iteration.snapshot.example_count == 8 - len(out)


def test_an_evaluation_that_was_made_before_is_not_made_again(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.DONE)
    services.start(alpha=0.5)
    second = world.run_until(Step.DONE)
    base, new = second.runs.filter(kind="evaluate").order_by("created_at")
    assert (base.purpose, base.attempt, base.metrics) == ("evaluate_base", 0, {"voxel_iou": 0.5})
    assert (new.purpose, new.attempt) == ("evaluate_new", 1)
    assert second.decision["outcome"] == "promoted"

    services.start(alpha=0.5, settings={"evaluation": {"seed": 8}})
    third = world.run_until(Step.DONE)
    assert third.runs.get(purpose="evaluate_base").attempt == 1


def test_a_checkpoint_that_is_worse_than_the_gate_allows_is_kept_and_not_promoted(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    iteration = world.run_until(Step.EVALUATING)
    base = str(iteration.base_id)
    world.voxel_iou = lambda model_version_id: 0.5 if model_version_id == base else 0.4
    iteration = world.run_until(Step.DONE)

    assert iteration.decision["outcome"] == "kept incumbent"
    assert "voxel_iou 0.5000 → 0.4000" in iteration.decision["reason"]
    assert ModelVersion.objects.get(promoted=True).name == "k0-pretrain"
    assert ModelVersion.objects.filter(name="k1-dpo").exists()


def test_a_checkpoint_that_forgets_earlier_data_is_kept_and_not_promoted(world) -> None:
    world.add_target()
    world.regression = {"regression_library_before": 0.6, "regression_library_after": 0.5}
    services.start(alpha=0.5)
    iteration = world.run_until(Step.DONE)
    assert iteration.decision["outcome"] == "kept incumbent"
    assert "held-out library shapes" in iteration.decision["reason"]
    assert "0.6000 → 0.5000, worse by 0.1000 (allowed 0.05)" in iteration.decision["reason"]
    assert ModelVersion.objects.get(promoted=True).id == iteration.base_id


def test_the_plan_says_how_much_may_be_forgotten(world) -> None:
    world.add_target()
    world.regression = {"regression_library_before": 0.6, "regression_library_after": 0.5}
    services.start(alpha=0.5, settings={"forgetting_tolerance": 0.2})
    assert world.run_until(Step.DONE).decision["outcome"] == "promoted"


def test_figures_that_are_not_finite_are_never_promoted(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.EVALUATING)
    world.voxel_iou = lambda model_version_id: float("nan")
    iteration = world.run_until(Step.DONE)
    assert iteration.decision["reason"] == "voxel_iou was not measured for the base"
    assert iteration.runs.get(purpose="evaluate_new").metrics == {"voxel_iou": None}


def test_without_usable_pairs_the_fine_tuned_checkpoint_goes_on(world) -> None:
    world.generators = ("sam3d", "retrieval", "text_to_3d")
    world.add_target()
    services.start(alpha=0.5)
    iteration = world.run_until(Step.DONE)

    assert iteration.skipped == {"dpo": "the snapshot has no usable preference pair (2 loser_generator)"}
    assert (iteration.failed, iteration.decision["outcome"]) == (False, "promoted")
    assert ModelVersion.objects.get(promoted=True).name == "k1-sft"


def test_inferred_pairs_count_only_where_the_settings_want_them(world, monkeypatch) -> None:
    real = make.make_rated_selection
    monkeypatch.setattr(make, "make_rated_selection", lambda **kwargs: real(**kwargs, compared=0))
    world.add_target()
    services.start(alpha=0.5, settings={"inferred_pairs": False})
    iteration = world.run_until(Step.DONE)
    assert iteration.snapshot.inferred_pair_count == 1
    assert "dpo" in iteration.skipped


def test_without_an_example_over_the_bar_the_incumbent_stays(world) -> None:
    world.rating = 0.2
    world.add_target()
    services.start(alpha=0.5)
    iteration = world.run_until(Step.DONE)

    assert set(iteration.skipped) == {"sft", "dpo", "evaluating"}
    assert iteration.decision == {"outcome": "kept incumbent", "reason": "no new checkpoint was trained"}
    assert not iteration.runs.exists()


def test_a_diverged_training_stops_the_iteration_and_resume_tries_again_with_other_settings(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.SFT)
    world.answer(failing="the loss is not finite at step 12; no update was made")

    iteration = Iteration.objects.get()
    assert (iteration.step, iteration.failed) == (Step.SFT, True)
    assert iteration.failure == "sft: the loss is not finite at step 12; no update was made"
    assert ModelVersion.objects.get(promoted=True).name == "k0-pretrain"
    world.tick()
    assert not world.waiting(TRAIN_TASK)

    slower = {"sft": {"recipe": "mini_sft", "overrides": {"optimiser.learning_rate": 1e-5}}}
    services.resume(number=1, settings=slower)
    world.tick()
    assert request_sent(world).overrides == {"optimiser.learning_rate": 1e-5}
    assert world.run_until(Step.DONE).decision["outcome"] == "promoted"
    assert list(iteration.runs.filter(purpose="sft").values_list("status", flat=True).order_by("created_at")) == [
        "failed",
        "succeeded",
    ]


def test_a_step_that_keeps_failing_can_be_left_out(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.DPO)
    world.answer(failing="out of memory")
    services.resume(number=1, skip=True)
    iteration = world.run_until(Step.DONE)
    assert iteration.skipped == {"dpo": "left out by hand"}
    assert ModelVersion.objects.get(promoted=True).name == "k1-sft"


def test_only_a_failed_iteration_can_be_resumed(world) -> None:
    services.start(alpha=0.5)
    with pytest.raises(services.NothingToResume):
        services.resume(number=1)
    with pytest.raises(services.NoSuchIteration):
        services.resume(number=2)


def test_there_is_one_iteration_at_a_time(world) -> None:
    services.start(alpha=0.5)
    with pytest.raises(services.IterationRunning, match="Iteration 1 is not done"):
        services.start(alpha=0.5)


@pytest.mark.parametrize(
    ("alpha", "wanted"),
    [
        (1.5, {}),
        (0.5, {"sweet": 1}),
        (0.5, {"gate": []}),
        (0.5, {"gate": [{"metric": "voxel_iou", "better": "bigger"}]}),
        (0.5, {"revisit": ["generating"]}),
        (0.5, {"max_rounds": 0}),
        (0.5, {"replay_snapshots": -1}),
    ],
)
def test_settings_that_make_no_sense_start_nothing(world, alpha, wanted) -> None:
    with pytest.raises(UnusableSettings):
        services.start(alpha=alpha, settings=wanted)
    assert not Iteration.objects.exists()


def test_a_version_that_was_promoted_by_hand_meanwhile_stays(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.EVALUATING)
    other = make.make_model_version(name="by-hand")
    person = make.make_user(Role.ML_ENGINEER)
    services.promote(model_version_id=other.id, actor=person)
    iteration = world.run_until(Step.DONE)

    assert ModelVersion.objects.get(promoted=True) == other
    assert iteration.decision["outcome"] == "kept incumbent"
    assert "by-hand was promoted meanwhile" in iteration.decision["reason"]
    assert AuditEvent.objects.filter(verb="promote", actor=person, subject_id=other.id).exists()


def test_promoting_the_promoted_version_changes_nothing(world) -> None:
    version = make.make_model_version(promoted=True)
    assert services.promote(model_version_id=version.id, actor=None) == version
    assert not AuditEvent.objects.exists()


def test_a_damaged_object_stops_the_freeze_and_resume_goes_on(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.FREEZING)
    mesh = Candidate.objects.filter(generator="sam3d").first().mesh
    content = store().get(mesh.sha256)
    folder = Path(django_settings.LATHE_STORAGE_URL.removeprefix("file://"))
    next(path for path in folder.rglob("*") if path.name == mesh.sha256).unlink()
    world.do_freeze_tasks()
    iteration = Iteration.objects.get()
    assert iteration.failed
    assert mesh.sha256 in iteration.failure

    store().put(content, media_type=mesh.media_type)
    services.resume(number=1)
    assert world.run_until(Step.DONE).snapshot.status == "frozen"


def test_the_report_counts_what_happened(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.DONE)
    report = services.report()

    assert report["images"] == report["targets"]["by_state"]["done"] == 1
    assert report["candidates"]["by_generator"] == {"retrieval": 1, "sam3d": 2}
    assert report["candidates"]["by_model_version"] == {"k0-pretrain": 2}
    assert (report["comparisons"], report["selections"]) == (2, {"rated": 1, "accepted": 1, "rejected": 0})
    (snapshot,) = report["snapshots"]
    assert snapshot["sha256"] == Snapshot.objects.get().manifest_id
    assert [snapshot[name] for name in ("positives", "negatives", "direct_pairs", "inferred_pairs")] == [1, 1, 1, 0]
    assert [row["name"] for row in report["model_versions"]] == ["k0-pretrain", "k1-sft", "k1-dpo"]
    assert report["iterations"][0]["seconds_by_step"].keys() == {
        "collecting",
        "freezing",
        "sft",
        "dpo",
        "evaluating",
        "promoting",
    }


def test_the_report_tells_second_opinions_apart(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.FREEZING)
    first = Selection.objects.get()
    candidates = list(Candidate.objects.filter(run__request=first.request))
    again = make.make_rated_selection(request=first.request, candidates=candidates, rating=0.1, purpose="overlap")
    SecondOpinion.objects.create(
        stage="selection",
        purpose="overlap",
        state="compared",
        reference=first.work_item,
        work_item=again.work_item,
        person=make.make_user(),
        reference_person=make.make_user(),
        agrees=False,
        compared_at=timezone.now(),
    )
    report = services.report()
    assert report["selections"] == {"rated": 1, "accepted": 1, "rejected": 0}
    assert report["second_opinions"] == [
        {"stage": "selection", "purpose": "overlap", "compared": 1, "agreeing": 0},
    ]
    assert report["evaluations"] == []


def test_the_status_is_cheap(world, django_assert_max_num_queries) -> None:
    assert services.status() == {"iteration": None, "promoted": None}
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.SFT)
    with django_assert_max_num_queries(3):
        status = services.status()
    assert status["promoted"] == "k0-pretrain"
    assert (status["iteration"]["step"], status["iteration"]["run"]["purpose"]) == ("sft", "sft")
    assert world.waiting(EVALUATE_TASK) == []
