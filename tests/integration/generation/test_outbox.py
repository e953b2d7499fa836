"""Requests fan out by task name; what a broker or a worker loses is sent again, until the attempts are used up."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from engine.celery import app
from engine.contracts.generation import GENERATE_TASK, GenerateRequest, GenerateStart, ModelRef
from engine.contracts.serialisation import from_json
from engine.generation import services
from engine.generation.models import Collection, GenerationRequest, GenerationRun
from engine.generation.replies import fail_run
from engine.generation.seeds import fresh_seeds
from engine.lifecycle import ON_ENTRY, State
from engine.sourcing.models import TargetObject
from engine.storage import services as storage
from tests import factories

pytestmark = pytest.mark.django_db

NO_TRIAGE = {state: ON_ENTRY[state] for state in (State.GENERATING, State.SEARCHING)}
SUITE = {"text_to_3d": 2, "sam3d": 2}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[GenerateRequest]:
    """What was sent to generators; nothing goes to a broker."""
    requests: list[GenerateRequest] = []

    def keep(name: str, kwargs: dict[str, Any] | None = None, **options: Any) -> None:
        if name == GENERATE_TASK:
            assert kwargs is not None
            requests.append(from_json(GenerateRequest, kwargs["message"]))

    monkeypatch.setattr(app, "send_task", keep)
    return requests


@pytest.fixture
def target(make_target: Callable[..., TargetObject]) -> TargetObject:
    return make_target()


@pytest.fixture
def collection() -> Collection:
    return services.open_collection(iteration=1, alpha=0.5, suite=SUITE)


def test_a_request_fans_out_to_one_run_per_generator(
    collection: Collection, target: TargetObject, sent: list[GenerateRequest]
) -> None:
    assert services.request_ready_targets() == 1
    assert services.publish_waiting_runs() == 2
    assert {request.generator: len(request.seeds) for request in sent} == SUITE
    assert all(request.attempt == 1 and request.target.target_id == str(target.id) for request in sent)
    assert not set(sent[0].seeds) & set(sent[1].seeds)
    target.refresh_from_db()
    assert target.state == State.GENERATING
    assert services.request_ready_targets() == 0


def test_a_generator_is_told_its_parameters_and_no_other_is(
    make_target: Callable[..., TargetObject], sent: list[GenerateRequest]
) -> None:
    parameters = {"steps": 4, "shortcut": True}
    services.open_collection(iteration=2, alpha=0.5, suite=SUITE, generator_parameters={"sam3d": parameters})
    make_target()
    services.request_ready_targets()
    services.publish_waiting_runs()
    assert {request.generator: request.parameters for request in sent} == {"sam3d": parameters, "text_to_3d": {}}


def test_the_checkpoint_of_the_collection_goes_with_the_request(
    make_target: Callable[..., TargetObject], sent: list[GenerateRequest]
) -> None:
    checkpoint = storage.store().put(b"weights", media_type="application/x-safetensors")
    model = ModelRef(model_version_id="3d35b0e6-5c1a-4a0c-8d2c-6f8b53c3d111", checkpoint=checkpoint)
    services.open_collection(iteration=2, alpha=0.5, suite=SUITE, model=model)
    make_target()
    services.request_ready_targets()
    services.publish_waiting_runs()
    assert {request.model for request in sent} == {model}


def test_opening_the_collection_of_an_iteration_twice_gives_the_same_one(collection: Collection) -> None:
    assert services.open_collection(iteration=1, alpha=0.5, suite=SUITE) == collection
    with pytest.raises(services.CollectionStillOpen, match="iteration 1 is still open"):
        services.open_collection(iteration=2, alpha=0.5, suite=SUITE)
    services.close_collection(collection_id=collection.id)
    assert services.current_collection() is None
    assert services.open_collection(iteration=2, alpha=0.5, suite=SUITE).iteration == 2


def test_a_suite_of_one_candidate_is_refused() -> None:
    with pytest.raises(services.UnusableSuite):
        services.open_collection(iteration=1, alpha=0.5, suite={"sam3d": 1, "retrieval": 0})


def test_without_a_collection_nothing_is_requested() -> None:
    with pytest.raises(services.NoOpenCollection):
        services.request_ready_targets()


def test_a_broker_that_is_away_leaves_the_run_waiting(
    collection: Collection, target: TargetObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(app, "send_task", away)
    services.request_ready_targets()
    assert services.publish_waiting_runs() == 0
    assert set(GenerationRun.objects.values_list("status", "attempt")) == {("waiting", 0)}


def test_a_silent_run_is_sent_again_and_fails_after_the_last_attempt(
    collection: Collection, target: TargetObject, sent: list[GenerateRequest], settings: Any
) -> None:
    settings.LATHE_GENERATION_ATTEMPTS = 2
    services.request_ready_targets()
    for attempt in (1, 2):
        assert services.publish_waiting_runs() == 2
        assert [request.attempt for request in sent[-2:]] == [attempt, attempt]
        assert services.sweep_overdue_runs() == 0
        later = timezone.now() + timedelta(seconds=settings.LATHE_GENERATION_QUEUE_SECONDS + 1)
        assert services.sweep_overdue_runs(now=later) == 2
    first_round = GenerationRun.objects.filter(request__round=1)
    assert {run.status for run in first_round} == {"failed"}
    assert all("no answer within" in run.error for run in first_round)
    # All generators failed: the target goes on to a wider round.
    assert services.continue_searches() == 1
    second = GenerationRequest.objects.get(round=2)
    assert {run.generator: len(run.seeds) for run in second.runs.all()} == {"text_to_3d": 4, "sam3d": 4}


def test_a_run_that_a_worker_took_up_is_missed_sooner(
    collection: Collection, target: TargetObject, sent: list[GenerateRequest], settings: Any
) -> None:
    services.request_ready_targets()
    services.publish_waiting_runs()
    now = timezone.now()
    services.record_start(start=GenerateStart(run_id=sent[0].run_id, attempt=1, worker="gpu-1"), now=now)
    later = now + timedelta(seconds=settings.LATHE_GENERATION_SECONDS + 60)
    assert services.sweep_overdue_runs(now=later) == 1
    run = GenerationRun.objects.get(id=sent[0].run_id)
    assert (run.status, run.worker) == ("waiting", "gpu-1")
    # The start of an attempt that was given up means nothing.
    services.publish_waiting_runs()
    before = GenerationRun.objects.get(id=run.id).deadline_at
    services.record_start(start=GenerateStart(run_id=str(run.id), attempt=1, worker="gpu-1"))
    assert GenerationRun.objects.get(id=run.id).deadline_at == before


def test_rounds_are_used_up_and_then_the_target_goes_to_triage(
    target: TargetObject, sent: list[GenerateRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.dispatch.ON_ENTRY", NO_TRIAGE)
    services.open_collection(iteration=1, alpha=0.5, suite=SUITE, max_rounds=1)
    services.request_ready_targets()
    for run in GenerationRun.objects.all():
        assert fail_run(run_id=run.id, attempt=run.attempt, error="it broke", now=timezone.now())
    assert services.continue_searches() == 1
    target.refresh_from_db()
    assert target.state == State.TRIAGE


def test_each_round_gets_fresh_seeds_and_the_same_round_the_same() -> None:
    one, other = factories.make_target(), factories.make_target()
    common = {"iteration": 1, "generator": "sam3d", "count": 8}
    first = fresh_seeds(target_id=one.id, round_number=1, **common)
    assert first == fresh_seeds(target_id=one.id, round_number=1, **common)
    assert len(set(first)) == 8
    assert not set(first) & set(fresh_seeds(target_id=one.id, round_number=2, **common))
    assert not set(first) & set(fresh_seeds(target_id=other.id, round_number=1, **common))
