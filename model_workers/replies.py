"""Sends what a worker has to say to the engine, and does not give up while the broker is away for a minute."""

import time
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from engine.contracts.serialisation import to_json

PATIENCE_SECONDS = 300.0
LONGEST_WAIT_SECONDS = 10.0

log = structlog.get_logger(__name__)


def send(app: Celery, task: str, contract: Any, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Send a contract as the engine's task `task`.

    Raises:
        OperationalError: the broker stayed away for longer than `patience_seconds`. The engine's sweeper sends the
            request again.
    """
    deadline = time.monotonic() + patience_seconds
    wait_seconds = 0.2
    while True:
        try:
            app.send_task(task, kwargs={"message": to_json(contract)}, queue="engine", retry=False)
            return
        except (OperationalError, OSError) as error:
            if time.monotonic() + wait_seconds > deadline:
                raise
            log.warning("broker_away", task=task, retry_in_seconds=wait_seconds, error=str(error))
            time.sleep(wait_seconds)
            wait_seconds = min(2 * wait_seconds, LONGEST_WAIT_SECONDS)
