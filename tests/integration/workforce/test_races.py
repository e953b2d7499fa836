"""Many people at once, on real connections."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from engine.workforce import services
from engine.workforce.models import AuditEvent, Judgement, Stage, User, WorkItem
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def make_items(count: int, **fields) -> None:
    for _ in range(count):
        services.create_work_item(**({"stage": Stage.MASK, "subject_id": uuid4()} | fields))


def submit(user: User, item: WorkItem) -> None:
    with transaction.atomic():
        services.submit(user=user, work_item_id=item.id, token=item.fencing_token, duration_ms=1, guideline_version="1")


def at_once(jobs: Iterable[Callable[[], None]]) -> None:
    """Run all jobs in threads of their own that start together; the first failure is raised here."""
    jobs = list(jobs)
    together, failures = threading.Barrier(len(jobs)), []

    def run(job: Callable[[], None]) -> None:
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
    make_items(120)
    given: list[tuple[int, object]] = []

    def work(user: User) -> None:
        while claimed := services.claim(user=user, stage=Stage.MASK):
            given.append((user.pk, claimed.work_item.id))
            submit(user, claimed.work_item)

    people = [make_user() for _ in range(8)]
    at_once(lambda user=user: work(user) for user in people)  # type: ignore[misc]
    items = [item for _, item in given]
    assert len(items) == len(set(items)) == 120
    assert Judgement.objects.count() == 120
    assert set(WorkItem.objects.values_list("state", "fencing_token")) == {("done", 1)}
    assert Counter(AuditEvent.objects.values_list("verb", flat=True)) == {"create": 120, "claim": 120, "submit": 120}


def test_two_pages_of_one_person_get_the_same_item() -> None:
    make_items(10)
    user, given = make_user(), []

    def claim() -> None:
        claimed = services.claim(user=user, stage=Stage.MASK)
        assert claimed is not None
        given.append(claimed.work_item.id)

    at_once([claim] * 6)
    assert len(given) == 6
    assert len(set(given)) == 1
    assert WorkItem.objects.filter(state="leased").count() == 1


def test_releases_skips_and_expiries_among_claims_never_give_an_item_twice() -> None:
    make_items(12)

    def work(user: User, turn: int) -> None:
        for step in range(25):
            claimed = services.claim(user=user, stage=Stage.MASK)
            if claimed is None:
                continue
            item = claimed.work_item
            give_back = {"user": user, "work_item_id": item.id, "token": item.fencing_token}
            if (step + turn) % 5 == 0:
                services.skip(**give_back, reason="unclear")
            else:
                services.release(**give_back)

    def expire() -> None:
        for _ in range(25):
            services.expire_leases()

    people = [make_user() for _ in range(6)]
    at_once([expire, *((lambda user=user, turn=turn: work(user, turn)) for turn, user in enumerate(people))])  # type: ignore[misc]
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
        make_items(4, subject_id=subject)
        people = [make_user() for _ in range(3)]
        held = [services.claim(user=user, stage=Stage.MASK) for user in people]
        at_once(
            (lambda user=user, claimed=claimed: submit(user, claimed.work_item))  # type: ignore[misc, union-attr]
            for user, claimed in zip(people, held, strict=True)
        )
        last = WorkItem.objects.get(subject_id=subject, state="open")
        assert sorted(last.barred_user_ids) == sorted(user.pk for user in people)
        services.cancel_work_items(subject_id=subject)


def test_of_a_late_submit_and_a_new_claim_exactly_one_wins() -> None:
    outcomes = set()
    for _ in range(8):
        make_items(1)
        slow, quick, past = make_user(), make_user(), timezone.now() - timedelta(hours=1)
        late = services.claim(user=slow, stage=Stage.MASK, now=past)
        assert late is not None
        services.expire_leases()
        won = []

        def submit_late(slow=slow, late=late, won=won) -> None:
            try:
                submit(slow, late.work_item)
                won.append("submit")
            except services.LeaseSuperseded:
                pass

        def claim(quick=quick, won=won) -> None:
            if services.claim(user=quick, stage=Stage.MASK):
                won.append("claim")

        at_once([submit_late, claim])
        assert len(won) == 1, won
        outcomes.add(won[0])
        WorkItem.objects.live().update(state="cancelled")
    assert outcomes
