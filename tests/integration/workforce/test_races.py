"""Many people at once, on real connections."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from engine.workforce import services
from engine.workforce.models import AuditEvent, Judgement, User, WorkItem
from tests.factories import make_user
from tests.integration.workforce.steps import claim, claimed, submit, want

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(jobs: Iterable[Callable[[], object]]) -> None:
    """Run all jobs in threads of their own that start together; the first failure is raised here."""
    jobs = list(jobs)
    together = threading.Barrier(len(jobs))
    failures: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            together.wait(10)
            job()
        except BaseException as error:  # noqa: BLE001  # of any kind: it belongs to the test, not to the thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


def test_eight_people_share_a_queue_without_meeting() -> None:
    _want(120)
    given: list[tuple[int, object]] = []

    def work(user: User) -> None:
        while item := claim(user):
            given.append((user.pk, item.id))
            submit(user, item)

    people = [make_user() for _ in range(8)]
    at_once(partial(work, user) for user in people)
    items = [item for _, item in given]
    assert len(items) == len(set(items)) == 120
    assert Judgement.objects.count() == 120
    assert set(WorkItem.objects.values_list("state", "fencing_token")) == {("done", 1)}
    assert Counter(AuditEvent.objects.values_list("verb", flat=True)) == {"create": 120, "claim": 120, "submit": 120}


def test_two_pages_of_one_person_get_the_same_item() -> None:
    _want(10)
    user, given = make_user(), list[object]()

    at_once([lambda: given.append(claimed(user).id)] * 6)
    assert len(given) == 6
    assert len(set(given)) == 1
    assert WorkItem.objects.filter(state="leased").count() == 1


def test_releases_skips_and_expiries_among_claims_never_give_an_item_twice() -> None:
    _want(12)

    def work(user: User, turn: int) -> None:
        for step in range(25):
            item = claim(user)
            if item is None:
                continue
            give_back: dict[str, Any] = {"user": user, "work_item_id": item.id, "token": item.fencing_token}
            if (step + turn) % 5 == 0:
                services.skip(**give_back, reason="unclear")
            else:
                services.release(**give_back)

    def expire() -> None:
        for _ in range(25):
            services.expire_leases()

    people = [make_user() for _ in range(6)]
    at_once([expire, *(partial(work, user, turn) for turn, user in enumerate(people))])
    claims = 0
    for item in WorkItem.objects.all():
        history = AuditEvent.objects.filter(subject_id=item.id).order_by("id").values_list("to_state", flat=True)
        # Given and back, given and back: two claims in a row would be one item in two hands.
        assert all(state == ("leased" if place % 2 else "open") for place, state in enumerate(history))
        claims += len(history) // 2
        assert item.fencing_token == len(history) // 2
    assert claims > 12


def test_siblings_submitted_at_once_bar_both_judges_and_do_not_deadlock() -> None:
    for _ in range(5):
        subject = uuid4()
        _want(4, subject_id=subject)
        people = [make_user() for _ in range(3)]
        held = [claimed(user) for user in people]
        at_once(partial(submit, user, item) for user, item in zip(people, held, strict=True))
        last = WorkItem.objects.get(subject_id=subject, state="open")
        assert sorted(last.barred_user_ids) == sorted(user.pk for user in people)
        services.cancel_work_items(subject_id=subject)


def test_of_a_late_submit_and_a_new_claim_exactly_one_wins() -> None:
    def submit_late(user: User, item: WorkItem, won: list[str]) -> None:
        with suppress(services.LeaseSuperseded):
            submit(user, item)
            won.append("submit")

    def claim_anew(user: User, won: list[str]) -> None:
        if claim(user):
            won.append("claim")

    for _ in range(8):
        _want(1)
        slow, won = make_user(), list[str]()
        late = claimed(slow, now=timezone.now() - timedelta(hours=1))
        services.expire_leases()
        at_once([partial(submit_late, slow, late, won), partial(claim_anew, make_user(), won)])
        assert len(won) == 1, won
        WorkItem.objects.live().update(state="cancelled")


def _want(count: int, **fields: Any) -> None:
    for _ in range(count):
        want(**fields)
