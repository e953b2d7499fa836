"""What the workforce does by the clock."""

from typing import Any

from celery import shared_task

from engine.workforce import idempotency, services

BEAT_SCHEDULE = {
    "expire-leases": {"task": "engine.workforce.tasks.expire_leases", "schedule": 10.0},
    "forget-old-requests": {"task": "engine.workforce.tasks.forget_old_requests", "schedule": 3600.0},
}


@shared_task
def expire_leases(**kwargs: Any) -> int:
    """Reopen what nobody holds any more."""
    total = count = services.expire_leases()
    while count == services.EXPIRE_BATCH:
        count = services.expire_leases()
        total += count
    return total


@shared_task
def forget_old_requests(**kwargs: Any) -> int:
    """Remove kept answers after seven days."""
    return idempotency.forget_old_requests()
