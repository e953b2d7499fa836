"""Asks a worker for something that a person waits for: an answer now, or none.

For help alone (a proposed mask, a snapped pose): what must not be lost has an outbox (`engine.sending`).
"""

from typing import Any

import structlog
from celery.exceptions import TimeoutError as NoAnswerInTime
from kombu.exceptions import OperationalError

from engine.celery import app
from engine.errors import Unavailable

log = structlog.get_logger(__name__)

# Between two looks at the reply queue. People notice a tenth of a second.
POLL_SECONDS = 0.01


class NobodyAnswers(Unavailable):
    """No worker answered in time, or the one that tried failed."""

    code = "nobody_answers"


def ask(task: str, *, timeout_seconds: float, **kwargs: Any) -> Any:
    """Run the task on a worker and return its answer (JSON). A request that is too late for its asker is dropped.

    A task may ask as well, of a worker other than its own.

    Raises:
        NobodyAnswers: the broker is away, no worker took it in time, or the task failed (its worker logs why).
    """
    try:
        result = app.send_task(task, kwargs=kwargs, ignore_result=False, retry=False, expires=timeout_seconds)
        return result.get(timeout=timeout_seconds, interval=POLL_SECONDS, disable_sync_subtasks=False)
    except (NoAnswerInTime, OperationalError, OSError) as error:
        log.warning("nobody_answers", task=task, error=repr(error))
        raise _nobody("No worker answered in time.") from error
    except Exception as error:  # whatever failed in the worker comes back as its own exception; help is never vital
        log.exception("help_failed", task=task)
        raise _nobody("The worker could not do it.") from error


def _nobody(message: str) -> NobodyAnswers:
    return NobodyAnswers(message, what_to_do="Go on by hand, or try again in a moment.")
