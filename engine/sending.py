"""Sends Celery tasks that a sweeper would send anyway, only sooner: a broker that is away fails no caller."""

from typing import Any

import structlog
from kombu.exceptions import OperationalError

from engine.celery import app

log = structlog.get_logger(__name__)


def send_soon(task: str, **kwargs: Any) -> None:
    """Send the task now, if the broker is there. To be called on commit."""
    try:
        app.send_task(task, kwargs=kwargs, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("broker_away", task=task, waiting_for="sweeper", error=str(error))
