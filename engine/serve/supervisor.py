"""Runs processes, starts those that die again, and ends them all together."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil
import structlog

GRACE_SECONDS = 15
LONGEST_PAUSE_SECONDS = 30
STEADY_SECONDS = 60

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Program:
    """What to run: `before_start` is called before every start, so also before a restart."""

    name: str
    command: list[str]
    environment: dict[str, str]
    listens_to: str
    before_start: Callable[[], None] | None = None


@dataclass
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause_seconds: float = 1.0
    start_at: float = field(default_factory=time.monotonic)


class Supervisor:
    """Keeps `programs` running until told to stop.

    Each child leads a session of its own, so that Ctrl-C reaches the supervisor alone, which then asks every child to
    finish what it does. The children's pids are noted in `pid_file`: should the supervisor be killed, the next one ends
    those orphans before it starts. It also ends when `unneeded()` says that nobody wants it any more.
    """

    def __init__(
        self, programs: list[Program], *, pid_file: Path, unneeded: Callable[[], bool] = lambda: False
    ) -> None:
        self._unneeded = unneeded
        self._children = [_Child(program) for program in programs]
        self._pid_file = pid_file
        self._stopping = False

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT; a second signal kills at once."""
        end_noted_processes(self._pid_file)
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while not self._stopping and not self._unneeded():
                for child in self._children:
                    self._look_after(child)
                time.sleep(0.2)
        finally:
            self._end_children()
            self._pid_file.unlink(missing_ok=True)
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            self._signal_children(signal.SIGKILL)
        self._stopping = True

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is not None and child.process.poll() is not None:
            if now - child.started_at > STEADY_SECONDS:
                child.pause_seconds = 1.0
            log.warning(
                "process_died",
                name=child.program.name,
                exit_code=child.process.returncode,
                restart_in_seconds=child.pause_seconds,
            )
            _signal_session(child.process.pid, signal.SIGKILL)  # its own children must not live on beside the new ones
            child.process = None
            child.start_at = now + child.pause_seconds
            child.pause_seconds = min(2 * child.pause_seconds, LONGEST_PAUSE_SECONDS)
        if child.process is None and now >= child.start_at:
            self._start(child)

    def _start(self, child: _Child) -> None:
        if child.program.before_start is not None:
            child.program.before_start()
        child.process = subprocess.Popen(
            child.program.command,
            env=child.program.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        child.started_at = time.monotonic()
        log.info(
            "process_started",
            name=child.program.name,
            pid=child.process.pid,
            listens_to=child.program.listens_to,
        )
        self._note_pids()

    def _note_pids(self) -> None:
        running = [child.process.pid for child in self._children if child.process is not None]
        noted = [[pid, psutil.Process(pid).create_time()] for pid in running if psutil.pid_exists(pid)]
        draft = self._pid_file.with_suffix(".draft")
        draft.write_text(json.dumps(noted))
        draft.replace(self._pid_file)

    def _end_children(self) -> None:
        for child in self._children:
            if child.process is not None:
                child.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self._children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                # Nothing is lost: tasks are acknowledged when done, and the next start hands this one out again.
                log.warning("process_killed", name=child.program.name, after_seconds=GRACE_SECONDS)
            _signal_session(child.process.pid, signal.SIGKILL)
            child.process.wait()

    def _signal_children(self, number: int) -> None:
        for child in self._children:
            if child.process is not None:
                _signal_session(child.process.pid, number)


def end_noted_processes(pid_file: Path) -> None:
    """End the processes that a killed supervisor left behind."""
    try:
        noted = json.loads(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return
    for pid, created_at in noted:
        try:
            if psutil.Process(pid).create_time() == created_at:
                log.warning("orphan_ended", pid=pid)
                _signal_session(pid, signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    pid_file.unlink(missing_ok=True)


def _signal_session(leader_pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader_pid, number)
