"""What waits for a person and how their day went. Every figure is bounded: nothing counts a large table."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from engine.workforce.models import Stage, User

COUNT_CAP = 100
WEEK = timedelta(days=7)

# At most COUNT_CAP + 1 entries of the partial index are read for a stage.
WAITING = """
SELECT stage, (
    SELECT count(*) FROM (
        SELECT 1 FROM workforce_workitem AS item
        WHERE item.stage = wanted.stage AND item.state = 'open' AND item.reserved_for_id IS NULL
          AND NOT (%(user)s = ANY (item.barred_user_ids))
        UNION ALL
        SELECT 1 FROM workforce_workitem AS item
        WHERE item.stage = wanted.stage AND item.state = 'open' AND item.reserved_for_id = %(user)s
          AND NOT (%(user)s = ANY (item.barred_user_ids))
        UNION ALL
        SELECT 1 FROM workforce_workitem AS item
        WHERE item.stage = wanted.stage AND item.state = 'leased' AND item.holder_id = %(user)s
        LIMIT %(limit)s
    ) AS counted
)
FROM unnest(%(stages)s::text[]) AS wanted (stage)
"""

# One person's judgements of seven days, by the index on person and time.
TIMES = """
SELECT item.stage,
       count(*) FILTER (WHERE judgement.submitted_at >= %(today)s),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY judgement.duration_ms)
           FILTER (WHERE judgement.submitted_at >= %(today)s),
       count(*),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY judgement.duration_ms)
FROM workforce_judgement AS judgement
JOIN workforce_workitem AS item ON item.id = judgement.work_item_id
WHERE judgement.user_id = %(user)s AND judgement.submitted_at >= %(since)s
GROUP BY GROUPING SETS ((item.stage), ())
"""


@dataclass(frozen=True)
class Waiting:
    """Items of a stage that a person has begun or may take; `more` where counting stopped at COUNT_CAP."""

    count: int
    more: bool


@dataclass(frozen=True)
class Times:
    """How many judgements, and their median duration (None for none)."""

    done: int
    median_duration_ms: int | None


@dataclass(frozen=True)
class Performance:
    """A person's work in one stage, or in all: since midnight UTC and in the last seven days."""

    today: Times
    week: Times


NOTHING = Performance(today=Times(0, None), week=Times(0, None))


def waiting_work(*, user: User, stages: list[str]) -> dict[str, Waiting]:
    """How many items each stage has for `user`, open or begun by them, counted up to COUNT_CAP."""
    with connection.cursor() as cursor:
        cursor.execute(
            WAITING, {"user": user.pk, "limit": COUNT_CAP + 1, "stages": [Stage(stage).value for stage in stages]}
        )
        return {stage: Waiting(count=min(count, COUNT_CAP), more=count > COUNT_CAP) for stage, count in cursor}


def performance(*, user: User, now: datetime | None = None) -> dict[str | None, Performance]:
    """The figures of each stage in which `user` judged this week, and under None those of all stages together."""
    now = now or timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(TIMES, {"user": user.pk, "today": midnight, "since": now - WEEK})
        return {
            stage: Performance(today=Times(done, _whole(median)), week=Times(week_done, _whole(week_median)))
            for stage, done, median, week_done, week_median in cursor
        }


def _whole(value: Any) -> int | None:
    return None if value is None else round(value)
