"""The supervisor with programs that only sleep, in a process of its own, as `make serve` has it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.embedded.places import CHECKOUT

SUPERVISE = """
import os, sys
from pathlib import Path
from engine.serve.supervisor import Program, Supervisor
sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
Supervisor(
    [Program(name=name, command=sleeper, environment=dict(os.environ), listens_to="nothing") for name in ("a", "b")],
    pid_file=Path(sys.argv[1]),
).run()
"""


def eventually(condition: Callable[[], bool], *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Running:
    def __init__(self, folder: Path) -> None:
        self.pid_file = folder / "children.json"
        self.process = subprocess.Popen([sys.executable, "-c", SUPERVISE, str(self.pid_file)], cwd=CHECKOUT)

    def children(self) -> list[int]:
        return [pid for pid, _ in json.loads(self.pid_file.read_text())] if self.pid_file.exists() else []

    def has_children(self, count: int = 2) -> bool:
        return len(self.children()) == count and all(map(psutil.pid_exists, self.children()))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    supervisor = Running(tmp_path)
    eventually(supervisor.has_children)
    yield supervisor
    supervisor.process.terminate()
    supervisor.process.wait(20)


def test_a_child_that_dies_is_started_again(running: Running) -> None:
    killed, kept = running.children()
    os.kill(killed, signal.SIGKILL)

    eventually(lambda: running.has_children() and killed not in running.children())

    assert kept in running.children()


def test_sigterm_ends_all_children(running: Running) -> None:
    children = running.children()
    running.process.terminate()

    assert running.process.wait(20) == 0
    assert not any(map(psutil.pid_exists, children))
    assert not running.pid_file.exists()


def test_the_next_supervisor_ends_what_a_killed_one_left_behind(running: Running, tmp_path: Path) -> None:
    orphans = running.children()
    running.process.kill()
    running.process.wait()
    assert all(map(psutil.pid_exists, orphans))

    following = Running(tmp_path)
    try:
        eventually(lambda: not any(map(psutil.pid_exists, orphans)))
        eventually(following.has_children)
    finally:
        following.process.terminate()
        following.process.wait(20)


def test_a_noted_pid_that_another_process_has_by_now_is_left_alone(tmp_path: Path) -> None:
    from engine.serve.supervisor import end_noted_processes

    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        noted = tmp_path / "children.json"
        noted.write_text(json.dumps([[bystander.pid, 12345.0]]))
        end_noted_processes(noted)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
