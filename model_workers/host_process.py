"""Keeps one generator host (`model_workers.host`) and watches over each request: time, memory, life."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from engine.contracts.generation import CandidateResult, GenerateRequest
from engine.contracts.serialisation import from_json, to_json
from engine.embedded.places import CHECKOUT

WATCH_SECONDS = 0.25
MOST_EVENT_BYTES = 4 * 2**20

log = structlog.get_logger(__name__)


@dataclass
class Outcome:
    """What a request gave: candidates, reasons for refused meshes, and why it failed where it did."""

    candidates: list[CandidateResult] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failure: str = ""


class _Ended(Exception):
    """The host did not live to the end of the request; the message says why."""


class HostProcess:
    """One host, started when needed and again after it was lost."""

    def __init__(self, *, memory_bytes: int | None = None) -> None:
        self.memory_bytes = memory_bytes or allowed_memory_bytes()
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def run(self, request: GenerateRequest) -> Outcome:
        """Run a request for at most its deadline. What arrived before a failure is kept."""
        outcome = Outcome()
        deadline = time.monotonic() + request.deadline_seconds
        try:
            process = self._running()
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it died while idle: reading tells how
                process.stdin.write(json.dumps(to_json(request)).encode() + b"\n")
                process.stdin.flush()
            while True:
                event = self._next_event(process, deadline, request.deadline_seconds)
                if "candidate" in event:
                    outcome.candidates.append(from_json(CandidateResult, event["candidate"]))
                elif "refused" in event:
                    outcome.refused.append(f"seed {event['refused']['seed']}: {event['refused']['reason']}")
                else:
                    outcome.failure = event["end"]
                    return outcome
        except _Ended as ended:
            self.close()
            log.warning("generator_host_lost", generator=request.generator, run_id=request.run_id, reason=str(ended))
            outcome.failure = str(ended)
            return outcome

    def close(self) -> None:
        """Kill the host, if any."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._process, self._unread = None, b""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "model_workers.host", str(os.getpid())],
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self._process

    def _next_event(
        self, process: subprocess.Popen[bytes], deadline: float, deadline_seconds: float
    ) -> dict[str, object]:
        assert process.stdout is not None
        while b"\n" not in self._unread:
            if time.monotonic() > deadline:
                raise _Ended(f"the generator took longer than {deadline_seconds:g} s")
            if resident_bytes(process.pid) > self.memory_bytes:
                raise _Ended(f"the generator used more than {self.memory_bytes // 2**20} MB of memory")
            if not select.select([process.stdout], [], [], WATCH_SECONDS)[0]:
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                raise _Ended(f"the generator's process ended with {_in_words(process.wait())}")
            self._unread += chunk
            if len(self._unread) > MOST_EVENT_BYTES:
                raise _Ended("the generator described a candidate in more than 4 MB")
        line, self._unread = self._unread.split(b"\n", 1)
        event = json.loads(line)
        assert isinstance(event, dict)
        return event


def allowed_memory_bytes() -> int:
    """`LATHE_GENERATOR_MEMORY_MB`, else three quarters of this machine's memory."""
    configured = os.environ.get("LATHE_GENERATOR_MEMORY_MB")
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
