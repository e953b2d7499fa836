"""`python -m engine.serve` as the demo and end-to-end tests run it: own folder, own port, own services."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.embedded import postgres, redis
from engine.embedded.places import CHECKOUT
from engine.serve.background import BackgroundLathe

SETTINGS = {"DJANGO_SETTINGS_MODULE": "engine.settings"}


@pytest.fixture(scope="module")
def var() -> Iterator[Path]:
    """An empty folder, and services of its own."""
    folder = Path(tempfile.mkdtemp(prefix="lathe-serve-"))
    with pytest.MonkeyPatch.context() as patch:
        for configured in ("DATABASE_URL", "CELERY_BROKER_URL", "LATHE_STORAGE_URL"):
            patch.delenv(configured, raising=False)
        patch.setenv("LATHE_VAR", str(folder / "var"))
        yield folder / "var"
        postgres.stop()
        redis.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def left_behind(var: Path) -> list[int]:
    """Processes of a Lathe whose starter was killed as soon as it answered."""
    code = (
        "import json, os, signal, sys; from pathlib import Path; from engine.serve.background import BackgroundLathe; "
        "BackgroundLathe(var=Path(sys.argv[1]), environment=json.loads(sys.argv[2])).start(); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", code, str(var), json.dumps(SETTINGS)]
    assert subprocess.run(command, cwd=CHECKOUT, timeout=90).returncode == -signal.SIGKILL
    log = var / "serve.log"
    started = [int(str(event["pid"])) for event in events(log, "process_started")]
    log.unlink()  # the next one has its own
    return started


@pytest.fixture(scope="module")
def lathe(var: Path, left_behind: list[int]) -> Iterator[BackgroundLathe]:
    with BackgroundLathe(var=var, environment=SETTINGS) as lathe:
        yield lathe


def events(log: Path, name: str) -> list[dict[str, object]]:
    lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["event"] == name]


def wait_for(lathe: BackgroundLathe, name: str, *, count: int = 1) -> list[dict[str, object]]:
    deadline = time.monotonic() + 40
    while len(events(lathe.log_path, name)) < count:
        assert time.monotonic() < deadline, f"no {name} in\n{lathe.log_path.read_text()}"
        time.sleep(0.1)
    return events(lathe.log_path, name)


def test_it_ends_with_the_process_that_started_it_and_the_next_takes_over(
    lathe: BackgroundLathe, left_behind: list[int]
) -> None:
    assert left_behind
    alive = {process.pid for process in psutil.process_iter() if process.status() != psutil.STATUS_ZOMBIE}
    assert not alive & set(left_behind)
    assert lathe.answers()


def test_each_process_says_what_it_listens_to(lathe: BackgroundLathe) -> None:
    said = {event["name"]: event["listens_to"] for event in wait_for(lathe, "process_started", count=5)}
    assert said == {
        "web": lathe.url,
        "engine worker": "queues engine, geometry",
        "assist worker": "queues assist",
        "model worker": "queues generate, train, recognise",
        "segment worker": "queues segment",
    }
    ready = wait_for(lathe, "worker_ready", count=4)
    assert sorted(map(str, (event["queues"] for event in ready))) == [
        "['assist']",
        "['engine', 'geometry']",
        "['generate', 'recognise', 'train']",
        "['segment']",
    ]


def test_every_line_of_the_log_is_an_event(lathe: BackgroundLathe) -> None:
    wait_for(lathe, "worker_ready", count=4)
    lines = lathe.log_path.read_text().splitlines()
    assert [line for line in lines if not line.startswith("{")] == []


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
    second = subprocess.run(
        [sys.executable, "-m", "engine.serve", "--port=0"],
        cwd=CHECKOUT,
        env={**os.environ, "LATHE_VAR": str(lathe.var)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert f"already serves from {lathe.var} (process {lathe.pid})" in second.stderr


def test_stop_ends_every_process_and_leaves_the_services(lathe: BackgroundLathe) -> None:
    family = psutil.Process(lathe.pid).children(recursive=True)
    lathe.stop()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    assert postgres.answers()
    assert redis.answers()
