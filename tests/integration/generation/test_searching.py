"""A target that is searching is its own outbox: whoever looks first takes it up, and nothing holds the others up."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from engine.celery import app
from engine.generation import services
from engine.generation.models import Collection, GenerationRequest
from engine.lifecycle import State
from engine.sourcing.models import TargetObject
from engine.workforce.models import AuditEvent
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "send_task", lambda *args, **kwargs: None)


@pytest.fixture
def search(make_target: Callable[..., TargetObject]) -> Callable[[], TargetObject]:
    """A target whose first round was not good enough."""
    collection = factories.make_collection()

    def make() -> TargetObject:
        target = make_target(state=State.SEARCHING)
        factories.make_request(target=target, collection=collection)
        return target

    return make


def states() -> list[str]:
    return sorted(TargetObject.objects.values_list("state", flat=True))


def test_every_target_moves_on_once(search: Callable[[], TargetObject]) -> None:
    for _ in range(3):
        search()
    assert services.continue_searches() == 3
    assert states() == ["generating"] * 3
    assert services.continue_searches() == 0
    assert GenerationRequest.objects.filter(round=2).count() == 3


def test_one_call_takes_so_many_and_leaves_the_rest(search: Callable[[], TargetObject]) -> None:
    for _ in range(3):
        search()
    assert services.continue_searches(limit=2) == 2
    assert states() == ["generating", "generating", "searching"]


def test_one_that_cannot_move_on_holds_no_other_up(
    search: Callable[[], TargetObject], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = min((search() for _ in range(3)), key=lambda target: target.id)  # looked at first
    seeds = services.fresh_seeds

    def fail(*, target_id: UUID, **facts: Any) -> list[int]:
        if target_id == stuck.id:
            raise RuntimeError("a defect")
        return seeds(target_id=target_id, **facts)

    monkeypatch.setattr(services, "fresh_seeds", fail)
    assert services.continue_searches() == 2
    stuck.refresh_from_db()
    assert (stuck.state, stuck.generation_requests.count()) == (State.SEARCHING, 1)
    monkeypatch.setattr(services, "fresh_seeds", seeds)
    assert services.continue_searches() == 1


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_share_the_targets(search: Callable[[], TargetObject]) -> None:
    for _ in range(8):
        search()
    together = threading.Barrier(4)
    moved: list[int] = []

    def work() -> None:
        together.wait(timeout=20)
        moved.append(services.continue_searches())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sum(moved) == 8
    assert states() == ["generating"] * 8
    assert AuditEvent.objects.filter(verb="widen").count() == 8


@pytest.mark.django_db(transaction=True)
def test_a_target_that_another_worker_holds_is_not_waited_for(search: Callable[[], TargetObject]) -> None:
    held, free = search(), search()
    moved: list[int] = []

    def work() -> None:
        moved.append(services.continue_searches())
        connection.close()

    with transaction.atomic():
        TargetObject.objects.select_for_update().get(id=held.id)
        worker = threading.Thread(target=work)
        worker.start()
        worker.join(timeout=20)
        assert moved == [1]
    free.refresh_from_db()
    assert free.state == State.GENERATING


def test_a_target_goes_on_by_the_terms_of_a_collection_that_was_closed(search: Callable[[], Any]) -> None:
    target = search()
    services.close_collection(collection_id=Collection.objects.get().id)
    assert services.continue_searches() == 1
    assert target.generation_requests.get(round=2).collection == Collection.objects.get()
