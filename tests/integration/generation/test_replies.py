"""Answers are recorded exactly once, and whatever is wrong with one stops no other."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engine.celery import app
from engine.contracts.blobs import BlobRef
from engine.contracts.generation import GenerateReply, ReplyStatus
from engine.generation import services
from engine.generation.models import Candidate, GenerationRequest, GenerationRun
from engine.lifecycle import ON_ENTRY, State
from engine.sourcing.models import TargetObject
from engine.storage import services as storage

pytestmark = pytest.mark.django_db

NO_SELECTION = {state: ON_ENTRY[state] for state in (State.GENERATING, State.SEARCHING)}
Answer = Callable[..., GenerateReply]


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "send_task", lambda *args, **kwargs: None)
    monkeypatch.setattr("engine.dispatch.ON_ENTRY", NO_SELECTION)


@pytest.fixture
def target(make_target: Callable[..., TargetObject]) -> TargetObject:
    return make_target()


@pytest.fixture
def runs(target: TargetObject) -> list[GenerationRun]:
    """Two runs under way, of two seeds each."""
    services.open_collection(iteration=1, alpha=0.5, suite={"retrieval": 2, "sam3d": 2})
    services.request_ready_targets()
    services.publish_waiting_runs()
    return list(GenerationRun.objects.order_by("generator"))


def state_of(target: TargetObject) -> str:
    target.refresh_from_db()
    return target.state


def test_the_last_answer_moves_the_target_on(runs: list[GenerationRun], target: TargetObject, answer: Answer) -> None:
    assert services.record_reply(reply=answer(runs[0]))
    assert state_of(target) == State.GENERATING
    assert services.record_reply(reply=answer(runs[1]))
    assert state_of(target) == State.SELECTING
    assert Candidate.objects.filter(target=target).count() == 4
    assert GenerationRequest.objects.get().status == "filled"
    assert set(GenerationRun.objects.values_list("status", "error")) == {("succeeded", "")}
    assert Candidate.objects.filter(watertight=True, face_count=12).count() == 4


def test_a_repeated_answer_changes_nothing(runs: list[GenerationRun], target: TargetObject, answer: Answer) -> None:
    reply = answer(runs[0])
    assert services.record_reply(reply=reply)
    assert not services.record_reply(reply=reply)
    assert not services.record_reply(reply=replace(reply, status=ReplyStatus.FAILED, error="late", candidates=()))
    assert Candidate.objects.count() == 2


def test_an_answer_to_an_unknown_run_is_ignored(answer: Answer, runs: list[GenerationRun]) -> None:
    reply = replace(answer(runs[0]), run_id="00000000-0000-4000-8000-000000000000")
    assert not services.record_reply(reply=reply)


def test_a_late_success_of_an_earlier_attempt_counts_but_its_failure_does_not(
    runs: list[GenerationRun], answer: Answer
) -> None:
    GenerationRun.objects.filter(id=runs[0].id).update(attempt=2)
    early_failure = answer(runs[0], attempt=1, status=ReplyStatus.FAILED, error="it crashed", candidates=())
    assert not services.record_reply(reply=early_failure)
    assert services.record_reply(reply=answer(runs[0], attempt=1))
    runs[0].refresh_from_db()
    assert runs[0].status == "succeeded"


def test_a_failed_generator_is_a_fact_and_never_a_stuck_target(
    runs: list[GenerationRun], target: TargetObject, answer: Answer
) -> None:
    services.record_reply(reply=answer(runs[0], status=ReplyStatus.FAILED, error="signal 9", candidates=()))
    services.record_reply(reply=answer(runs[1]))
    runs[0].refresh_from_db()
    assert (runs[0].status, runs[0].error) == ("failed", "signal 9")
    assert state_of(target) == State.SELECTING


def test_candidates_from_before_a_failure_are_kept(runs: list[GenerationRun], answer: Answer) -> None:
    whole = answer(runs[0])
    partial = replace(whole, status=ReplyStatus.FAILED, error="took too long", candidates=whole.candidates[:1])
    assert services.record_reply(reply=partial)
    assert Candidate.objects.count() == 1


def test_fewer_than_two_candidates_lead_to_another_round(
    runs: list[GenerationRun], target: TargetObject, answer: Answer
) -> None:
    services.record_reply(reply=replace(answer(runs[0]), candidates=answer(runs[0]).candidates[:1]))
    services.record_reply(reply=answer(runs[1], status=ReplyStatus.FAILED, error="it broke", candidates=()))
    assert GenerationRequest.objects.get(round=1).status == "failed"
    assert state_of(target) == State.SEARCHING
    assert services.continue_searches() == 1
    assert GenerationRequest.objects.get(round=2).status == "open"
    assert state_of(target) == State.GENERATING


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"glTF but not really", "not a GLB"),
        (None, "is not stored"),
    ],
)
def test_a_refused_mesh_stops_no_other(
    runs: list[GenerationRun], answer: Answer, content: bytes | None, reason: str
) -> None:
    good = answer(runs[0])
    if content is None:
        bad = BlobRef("0" * 64, "model/gltf-binary", 10)
    else:
        bad = storage.store().put(content, media_type="model/gltf-binary")
    reply = replace(good, candidates=(replace(good.candidates[0], mesh=bad), good.candidates[1]))
    assert services.record_reply(reply=reply)
    runs[0].refresh_from_db()
    assert runs[0].status == "succeeded"
    assert f"seed {good.candidates[0].seed}" in runs[0].error
    assert reason in runs[0].error
    assert [candidate.seed for candidate in Candidate.objects.all()] == [good.candidates[1].seed]


def test_a_mesh_that_is_too_large_is_refused_before_it_is_read(
    runs: list[GenerationRun], answer: Answer, settings: Any
) -> None:
    settings.LATHE_MESH_MAX_BYTES = 100
    assert services.record_reply(reply=answer(runs[0]))
    runs[0].refresh_from_db()
    assert runs[0].status == "failed"
    assert "at most 100 are allowed" in runs[0].error


def test_a_candidate_of_another_model_version_is_refused(runs: list[GenerationRun], answer: Answer) -> None:
    good = answer(runs[0])
    other = replace(good.candidates[0], model_version_id="3d35b0e6-5c1a-4a0c-8d2c-6f8b53c3d111")
    services.record_reply(reply=replace(good, candidates=(other, good.candidates[1])))
    runs[0].refresh_from_db()
    assert "comes from model version" in runs[0].error
    assert Candidate.objects.count() == 1


def test_a_seed_that_was_not_asked_for_is_refused(runs: list[GenerationRun], answer: Answer) -> None:
    good = answer(runs[0])
    twice = replace(good, candidates=(good.candidates[0], good.candidates[0], good.candidates[1]))
    services.record_reply(reply=twice)
    runs[0].refresh_from_db()
    assert "came twice" in runs[0].error
    assert Candidate.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_last_two_answers_at_once_close_the_request_once(
    runs: list[GenerationRun], target: TargetObject, answer: Answer
) -> None:
    replies = [answer(run) for run in runs for _ in range(2)]
    together = threading.Barrier(len(replies))

    def record(reply: GenerateReply) -> None:
        together.wait()
        services.record_reply(reply=reply)
        connection.close()

    threads = [threading.Thread(target=record, args=(reply,)) for reply in replies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Candidate.objects.count() == 4
    assert state_of(target) == State.SELECTING


def test_recording_takes_the_same_number_of_queries_for_any_number_of_candidates(
    runs: list[GenerationRun], answer: Answer
) -> None:
    with CaptureQueriesContext(connection) as queries:
        services.record_reply(reply=answer(runs[0]))
    assert len(queries) <= 10, [query["sql"] for query in queries]
