"""Celery tasks of Stage 1."""

from typing import Any

from celery import shared_task

from engine.contracts.recognition import RECORD_RECOGNITION_TASK, RecogniseReply
from engine.contracts.serialisation import ContractError, from_json
from engine.sourcing import planning, proposing, recognition

RECOGNITION_SECONDS = 20.0
PROPOSING_SECONDS = 60.0
PLANNING_SECONDS = 300.0

BEAT_SCHEDULE = {
    "recognise-new-photographs": {"task": "engine.sourcing.tasks.send_waiting", "schedule": RECOGNITION_SECONDS},
    "ask-about-untouched-photographs": {"task": "engine.sourcing.tasks.ask_people", "schedule": PROPOSING_SECONDS},
    "plan-the-curriculum": {"task": "engine.sourcing.tasks.plan_curriculum", "schedule": PLANNING_SECONDS},
}


@shared_task(name="engine.sourcing.tasks.send_waiting", expires=RECOGNITION_SECONDS)
def send_waiting(**kwargs: Any) -> None:
    """Send new photographs to recognisers."""
    recognition.send_waiting()


@shared_task(
    name=RECORD_RECOGNITION_TASK,
    # An answer is not to be lost while database or object store are away.
    autoretry_for=(Exception,),
    dont_autoretry_for=(ContractError,),
    retry_backoff=True,
    retry_backoff_max=60,
    max_retries=10,
)
def record_recognition(*, message: dict[str, Any], **kwargs: Any) -> None:
    """A recogniser's answer."""
    recognition.record_reply(reply=from_json(RecogniseReply, message))


@shared_task(name="engine.sourcing.tasks.ask_people", expires=PROPOSING_SECONDS)
def ask_people(**kwargs: Any) -> None:
    """Ask people about photographs in which nothing is marked."""
    proposing.ask_people_about_untouched()


@shared_task(name="engine.sourcing.tasks.plan_curriculum", expires=PLANNING_SECONDS)
def plan_curriculum(**kwargs: Any) -> None:
    """Give waiting work its order by what is missing most."""
    planning.plan()
