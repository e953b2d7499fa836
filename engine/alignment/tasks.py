"""Celery tasks of Stage 3."""

from typing import Any
from uuid import UUID

from celery import shared_task

from engine.alignment import services

BEAT_SCHEDULE = {
    "resend-unscored-alignments": {"task": "engine.alignment.tasks.resend_unscored", "schedule": 60.0},
}


@shared_task(name=services.PREPARE_TASK)
def prepare_alignment(*, work_item_id: str, **kwargs: Any) -> None:
    """Settle point map and first pose before anybody claims the task."""
    services.prepare(work_item_id=UUID(work_item_id))


@shared_task(name=services.SCORE_TASK)
def score_alignment(*, work_item_id: str, **kwargs: Any) -> None:
    """Score a submitted pose."""
    from engine.alignment import rescoring

    rescoring.score_alignment(work_item_id=UUID(work_item_id))


@shared_task(name="engine.alignment.tasks.resend_unscored", expires=60.0)
def resend_unscored(**kwargs: Any) -> int:
    """Look after poses whose scoring got lost."""
    from engine.alignment import rescoring

    return rescoring.resend_unscored()
