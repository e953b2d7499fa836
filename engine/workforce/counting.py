"""Which tasks of a stage decide what becomes of an object."""

from typing import Self, TypeVar

from django.db import models

from engine.workforce.models import WorkItem

Task = TypeVar("Task", bound=models.Model)


class TaskQuerySet(models.QuerySet[Task]):
    """Tasks of one stage: rows with a `work_item` of their own."""

    def counting(self) -> Self:
        """Those that were collected: no second opinions or gold, and nothing that was sent back."""
        collecting = self.filter(work_item__purpose=WorkItem.Purpose.COLLECT)
        return collecting.exclude(work_item__judgement__set_aside_at__isnull=False)
