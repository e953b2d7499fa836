"""Celery tasks of Stage 2.5."""

from typing import Any
from uuid import UUID

from celery import shared_task

from engine.artistry import uploads

BEAT_SCHEDULE = {
    "resend-unchecked-uploads": {"task": "engine.artistry.tasks.resend_unchecked", "schedule": 60.0},
}


@shared_task(name=uploads.CHECK_TASK)
def check_upload(*, upload_id: str, **kwargs: Any) -> None:
    """Check one upload."""
    uploads.check_upload(upload_id=UUID(upload_id))


@shared_task(name="engine.artistry.tasks.resend_unchecked", expires=60.0)
def resend_unchecked(**kwargs: Any) -> int:
    """Look after uploads whose check got lost."""
    return uploads.resend_unchecked()
