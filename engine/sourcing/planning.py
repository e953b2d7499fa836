"""Keeps the order of Stage 1's work by the curriculum, and the distribution under watch (paper A.1).

Planned by the timetable and by hand; the newest plan is what the page shows. Work items of other purposes than
collecting, items set first by hand (band 0) and items that many skipped (band 9) keep their places.
"""

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from engine.contracts.taxonomy import categories
from engine.lifecycle import State
from engine.sourcing import curriculum
from engine.sourcing.curriculum import UNFILED, UNPLANNED_BAND, Course, Plan
from engine.sourcing.models import CurriculumPlan, CurriculumSettings, MaskTask, TargetObject
from engine.workforce import services as workforce
from engine.workforce.models import WorkItem

KEPT_FOR = timedelta(days=90)
NOT_DONE = (State.PROPOSED, State.DISCARDED)


def settings_row() -> CurriculumSettings:
    """The one row of settings, made with its defaults where there is none."""
    row, _ = CurriculumSettings.objects.get_or_create(id=1)
    return row


def course_of(row: CurriculumSettings) -> Course:
    """The settings as the arithmetic wants them."""
    return Course(
        goal_objects=row.goal_objects,
        simple=(row.simple_at_start, row.simple_at_end),
        structured=(row.structured_at_start, row.structured_at_end),
        flatness=(row.flatness_at_start, row.flatness_at_end),
        unfiled_share=row.unfiled_share,
        horizon=row.horizon,
    )


def plan(*, settings: CurriculumSettings | None = None) -> CurriculumPlan:
    """Count what is done and what waits, plan the next work items, and give those that wait their priority bands."""
    row = settings or settings_row()
    done = _done_by_leaf()
    items = _waiting_items()
    waiting = {leaf: len(ids) for leaf, ids in items.items()}
    planned = curriculum.plan(categories=categories(), done=done, waiting=waiting, course=course_of(row))
    bands: dict[UUID, int] = {}
    for leaf_id, ids in items.items():
        leaf_bands = planned.bands(leaf_id if leaf_id in planned.leaves else UNFILED)
        bands |= dict(zip(ids, leaf_bands + [UNPLANNED_BAND] * (len(ids) - len(leaf_bands)), strict=False))
    with transaction.atomic():
        moved = workforce.set_priority_bands(bands=bands)
        CurriculumPlan.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
        return CurriculumPlan.objects.create(
            progress=planned.progress,
            done_objects=planned.done,
            waiting_objects=planned.waiting,
            moved_items=moved,
            tiers=curriculum.tier_counts(planned),
            categories=_shares(planned),
        )


def _done_by_leaf() -> Counter[str]:
    counted = TargetObject.objects.exclude(state__in=NOT_DONE).values("category").annotate(count=Count("id"))
    return Counter(dict(counted.values_list("category", "count")))


def _waiting_items() -> dict[str, list[UUID]]:
    """Open work items by the leaf of their proposal, oldest first; without a proposal or a leaf under UNFILED."""
    known = {category.id for category in categories()}
    rows = (
        MaskTask.objects.filter(work_item__state=WorkItem.State.OPEN, work_item__purpose=WorkItem.Purpose.COLLECT)
        .order_by("work_item__created_at", "work_item_id")
        .values_list("work_item_id", "target__category")
    )
    items: dict[str, list[UUID]] = defaultdict(list)
    for work_item_id, category in rows.iterator(chunk_size=5000):
        items[category if category in known else UNFILED].append(work_item_id)
    return items


def _shares(planned: Plan) -> dict[str, dict[str, Any]]:
    return {
        leaf.id: {
            "done": leaf.done,
            "waiting": leaf.waiting,
            "target_share": leaf.target_share,
            "current_share": planned.share(leaf),
            "planned_share": planned.planned_share(leaf),
        }
        for leaf in planned.leaves.values()
    }
