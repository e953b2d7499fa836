"""The flywheel's messages: through JSON and a real broker, under the names and queues that workers know."""

import json
from typing import Any

import pytest
from django.utils import timezone

from engine.celery import app
from engine.contracts.serialisation import to_json
from engine.contracts.training import (
    EVALUATE_TASK,
    RECORD_EVALUATION_TASK,
    RECORD_PROGRESS_TASK,
    RECORD_TRAINING_TASK,
    TRAIN_TASK,
    TrainProgress,
    TrainReply,
)
from engine.flywheel import services, steps, tasks
from engine.flywheel.models import Iteration, TrainingRun
from engine.flywheel.voting.advancing import ADVANCE_TASK as ADVANCE_EVALUATIONS_TASK
from engine.sending import send_soon


def as_sent(message: Any) -> dict[str, Any]:
    return json.loads(json.dumps(to_json(message)))


def play(world, name: str, message: dict[str, Any]) -> None:
    """A worker answers by task name, as over a broker."""
    reply = world.reply_to(name, message)
    answer = RECORD_TRAINING_TASK if isinstance(reply, TrainReply) else RECORD_EVALUATION_TASK
    app.tasks[answer].apply(kwargs={"message": as_sent(reply), "of_a_later_version": 1}, throw=True)


def test_a_whole_turn_by_task_names_alone(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    for _ in range(20):
        app.tasks["engine.flywheel.tasks.advance_running"].apply(throw=True)
        world.judge_everything()
        for name, kwargs in world.messages[:]:
            if name in (TRAIN_TASK, EVALUATE_TASK):
                sign = TrainProgress(run_id=kwargs["message"]["run_id"], attempt=1, step=1, total_steps=2)
                app.tasks[RECORD_PROGRESS_TASK].apply(kwargs={"message": as_sent(sign)}, throw=True)
                play(world, name, json.loads(json.dumps(kwargs)))
            elif name in (steps.FREEZE_TASK, services.ADVANCE_TASK):
                app.tasks[name].apply(kwargs=kwargs, throw=True)
            world.messages.remove((name, kwargs))
    iteration = Iteration.objects.get()
    assert (iteration.step, iteration.decision["outcome"]) == ("done", "promoted")
    assert TrainingRun.objects.get(purpose="sft").step == 1


def test_runs_and_freezes_reach_their_queues_on_a_real_broker(db, broker_url) -> None:
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        queues = {name: app.amqp.queues[name](channel) for name in ("train", "geometry")}
        for queue in queues.values():
            queue.declare()
            queue.purge()
        services.pretrain()
        services.advance_running(now=timezone.now())
        iteration = Iteration.objects.create(number=1, alpha=0.5)
        send_soon(steps.FREEZE_TASK, iteration_id=str(iteration.id))

        sent = queues["train"].get(no_ack=True)
        assert sent is not None
        assert sent.headers["task"] == TRAIN_TASK
        assert sent.decode()[1]["message"]["run_id"] == str(TrainingRun.objects.get().id)
        assert sent.decode()[1]["message"]["attempt"] == 1
        freeze = queues["geometry"].get(no_ack=True)
        assert freeze is not None
        assert freeze.headers["task"] == steps.FREEZE_TASK
    assert tasks.freeze.name == steps.FREEZE_TASK


def test_the_timetable_turns_the_flywheel() -> None:
    scheduled = {entry["task"] for entry in tasks.BEAT_SCHEDULE.values()}
    assert scheduled == {tasks.advance_running.name, ADVANCE_EVALUATIONS_TASK}
    assert scheduled <= set(app.tasks)


@pytest.mark.parametrize("name", [RECORD_TRAINING_TASK, RECORD_EVALUATION_TASK, RECORD_PROGRESS_TASK])
def test_the_names_of_the_contract_are_registered(name) -> None:
    assert name in app.tasks
