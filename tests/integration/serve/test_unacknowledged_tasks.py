import signal
import subprocess
import sys

import kombu
import pytest

from engine.embedded import redis
from engine.serve import programs

DATABASE = 7  # of the embedded Redis: nobody else's


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> str:
    redis.ensure_running()
    with redis.client(database=DATABASE) as server:
        server.flushdb()
    address = redis.url(database=DATABASE)
    monkeypatch.setattr(redis, "url", lambda: address)
    original = redis.client
    monkeypatch.setattr(redis, "client", lambda: original(database=DATABASE))
    return address


def hand_out_and_die(address: str, queue: str) -> None:
    """A worker takes the task and is killed before it acknowledges."""
    code = (
        "import kombu, os, signal, sys; "
        "kombu.Connection(sys.argv[1]).SimpleQueue(sys.argv[2]).get(timeout=5); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, address, queue]).returncode == -signal.SIGKILL


def waiting(queue: str) -> int:
    with redis.client() as server:
        return server.llen(queue)


def test_what_a_killed_worker_held_goes_back_to_its_queue(broker: str) -> None:
    with kombu.Connection(broker) as connection:
        for queue in ("generate", "engine"):
            connection.SimpleQueue(queue).put({"task": queue})
    for queue in ("generate", "engine"):
        hand_out_and_die(broker, queue)
        assert waiting(queue) == 0

    assert redis.hand_back_unacknowledged(programs.MODEL_QUEUES) == 1

    assert waiting("generate") == 1
    assert waiting("engine") == 0
    assert redis.hand_back_unacknowledged(programs.ENGINE_QUEUES) == 1
    assert redis.hand_back_unacknowledged([*programs.MODEL_QUEUES, *programs.ENGINE_QUEUES]) == 0
