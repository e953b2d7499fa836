"""Engine and a real worker over a real broker: killed in mid-generation, broker away, nothing acknowledged is lost."""

import io
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from django.utils import timezone
from PIL import Image

from engine.celery import app
from engine.contracts.generation import RECORD_REPLY_TASK, RECORD_START_TASK, GenerateReply, GenerateStart
from engine.contracts.serialisation import from_json
from engine.embedded.celery_app import make_app
from engine.generation import services
from engine.generation.models import Candidate, GenerationRun
from engine.lifecycle import ON_ENTRY, State
from engine.storage import services as storage
from tests import factories
from tests.integration.model_workers.conftest import EngineQueue, Worker
from tests.redis_server import RedisServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine_on_the_same_broker(
    redis_server: RedisServer, var: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine side of the test sends to the test's Redis and stores where the worker looks."""
    for trace in [*var.glob("started-*"), *var.glob("go")]:
        trace.unlink()
    settings.LATHE_STORAGE_URL = (var / "blobs").as_uri()
    monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url)
    sender = make_app("engine_of_the_test", broker_url=redis_server.url, task_routes=app.conf.task_routes)
    monkeypatch.setattr("engine.generation.outbox.app", sender)
    monkeypatch.setattr("engine.dispatch.ON_ENTRY", {State.GENERATING: ON_ENTRY[State.GENERATING]})


@pytest.fixture
def waiting_run(engine_on_the_same_broker: None) -> Callable[[str], GenerationRun]:
    """A target under way with one run of two seeds."""

    def make(generator: str) -> GenerationRun:
        buffer = io.BytesIO()
        Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(buffer, format="PNG")
        factories.make_target(image=factories.make_image(content=buffer.getvalue()), state=State.READY)
        services.open_collection(iteration=1, alpha=0.5, suite={generator: 2})
        services.request_ready_targets()
        return GenerationRun.objects.get()

    return make


def record_next(engine_queue: EngineQueue) -> str:
    """Do with the worker's next message what the engine's task does; returns the task's name."""
    task, message = engine_queue.take()
    if task == RECORD_START_TASK:
        services.record_start(start=from_json(GenerateStart, message))
    if task == RECORD_REPLY_TASK:
        services.record_reply(reply=from_json(GenerateReply, message))
    return task


def test_a_worker_killed_in_mid_generation(
    waiting_run: Callable[[str], GenerationRun],
    start_worker: Callable[[], Worker],
    engine_queue: EngineQueue,
    var: Path,
) -> None:
    run = waiting_run("strange_patient")
    assert services.publish_waiting_runs() == 1
    first = start_worker()
    assert record_next(engine_queue) == RECORD_START_TASK
    while not (started := list(var.glob("started-*"))):
        time.sleep(0.05)
    first.kill()
    time.sleep(0.2)  # the system tells the generator's process
    host_pid = int(started[0].name.removeprefix("started-"))
    assert not psutil.pid_exists(host_pid) or psutil.Process(host_pid).status() == psutil.STATUS_ZOMBIE

    assert services.sweep_overdue_runs(now=timezone.now() + timedelta(seconds=200)) == 1
    assert services.publish_waiting_runs() == 1
    (var / "go").touch()
    start_worker()
    while record_next(engine_queue) != RECORD_REPLY_TASK:
        pass
    run.refresh_from_db()
    assert (run.status, run.attempt, run.error) == ("succeeded", 2, "")
    assert Candidate.objects.filter(run=run).count() == 2


def test_a_broker_that_goes_away_and_comes_back(
    waiting_run: Callable[[str], GenerationRun],
    start_worker: Callable[[], Worker],
    engine_queue: EngineQueue,
    redis_server: RedisServer,
    var: Path,
) -> None:
    run = waiting_run("strange_patient")
    redis_server.stop()
    started = time.monotonic()
    assert services.publish_waiting_runs() == 0
    assert time.monotonic() - started < 5  # whoever serves a request does not hang
    run.refresh_from_db()
    assert (run.status, run.attempt) == ("waiting", 0)

    redis_server.start()
    assert services.publish_waiting_runs() == 1
    redis_server.stop()  # what was handed over survives the broker
    redis_server.start()
    worker = start_worker()
    assert record_next(engine_queue) == RECORD_START_TASK
    redis_server.stop()  # while the generator works
    (var / "go").touch()
    while "broker_away" not in worker.log.read_text():
        time.sleep(0.1)
    redis_server.start()
    assert record_next(engine_queue) == RECORD_REPLY_TASK
    run.refresh_from_db()
    assert run.status == "succeeded"
    assert storage.store().exists(Candidate.objects.first().mesh_id)
