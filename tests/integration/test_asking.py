"""Asking a worker and waiting: through the real broker, with a real worker, and without one."""

import time

import pytest
from celery.contrib.testing.worker import start_worker
from kombu.exceptions import OperationalError

from engine import asking
from engine.celery import app
from engine.embedded import redis


@pytest.fixture(scope="module")
def worker():
    redis.ensure_running()

    @app.task(name="engine.alignment.tasks.assist_add", ignore_result=False)
    def add(*, left: int, right: int) -> int:
        return left + right

    @app.task(name="engine.alignment.tasks.assist_stumble", ignore_result=False)
    def stumble() -> None:
        raise ValueError("no such mesh")

    with start_worker(app, pool="solo", queues=["assist"], perform_ping_check=False, shutdown_timeout=30):
        yield
    app.tasks.pop(add.name)
    app.tasks.pop(stumble.name)


def test_the_answer_comes_back(worker):
    assert asking.ask("engine.alignment.tasks.assist_add", timeout_seconds=20, left=2, right=3) == 5


def test_a_worker_that_fails_is_help_that_does_not_come(worker):
    with pytest.raises(asking.NobodyAnswers, match="could not do it"):
        asking.ask("engine.alignment.tasks.assist_stumble", timeout_seconds=20)


def test_nobody_waits_longer_than_told():
    redis.ensure_running()
    began = time.monotonic()
    with pytest.raises(asking.NobodyAnswers, match="Go on by hand"):
        asking.ask("engine.alignment.tasks.assist_nobody", timeout_seconds=0.3)
    assert time.monotonic() - began < 10


def test_a_broker_that_is_away_is_said_at_once(monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(asking.app, "send_task", away)
    with pytest.raises(asking.NobodyAnswers):
        asking.ask("engine.alignment.tasks.assist_add", timeout_seconds=5, left=1, right=1)
