"""Answers, failures, losses, repeats and sweeps in any order: every request ends once, and nothing counts twice."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Count
from django.utils import timezone

from engine.celery import app
from engine.contracts.generation import GENERATE_TASK, GenerateReply, GenerateRequest, GenerateStart, ReplyStatus
from engine.contracts.serialisation import from_json
from engine.generation import services
from engine.generation.models import Candidate, GenerationRequest, GenerationRun
from engine.lifecycle import ON_ENTRY, State
from engine.sourcing.models import TargetObject
from engine.workforce.models import AuditEvent

pytestmark = pytest.mark.django_db
MAX_ROUNDS = 2


@pytest.mark.parametrize("seed", range(8))
def test_every_target_comes_out_once(
    seed: int,
    make_target: Callable[..., TargetObject],
    answer: Callable[..., GenerateReply],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    rng = random.Random(seed)
    settings.LATHE_GENERATION_ATTEMPTS = 2
    queue: list[GenerateRequest] = []
    replies: list[GenerateReply] = []

    def deliver(name: str, kwargs: dict[str, Any] | None = None, **options: Any) -> None:
        if name == GENERATE_TASK and rng.random() < 0.9:  # some messages are lost
            queue.append(from_json(GenerateRequest, (kwargs or {})["message"]))

    monkeypatch.setattr(app, "send_task", deliver)
    handed_on = {state: ON_ENTRY[state] for state in (State.GENERATING, State.SEARCHING)}
    monkeypatch.setattr("engine.dispatch.ON_ENTRY", handed_on)
    targets = [make_target() for _ in range(2)]
    suite = {"retrieval": 1, "text_to_3d": 2, "sam3d": 1}
    services.open_collection(iteration=1, alpha=0.5, suite=suite, max_rounds=MAX_ROUNDS)
    services.request_ready_targets()
    now = timezone.now()

    def work() -> None:
        """A worker takes a message and answers, fails, or is never heard of again."""
        if not queue:
            return
        request = queue.pop(rng.randrange(len(queue)))
        start = GenerateStart(run_id=request.run_id, attempt=request.attempt, worker="w")
        services.record_start(start=start, now=now)
        run = GenerationRun.objects.get(id=request.run_id)
        if rng.random() < 0.5:
            replies.append(answer(run, attempt=request.attempt))
        elif rng.random() < 0.6:
            failed = {"status": ReplyStatus.FAILED, "candidates": (), "error": "it broke"}
            replies.append(answer(run, attempt=request.attempt, **failed))

    def hear() -> None:
        """An answer arrives; now and then the same one arrives again later."""
        if replies:
            reply = rng.choice(replies)
            services.record_reply(reply=reply, now=now)
            if rng.random() < 0.7:
                replies.remove(reply)

    def under_way() -> bool:
        return TargetObject.objects.filter(state__in=[State.GENERATING, State.SEARCHING]).exists()

    for _ in range(2000):
        if not under_way():
            break
        rng.choice([work, work, hear, hear, services.publish_waiting_runs, services.continue_searches])()
        if rng.random() < 0.1:
            now += timedelta(seconds=rng.choice([10, 200, 4000]))
            services.sweep_overdue_runs(now=now)

    assert not GenerationRequest.objects.filter(status="open").exists()
    for target in targets:
        target.refresh_from_db()
        assert target.state in (State.SELECTING, State.TRIAGE)
        last = target.generation_requests.order_by("-round")[0]
        found = Candidate.objects.filter(run__request=last).count()
        assert (target.state == State.SELECTING) == (found >= 2)
        assert target.state == State.SELECTING or last.round == MAX_ROUNDS
        moves = AuditEvent.objects.filter(subject_id=target.id).values_list("verb", flat=True).order_by("id")
        assert moves[0] == "request"
        assert len(moves) <= 2 + 2 * MAX_ROUNDS
    assert set(GenerationRun.objects.values_list("status", flat=True)) <= {"succeeded", "failed"}
    for run in GenerationRun.objects.annotate(found=Count("candidates")):
        assert run.found == (len(run.seeds) if run.status == "succeeded" else 0)
        assert run.error if run.status == "failed" else True
