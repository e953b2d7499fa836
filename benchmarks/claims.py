"""Claims per second, and how long one takes, on 100,000 work items with 1 and with 32 clients.

Every claim is made by another person, through the service and on a connection of its client's own. Clients are threads
of this process, so with 32 of them Python's own lock is part of what is measured.
"""

import json
import threading
import time
from random import random
from typing import Any

from benchmarks.scratch_database import scratch_database

WORK_ITEMS = 100_000
CLIENTS = {1: 2_000, 32: 150}  # clients → claims of each

FILL = """
INSERT INTO workforce_workitem
    (id, stage, purpose, subject_id, state, priority_band, random_key, barred_user_ids, fencing_token, skip_count,
     created_at)
SELECT gen_random_uuid(), 'selection', 'collect', gen_random_uuid(), 'open', 1, random(), '{}', 0, 0, now()
FROM generate_series(1, %s)
"""
PEOPLE = """
INSERT INTO workforce_user
    (id, username, password, first_name, last_name, email, is_superuser, is_staff, is_active, date_joined,
     key_bindings)
SELECT number, 'person' || number, '', '', '', '', false, false, true, now(), '{}' FROM generate_series(1, %s) AS number
"""


def measure() -> dict[str, Any]:
    """Make the items and people, measure each number of clients, and check that no item was given twice."""
    with scratch_database():
        from django.db import connection

        people = sum(clients * claims for clients, claims in CLIENTS.items()) + len(CLIENTS) * 32
        with connection.cursor() as cursor:
            cursor.execute(FILL, [WORK_ITEMS])
            cursor.execute(PEOPLE, [people])
            cursor.execute("VACUUM ANALYZE workforce_workitem, workforce_user")
        statement_ms = _statement_ms(person=people)
        figures, first_person = {}, 1
        for clients, claims in CLIENTS.items():
            figures[str(clients)] = _measure_clients(clients=clients, claims=claims, first_person=first_person)
            first_person += clients * (claims + 1)
        return {"work_items": WORK_ITEMS, "statement_ms": statement_ms, "clients": figures}


def _statement_ms(*, person: int, repetitions: int = 200) -> dict[str, float]:
    """Milliseconds that the server itself spends on planning and running one claim; nothing is kept."""
    from django.db import connection, transaction
    from django.utils import timezone

    from engine.workforce import statements

    spent = []
    for _ in range(repetitions):
        now = timezone.now()
        parameters: dict[str, Any] = {
            "user": person,
            "stage": "selection",
            "leases": 1,
            "entry": random(),
            "expires": now,
            "now": now,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, SUMMARY, FORMAT JSON) {statements.CLAIM}", parameters)
            ((plan,),) = cursor.fetchone()
            spent.append(plan["Planning Time"] + plan["Execution Time"])
            transaction.set_rollback(True)
    spent.sort()
    return {"p50": round(spent[repetitions // 2], 2), "p99": round(spent[int(repetitions * 0.99)], 2)}


def _measure_clients(*, clients: int, claims: int, first_person: int) -> dict[str, Any]:
    from django.db import connection

    from engine.workforce import services
    from engine.workforce.models import Stage, User

    together = threading.Barrier(clients + 1)
    seconds: list[float] = []
    items: list[object] = []

    def work(number: int) -> None:
        mine, given = [], []
        people = iter(range(first_person + number * (claims + 1), first_person + (number + 1) * (claims + 1)))
        services.claim(user=User(pk=next(people)), stage=Stage.SELECTION)  # connects
        together.wait()
        for person in people:
            started = time.perf_counter()
            claimed = services.claim(user=User(pk=person), stage=Stage.SELECTION)
            mine.append(time.perf_counter() - started)
            assert claimed is not None
            given.append(claimed.work_item.id)
        connection.close()
        seconds.extend(mine)
        items.extend(given)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    together.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    seconds.sort()
    return {
        "claims": len(items),
        "given_twice": len(items) - len(set(items)),
        "claims_per_second": round(len(items) / elapsed),
        "p50_ms": round(seconds[len(seconds) // 2] * 1000, 2),
        "p99_ms": round(seconds[int(len(seconds) * 0.99)] * 1000, 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
