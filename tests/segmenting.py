"""A real segment worker for the tests that wait for one: `celery worker` in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.embedded.places import CHECKOUT

READY_SECONDS = 60.0


@contextmanager
def segment_worker(*, broker_url: str, storage_url: str, log: Path) -> Iterator[None]:
    """Run one until the end of the block."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        "CELERY_BROKER_URL": broker_url,
        "LATHE_STORAGE_URL": storage_url,
    }
    command = [sys.executable, "-m", "celery", "--app=model_workers.celery", "worker", "--queues=segment"]
    options = ["--pool=solo", "--hostname=segment-test@%h", "--without-gossip", "--without-mingle"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *options], cwd=CHECKOUT, env=environment, stdout=output, stderr=output)
        try:
            _wait_until_ready(process, log)
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while b"worker_ready" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
