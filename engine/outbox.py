"""Rows that are sent to workers and answered exactly once. Generation and flywheel each have a table of them.

A row is its own outbox: it is sent from `waiting`, sent again when no sign of life comes, and given up when its
attempts are used up. A broker that is away leaves it waiting. Sending twice does no harm: the first answer ends the
row, by compare-and-set, and every other one finds it ended.
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

import structlog
from django.db import models, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

R = TypeVar("R", bound="OutboxRow")

log = structlog.get_logger(__name__)


class OutboxQuerySet(models.QuerySet[R]):
    """Rows by what is to be done about them."""

    def waiting(self) -> Self:
        """Those to be sent, oldest first."""
        return self.filter(status=OutboxRow.Status.WAITING).order_by("created_at")

    def open(self) -> Self:
        """Those that an answer would still end."""
        return self.filter(status__in=OutboxRow.OPEN)

    def overdue(self, *, now: datetime) -> Self:
        """Those sent that gave no sign of life in time."""
        return self.filter(status=OutboxRow.Status.SENT, deadline_at__lt=now).order_by("deadline_at")

    def send_waiting(
        self,
        send: Callable[[R, int], None],
        *,
        queue_seconds: float,
        now: datetime | None = None,
        limit: int | None = None,
    ) -> int:
        """Call `send(row, attempt)` for every waiting row; returns how many were sent.

        Stops quietly while the broker is away. A row may then stay in the queue for `queue_seconds`.
        """
        sent = 0
        for row_id in list(self.waiting().values_list("id", flat=True)[:limit]):
            try:
                moment = now or timezone.now()
                sent += self._send_one(row_id, send, deadline_at=moment + timedelta(seconds=queue_seconds))
            except (OperationalError, OSError) as error:
                log.warning("broker_away", rows=self.model.__name__, waiting_for="sweeper", sent=sent, error=str(error))
                break
        return sent

    def send_again(self, *, attempts: int, now: datetime, give_up: Callable[[UUID, int], Any]) -> int:
        """Put overdue rows back to be sent, or call `give_up(id, attempt)` after so many attempts; returns how many."""
        found = list(self.overdue(now=now).values_list("id", "attempt"))
        for row_id, attempt in found:
            if attempt >= attempts:
                give_up(row_id, attempt)
                continue
            still = self.overdue(now=now).filter(id=row_id, attempt=attempt).order_by()
            if still.update(status=OutboxRow.Status.WAITING, deadline_at=None):
                log.warning("run_silent", rows=self.model.__name__, run_id=str(row_id), attempt=attempt)
        return len(found)

    def end(self, row_id: UUID | str, *, status: str, now: datetime, attempt: int | None = None, **facts: Any) -> bool:
        """Compare-and-set from open to ended; False where it was too late, or `attempt` is given and not the last."""
        still_open = self.open().filter(id=row_id)
        if attempt is not None:
            still_open = still_open.filter(attempt=attempt)
        return still_open.update(status=status, ended_at=now, **facts) == 1

    @transaction.atomic
    def _send_one(self, row_id: UUID, send: Callable[[R, int], None], *, deadline_at: datetime) -> int:
        # Locked while sending: an answer quicker than our commit waits for it, and two senders never share a row.
        row = self.waiting().select_for_update(skip_locked=True, of=("self",)).filter(id=row_id).first()
        if row is None:
            return 0
        send(row, row.attempt + 1)
        row.status = OutboxRow.Status.SENT
        row.attempt += 1
        row.deadline_at = deadline_at
        row.save(update_fields=["status", "attempt", "deadline_at"])
        return 1


class OutboxRow(models.Model):
    """One thing asked of a worker."""

    class Status(models.TextChoices):
        WAITING = "waiting"  # to be sent
        SENT = "sent"  # a sign of life is due before `deadline_at`
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    OPEN = (Status.WAITING, Status.SENT)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)
    deadline_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        abstract = True
