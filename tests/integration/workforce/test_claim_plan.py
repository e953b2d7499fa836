"""The claim reads a handful of index entries, whatever the table holds and whatever its statistics believe."""

import re
import time
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from benchmarks.claims import FILL
from engine.workforce import statements
from engine.workforce.models import User
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)
PAGES_READ = 150  # of 8 kB; the whole table has many more
OTHERS_END_SECONDS = 30

END_ALL = "UPDATE workforce_workitem SET state = 'done', done_at = now()"
OPEN_ALL = "UPDATE workforce_workitem SET state = 'open', done_at = NULL"
VACUUM = "VACUUM ANALYZE workforce_workitem"


def run(statement: str, *parameters: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def explain_claim(user: User) -> str:
    now = timezone.now()
    parameters: dict[str, Any] = {
        "user": user.pk,
        "stage": "selection",
        "leases": 2,
        "entry": 0.5,
        "expires": now,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statements.CLAIM}", parameters)
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.parametrize(
    "history",
    [
        [VACUUM],
        [f"{END_ALL} WHERE random_key > 0.001", VACUUM],
        [END_ALL, VACUUM],
        [END_ALL, VACUUM, OPEN_ALL],  # the statistics believe that nothing is open
        ["UPDATE workforce_workitem SET priority_band = 7"],
    ],
    ids=["all open", "nearly all done", "all done", "stale statistics", "another band"],
)
def test_claims_are_index_scans(history: list[str]) -> None:
    user = make_user()
    run(FILL, 10_000)
    for statement in history:
        run(statement)
    explain_claim(user)  # the first scan after a mass update marks its dead entries, the next ones pass over them
    plan = explain_claim(user)
    # It cannot while a transaction runs that is older than the update, in any database: one of another test may.
    deadline = time.monotonic() + OTHERS_END_SECONDS
    while pages_read(plan) >= PAGES_READ and time.monotonic() < deadline:
        time.sleep(0.2)
        plan = explain_claim(user)
    assert "Index Scan using workitem_claimable" in plan
    assert "Seq Scan" not in plan
    assert pages_read(plan) < PAGES_READ, plan


def pages_read(plan: str) -> int:
    found = re.search(r"Buffers: shared hit=(\d+)", plan)
    assert found is not None, plan
    return int(found[1])
