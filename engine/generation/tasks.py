"""The room's Celery tasks: parse, call one service."""

from typing import Any

from celery import shared_task

from engine.contracts.generation import GenerateReply, GenerateStart
from engine.contracts.serialisation import ContractError, from_json
from engine.generation import services
from engine.generation.views import MAKE_VIEWS_TASK

SWEEP_SECONDS = 5.0
SEARCH_SECONDS = 3.0  # only targets whose move found no broker wait for it

BEAT_SCHEDULE = {
    "resend-missing-views": {"task": "engine.generation.tasks.resend_missing_views", "schedule": 60.0},
    "sweep-generation-runs": {"task": "engine.generation.tasks.sweep", "schedule": SWEEP_SECONDS},
    "continue-searches": {"task": "engine.generation.tasks.continue_searches", "schedule": SEARCH_SECONDS},
}


@shared_task(name="engine.generation.tasks.publish_waiting")
def publish_waiting(**kwargs: Any) -> None:
    """Send what waits."""
    services.publish_waiting_runs()


@shared_task(name="engine.generation.tasks.record_start")
def record_start(*, message: dict[str, Any], **kwargs: Any) -> None:
    """A worker took up a run."""
    services.record_start(start=from_json(GenerateStart, message))


@shared_task(
    name="engine.generation.tasks.record_reply",
    # An answer is not to be lost while database or object store are away.
    autoretry_for=(Exception,),
    dont_autoretry_for=(ContractError,),
    retry_backoff=True,
    retry_backoff_max=60,
    max_retries=20,
)
def record_reply(*, message: dict[str, Any], **kwargs: Any) -> None:
    """A worker's answer."""
    services.record_reply(reply=from_json(GenerateReply, message))


@shared_task(name="engine.generation.tasks.sweep", expires=SWEEP_SECONDS)
def sweep(**kwargs: Any) -> None:
    """Look after runs that nobody answers, and send what waits."""
    services.sweep_overdue_runs()
    services.publish_waiting_runs()


@shared_task(name="engine.generation.tasks.continue_searches", expires=SEARCH_SECONDS)
def continue_searches(**kwargs: Any) -> None:
    """Take up targets that are searching (`lifecycle.ON_ENTRY`)."""
    services.continue_searches()


@shared_task(name=MAKE_VIEWS_TASK)
def make_views(**kwargs: Any) -> int:
    """Make what people are shown of new candidates."""
    return services.make_missing_views()


@shared_task(name="engine.generation.tasks.resend_missing_views", expires=60.0)
def resend_missing_views(**kwargs: Any) -> None:
    """Look after candidates whose view was forgotten."""
    services.resend_missing_views()
