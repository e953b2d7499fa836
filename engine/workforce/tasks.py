"""What the workforce does by the clock."""

from typing import Any

from celery import shared_task

from engine.workforce import idempotency, second_opinions, services
from engine.workforce.draws import SETTLE_TASK

SETTLE_SECONDS = 15.0  # for what found no broker; a submit that draws something sends the task itself

BEAT_SCHEDULE = {
    "expire-leases": {"task": "engine.workforce.tasks.expire_leases", "schedule": 10.0},
    "forget-old-requests": {"task": "engine.workforce.tasks.forget_old_requests", "schedule": 3600.0},
    "settle-second-opinions": {"task": SETTLE_TASK, "schedule": SETTLE_SECONDS},
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


@shared_task(name=SETTLE_TASK, expires=SETTLE_SECONDS)
def settle_second_opinions(**kwargs: Any) -> int:
    """Open gold tasks and overlaps that were drawn, and compare those that were answered."""
    return second_opinions.settle()
