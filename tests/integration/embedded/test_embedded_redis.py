import os
import signal
import time
from pathlib import Path

import pytest

from engine.embedded import redis

from .conftest import start_and_die

pytestmark = pytest.mark.usefixtures("var_folder")


def test_survives_the_death_of_its_starter() -> None:
    start_and_die("redis")
    assert redis.answers()


def test_is_reused() -> None:
    redis.ensure_running()
    pid = redis.server_pid()
    redis.ensure_running()
    assert redis.server_pid() == pid


def test_keeps_tasks_and_evicts_nothing() -> None:
    redis.ensure_running()
    with redis.client() as connection:
        assert connection.config_get("appendonly")["appendonly"] == "yes"
        assert connection.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


def test_has_what_it_acknowledged_after_kill_9() -> None:
    redis.ensure_running()
    with redis.client() as connection:
        connection.rpush("tasks", *range(1000))
    killed = redis.server_pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    while redis.answers():
        time.sleep(0.01)

    redis.ensure_running()

    with redis.client() as connection:
        assert connection.llen("tasks") == 1000


def test_stop_stops() -> None:
    redis.ensure_running()
    assert redis.stop() is True
    assert not redis.answers()
    assert redis.stop() is False


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_VAR", str(tmp_path / ("long" * 25) / "var"))
    try:
        redis.ensure_running()
        assert str(redis.socket_path()).startswith("/tmp/lathe-")
    finally:
        redis.stop()
        redis.socket_path().parent.rmdir()
