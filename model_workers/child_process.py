"""A child process of a worker, watched over: time, memory, life. What it does wrong is a reason, never our end."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from engine.embedded.places import CHECKOUT

WATCH_SECONDS = 0.25
MOST_EVENT_BYTES = 4 * 2**20


class ChildLost(Exception):
    """The child did not live to the end of its work, and is gone now; the message says why."""


class ChildProcess:
    """Runs `python -m module`, started when needed and again after it was lost. JSON lines go in and come out."""

    def __init__(self, module: str, *, what: str, memory_bytes: int | None = None) -> None:
        """`what` names the work in messages: "the generator took longer than 60 s"."""
        self.module = module
        self.what = what
        self.memory_bytes = memory_bytes or allowed_memory_bytes()
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._ending: threading.Timer | None = None
        self._ending_lock = threading.Lock()

    def send(self, message: Any) -> None:
        """Give the child a line to work on."""
        with self._ending_lock:
            if self._ending is not None:
                self._ending.cancel()
            self._ending = None
        process = self._running()
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died while idle: reading tells how
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()

    def next_event(self, *, deadline: float | None = None, deadline_seconds: float = 0.0) -> dict[str, Any]:
        """Wait for the child's next line, until `deadline` (monotonic clock; `deadline_seconds` is its wording).

        Raises:
            ChildLost: it ended, took too long or used too much memory.
        """
        try:
            return self._wait(deadline, deadline_seconds)
        except ChildLost:
            self.close()
            raise

    def close(self) -> None:
        """Kill the child, if there is one."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._process, self._unread = None, b""

    def close_if_idle(self, *, seconds: float) -> None:
        """Kill the child after so many seconds, unless it is given something to do before."""
        self._ending = threading.Timer(seconds, self._close_unless_used)
        self._ending.daemon = True
        self._ending.start()

    def _close_unless_used(self) -> None:
        with self._ending_lock:
            if self._ending is threading.current_thread():
                self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(os.getpid())],
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # a process group: what the child starts ends with it
            )
        return self._process

    def _wait(self, deadline: float | None, deadline_seconds: float) -> dict[str, Any]:
        process = self._running()
        assert process.stdout is not None
        while b"\n" not in self._unread:
            if deadline is not None and time.monotonic() > deadline:
                raise ChildLost(f"{self.what} took longer than {deadline_seconds:g} s")
            if resident_bytes(process.pid) > self.memory_bytes:
                raise ChildLost(f"{self.what} used more than {self.memory_bytes // 2**20} MB of memory")
            if not select.select([process.stdout], [], [], WATCH_SECONDS)[0]:
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                raise ChildLost(f"the process of {self.what} ended with {_in_words(process.wait())}")
            self._unread += chunk
            if len(self._unread) > MOST_EVENT_BYTES:
                raise ChildLost(f"{self.what} said more than {MOST_EVENT_BYTES // 2**20} MB at once")
        line, self._unread = self._unread.split(b"\n", 1)
        event = json.loads(line)
        assert isinstance(event, dict)
        return event


def allowed_memory_bytes() -> int:
    """`LATHE_WORKER_MEMORY_MB`, else three quarters of this machine's memory."""
    configured = os.environ.get("LATHE_WORKER_MEMORY_MB")
    if configured:
        return int(configured) * 2**20
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4


def resident_bytes(pid: int) -> int:
    """Memory that a process holds now; 0 where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _in_words(exit_status: int) -> str:
    return f"signal {-exit_status}" if exit_status < 0 else f"exit status {exit_status}"
