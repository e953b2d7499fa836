"""What trainers and evaluators are told, and what becomes of their answers: once, late, broken or never."""

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.contracts.blobs import BlobRef
from engine.contracts.generation import ReplyStatus
from engine.contracts.serialisation import from_json
from engine.contracts.training import EVALUATE_TASK, TRAIN_TASK, TrainingStage, TrainProgress, TrainReply, TrainRequest
from engine.datasets.models import Snapshot
from engine.flywheel import services
from engine.flywheel.models import Iteration, ModelVersion, TrainingRun
from tests.integration.flywheel.conftest import World

Step = Iteration.Step


def request_sent(world: World) -> TrainRequest:
    (message,) = world.waiting(TRAIN_TASK)
    return from_json(TrainRequest, message["message"])


def test_the_trainer_is_told_stage_recipe_parent_and_snapshot(world) -> None:
    world.add_target()
    services.start(alpha=0.5, settings={"sft": {"recipe": "mini_sft", "overrides": {"steps": 5}}})
    iteration = world.run_until(Step.SFT)
    sft = request_sent(world)
    assert (sft.stage, sft.recipe, sft.overrides, sft.attempt) == (TrainingStage.SFT, "mini_sft", {"steps": 5}, 1)
    assert sft.parent.model_version_id == str(iteration.base_id)
    assert sft.snapshot.snapshot_sha256 == iteration.snapshot.manifest_id
    assert sft.snapshot.example_count == 1

    world.run_until(Step.DPO)
    dpo = request_sent(world)
    assert dpo.stage is TrainingStage.DPO
    assert dpo.parent.model_version_id == str(ModelVersion.objects.get(name="k1-sft").id)
    assert dpo.overrides == {"dpo.inferred_pairs": True, "dpo.only_sam3d_negatives": True}


@pytest.mark.parametrize("wanted", [0, 1, 5])
def test_earlier_snapshots_are_replayed_where_the_plan_says_so(world, wanted) -> None:
    for _ in range(2):
        world.add_target()
        services.start(alpha=0.5)
        world.run_until(Step.DONE)
    world.add_target()
    services.start(alpha=0.5, settings={"replay_snapshots": wanted})
    third = world.run_until(Step.SFT)
    replayed = [snapshot.snapshot_sha256 for snapshot in request_sent(world).replay]
    earlier = Snapshot.objects.filter(iteration__lt=third.number).order_by("-iteration")
    assert replayed == [snapshot.manifest_id for snapshot in earlier][:wanted]
    assert len(replayed) == min(wanted, 2)


def test_an_answer_counts_once(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.SFT)
    (message,) = world.waiting(TRAIN_TASK)
    reply = world.reply_to(TRAIN_TASK, message)
    assert world.deliver(reply) is True
    assert world.deliver(reply) is False
    assert ModelVersion.objects.filter(name="k1-sft").count() == 1


def test_a_silent_trainer_is_sent_the_run_again_and_then_given_up(world, settings) -> None:
    settings.LATHE_TRAINING_ATTEMPTS = 2
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.SFT)
    first = request_sent(world)
    world.tick(later=timedelta(hours=2))
    attempts = [message["message"]["attempt"] for message in world.waiting(TRAIN_TASK)]
    assert attempts == [1, 2]

    failure = TrainReply(run_id=first.run_id, attempt=1, status=ReplyStatus.FAILED, error="killed")
    assert world.deliver(failure) is False  # the second attempt is under way
    world.tick(later=timedelta(hours=4))
    iteration = Iteration.objects.get()
    assert iteration.failure == "sft: no sign of life from any trainer in 2 attempts"


def test_a_late_success_of_an_earlier_attempt_counts(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.SFT)
    world.tick(later=timedelta(hours=2))
    first, second = world.waiting(TRAIN_TASK)
    assert world.deliver(world.reply_to(TRAIN_TASK, first)) is True
    assert world.deliver(world.reply_to(TRAIN_TASK, second)) is False
    assert TrainingRun.objects.get(purpose="sft").status == "succeeded"


def test_a_sign_of_life_moves_the_deadline(world, settings) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.SFT)
    run = TrainingRun.objects.get(purpose="sft")
    before = timezone.now()
    sign = TrainProgress(run_id=str(run.id), attempt=1, step=3, total_steps=10, metrics={"loss": float("inf")})
    assert services.record_progress(progress=sign) is True
    run.refresh_from_db()
    assert (run.step, run.total_steps, run.metrics) == (3, 10, {"loss": None})
    assert run.deadline_at < before + timedelta(seconds=settings.LATHE_TRAINING_SILENCE_SECONDS + 60)
    stale = TrainProgress(run_id=str(run.id), attempt=7, step=9, total_steps=10)
    assert services.record_progress(progress=stale) is False


def test_a_silent_evaluator_is_noticed_as_soon_as_a_silent_trainer(world, settings) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.EVALUATING)
    (message,) = world.waiting(EVALUATE_TASK)
    sign = TrainProgress(run_id=message["message"]["run_id"], attempt=1, step=0, total_steps=0)
    assert services.record_progress(progress=sign) is True
    world.tick(later=timedelta(seconds=settings.LATHE_TRAINING_SILENCE_SECONDS - 5))
    assert len(world.waiting(EVALUATE_TASK)) == 1
    world.tick(later=timedelta(seconds=settings.LATHE_TRAINING_SILENCE_SECONDS + 5))
    assert [sent["message"]["attempt"] for sent in world.waiting(EVALUATE_TASK)] == [1, 2]


@pytest.mark.parametrize("checkpoint", [None, BlobRef("0" * 64, "application/x-safetensors", 3)])
def test_a_success_without_a_stored_checkpoint_is_a_failure(world, checkpoint) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Step.SFT)
    run_id = request_sent(world).run_id
    world.deliver(TrainReply(run_id=run_id, attempt=1, status=ReplyStatus.SUCCEEDED, checkpoint=checkpoint))
    assert Iteration.objects.get().failed
    assert TrainingRun.objects.get(id=run_id).status == "failed"


def test_an_answer_to_a_run_that_nobody_asked_for_is_ignored(world) -> None:
    reply = TrainReply(run_id="7b8c1c3e-8f53-4c9c-8d0e-5a4f0d3f6a11", attempt=1, status=ReplyStatus.SUCCEEDED)
    assert world.deliver(reply) is False


def test_nothing_is_lost_while_the_broker_is_away(world) -> None:
    world.add_target()
    world.broker_away = True
    services.start(alpha=0.5)
    world.tick()
    assert TrainingRun.objects.get().status == "waiting"
    world.broker_away = False
    assert world.run_until(Step.DONE).decision["outcome"] == "promoted"


def test_a_failed_pretraining_stops_the_first_iteration_and_can_be_tried_again(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.tick()
    world.answer(failing="no space left")
    iteration = Iteration.objects.get()
    assert (iteration.step, iteration.failure) == (Step.COLLECTING, "pretrain: no space left")
    services.resume(number=1)
    assert world.run_until(Step.DONE).decision["outcome"] == "promoted"


def test_pretraining_ahead_of_the_first_iteration(world) -> None:
    run = services.pretrain()
    assert services.pretrain() == run
    world.tick()
    world.answer()
    assert services.pretrain() == ModelVersion.objects.get(promoted=True)
    world.add_target()
    services.start(alpha=0.5)
    assert world.run_until(Step.FREEZING).base.name == "k0-pretrain"
