"""`python -m engine.serve` as the demo and end-to-end tests run it: own folder, own port, own services."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.embedded import postgres, redis
from engine.serve.background import BackgroundLathe, NotServingError


@pytest.fixture(scope="module")
def lathe() -> Iterator[BackgroundLathe]:
    folder = Path(tempfile.mkdtemp(prefix="lathe-serve-"))
    with pytest.MonkeyPatch.context() as patch:
        for configured in ("DATABASE_URL", "CELERY_BROKER_URL", "LATHE_STORAGE_URL"):
            patch.delenv(configured, raising=False)
        patch.setenv("LATHE_VAR", str(folder / "var"))
        with BackgroundLathe(var=folder / "var", environment={"DJANGO_SETTINGS_MODULE": "engine.settings"}) as lathe:
            yield lathe
        postgres.stop()
        redis.stop()
    shutil.rmtree(folder)


def events(lathe: BackgroundLathe, name: str) -> list[dict[str, object]]:
    lines = [line for line in lathe.log_path.read_text().splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["event"] == name]


def wait_for(lathe: BackgroundLathe, name: str, *, count: int = 1) -> list[dict[str, object]]:
    deadline = time.monotonic() + 40
    while len(events(lathe, name)) < count:
        assert time.monotonic() < deadline, f"no {name} in\n{lathe.log_path.read_text()}"
        time.sleep(0.1)
    return events(lathe, name)


def test_each_process_says_what_it_listens_to(lathe: BackgroundLathe) -> None:
    said = {event["name"]: event["listens_to"] for event in wait_for(lathe, "process_started", count=2)}
    assert said["web"] == lathe.url
    assert said["engine worker"] == "queues engine, geometry"
    assert wait_for(lathe, "worker_ready")[0]["queues"] == ["engine", "geometry"]


def test_a_killed_web_server_comes_back(lathe: BackgroundLathe) -> None:
    master = next(event["pid"] for event in wait_for(lathe, "process_started") if event["name"] == "web")
    assert isinstance(master, int)
    os.kill(master, signal.SIGKILL)
    (died,) = wait_for(lathe, "process_died")
    assert (died["name"], died["exit_code"]) == ("web", -signal.SIGKILL)

    deadline = time.monotonic() + 30
    while not lathe.answers():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_second_serve_of_the_same_folder_is_refused(lathe: BackgroundLathe) -> None:
    with pytest.raises(NotServingError, match="already serves"):
        BackgroundLathe(var=lathe.var).start()


def test_stop_ends_every_process_and_leaves_the_services(lathe: BackgroundLathe) -> None:
    family = psutil.Process(lathe.pid).children(recursive=True)
    lathe.stop()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    assert postgres.answers()
    assert redis.answers()
