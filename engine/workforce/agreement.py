"""How well people agree: second opinions counted by person, stage and purpose, each with what the count is worth."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from engine.workforce.models import User

Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution

# Below this many comparisons a person is told that there are too few to say anything.
ENOUGH = 10

# Each comparison counts for both people of an overlap, and for the one who was asked of a gold task.
AGREEMENT = """
WITH counted AS (
    SELECT person_id, stage, purpose, agrees, measures
    FROM workforce_secondopinion
    WHERE state = 'compared' AND compared_at < %(before)s AND (%(user)s::bigint IS NULL OR person_id = %(user)s)
    UNION ALL
    SELECT reference_person_id, stage, purpose, agrees, measures
    FROM workforce_secondopinion
    WHERE state = 'compared' AND compared_at < %(before)s AND purpose = 'overlap'
      AND (%(user)s::bigint IS NULL OR reference_person_id = %(user)s)
)
SELECT person.username, counted.stage, counted.purpose, count(*), count(*) FILTER (WHERE agrees)
FROM counted JOIN workforce_user AS person ON person.id = counted.person_id
GROUP BY person.username, counted.stage, counted.purpose
ORDER BY person.username, counted.stage, counted.purpose
"""

# The mean of every number and the share of every yes, over the comparisons in which it had a sense.
MEASURES = """
SELECT stage, purpose, measure.key, count(*), avg(
    CASE jsonb_typeof(measure.value)
        WHEN 'number' THEN (measure.value)::float8
        WHEN 'boolean' THEN (measure.value)::boolean::int::float8
    END
)
FROM workforce_secondopinion, jsonb_each(measures) AS measure
WHERE state = 'compared' AND jsonb_typeof(measure.value) IN ('number', 'boolean')
GROUP BY stage, purpose, measure.key
ORDER BY stage, purpose, measure.key
"""

STAGES = """
SELECT stage, purpose, count(*), count(*) FILTER (WHERE agrees)
FROM workforce_secondopinion WHERE state = 'compared'
GROUP BY stage, purpose ORDER BY stage, purpose
"""


@dataclass(frozen=True)
class Interval:
    """Where a share lies with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True)
class Agreed:
    """`agreeing` of `compared` second opinions."""

    stage: str
    purpose: str
    compared: int
    agreeing: int

    @property
    def share(self) -> float:
        """Of those that agree."""
        return self.agreeing / self.compared

    @property
    def interval(self) -> Interval:
        """What so few, or so many, comparisons say about all that could be made."""
        return wilson(agreeing=self.agreeing, compared=self.compared)

    @property
    def enough(self) -> bool:
        """Whether it says anything."""
        return self.compared >= ENOUGH


@dataclass(frozen=True)
class PersonAgreed(Agreed):
    """Of one person."""

    username: str = ""


@dataclass(frozen=True)
class StageAgreed(Agreed):
    """Of all people in a stage, with the mean of each measure."""

    measures: tuple["Measured", ...] = ()


@dataclass(frozen=True)
class Measured:
    """The mean of a measure (of yes and no: the share of yes) over `count` comparisons."""

    name: str
    count: int
    mean: float


def wilson(*, agreeing: int, compared: int, z: float = Z_95) -> Interval:
    """Wilson's score interval of a share: honest for few trials, never outside [0, 1].

    Raises:
        ValueError: there is nothing to count, or more agree than were compared.
    """
    if not 0 <= agreeing <= compared or compared == 0:
        raise ValueError(f"{agreeing} of {compared} is no share")
    share, spread = agreeing / compared, z * z / compared
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / compared + spread / (4 * compared)) / (1 + spread)
    return Interval(low=max(0.0, middle - half), high=min(1.0, middle + half))


def by_person() -> list[PersonAgreed]:
    """Of everybody who gave a second opinion, or was given one, by stage and purpose."""
    return [_person(row) for row in _rows(AGREEMENT, user=None, before=timezone.now())]


def by_stage() -> list[StageAgreed]:
    """Of all people together, by stage and purpose."""
    measures: dict[tuple[str, str], list[Measured]] = {}
    for stage, purpose, name, count, mean in _rows(MEASURES):
        measures.setdefault((stage, purpose), []).append(Measured(name=name, count=count, mean=mean))
    return [
        StageAgreed(
            stage=stage,
            purpose=purpose,
            compared=compared,
            agreeing=agreeing,
            measures=tuple(measures.get((stage, purpose), ())),
        )
        for stage, purpose, compared, agreeing in _rows(STAGES)
    ]


def of_person(user: User, *, now: datetime | None = None) -> dict[str, Agreed]:
    """One's own, by stage, up to midnight UTC.

    Gold tasks and second opinions are counted together, and today's not yet: nobody can tell by the figures which of
    their tasks was which.
    """
    midnight = (now or timezone.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    counts: dict[str, tuple[int, int]] = {}
    for _, stage, _, compared, agreeing in _rows(AGREEMENT, user=user.pk, before=midnight):
        before = counts.get(stage, (0, 0))
        counts[stage] = (before[0] + compared, before[1] + agreeing)
    return {
        stage: Agreed(stage=stage, purpose="", compared=compared, agreeing=agreeing)
        for stage, (compared, agreeing) in counts.items()
    }


def _person(row: tuple[str, str, str, int, int]) -> PersonAgreed:
    username, stage, purpose, compared, agreeing = row
    return PersonAgreed(username=username, stage=stage, purpose=purpose, compared=compared, agreeing=agreeing)


def _rows(statement: str, **parameters: Any) -> Iterable[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return list(cursor.fetchall())
