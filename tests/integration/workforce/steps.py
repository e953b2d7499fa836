"""What these tests do with work items, each in one word."""

from typing import Any
from uuid import uuid4

from django.db import transaction

from engine.workforce import services
from engine.workforce.models import AuditEvent, Stage, User, WorkItem


def want(**fields: Any) -> WorkItem:
    """Want a judgement: of the first stage on a target of its own, unless told otherwise."""
    values: dict[str, Any] = {"stage": Stage.MASK, "subject_id": uuid4()} | fields
    return services.create_work_item(**values)


def claim(user: User, **options: Any) -> WorkItem | None:
    """What `user` is given."""
    values: dict[str, Any] = {"stage": Stage.MASK} | options
    claimed = services.claim(user=user, **values)
    return claimed.work_item if claimed else None


def claimed(user: User, **options: Any) -> WorkItem:
    """What `user` is given, where something must be."""
    item = claim(user, **options)
    assert item is not None
    return item


def submit(user: User, item: WorkItem, **fields: Any) -> WorkItem:
    """Judge the item with the token that came with it."""
    values: dict[str, Any] = {"token": item.fencing_token, "duration_ms": 1200, "guideline_version": "1"} | fields
    with transaction.atomic():
        return services.submit(user=user, work_item_id=item.id, **values)


def verbs(item: WorkItem) -> list[str]:
    """What the audit log tells of the item, in order."""
    events = AuditEvent.objects.filter(subject_kind="work_item", subject_id=item.id)
    return list(events.order_by("id").values_list("verb", flat=True))
