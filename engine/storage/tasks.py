"""What storage does by the clock."""

from typing import Any

from celery import shared_task

from engine.storage import services

BEAT_SCHEDULE = {
    "remove-abandoned-drafts": {"task": "engine.storage.tasks.remove_abandoned_drafts", "schedule": 3600.0},
}


@shared_task
def remove_abandoned_drafts(**kwargs: Any) -> int:
    """Clear away what killed writers left."""
    return services.remove_abandoned_drafts()
