"""A small world around the flywheel: photographs, people who judge at once, and a trainer that is a stand-in.

What is played here is the outside: everything from the engine's own services to the database is the real thing.
"""

import io
from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone
from PIL import Image as PillowImage

from engine.celery import app
from engine.contracts.generation import ReplyStatus
from engine.contracts.serialisation import from_json
from engine.contracts.training import (
    EVALUATE_TASK,
    TRAIN_TASK,
    EvaluateReply,
    EvaluateRequest,
    TrainReply,
    TrainRequest,
)
from engine.flywheel import runs, services, steps
from engine.flywheel.models import Iteration
from engine.generation.models import GenerationRequest, GenerationRun
from engine.lifecycle import State
from engine.sourcing.models import TargetObject
from engine.storage.services import store
from tests import factories as make


class Killed(BaseException):
    """The process dies here."""


class World:
    """The outside of the flywheel."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []  # what a broker holds, oldest first
        self.answered: list[TrainReply | EvaluateReply] = []
        self.broker_away = False
        self.rating = 0.9
        self.generators = ("sam3d", "sam3d", "retrieval")
        self.voxel_iou: Callable[[str], float] = lambda model_version_id: 0.5
        # What trainings find when they sample data from before them, ahead of themselves and afterwards.
        self.regression: dict[str, float] = {"regression_library_before": 0.5, "regression_library_after": 0.5}

    # The broker

    def send_task(self, name: str, kwargs: dict[str, Any] | None = None, **options: Any) -> None:
        if self.broker_away:
            raise ConnectionRefusedError("the broker is away")
        self.messages.append((name, kwargs or {}))

    def waiting(self, *names: str) -> list[dict[str, Any]]:
        return [kwargs for name, kwargs in self.messages if name in names]

    # People

    def add_target(self) -> TargetObject:
        file = io.BytesIO()
        shade = TargetObject.objects.count() % 256
        PillowImage.fromarray(np.full((6, 8, 3), shade, dtype=np.uint8)).save(file, format="PNG")
        return make.make_target(image=make.make_image(content=file.getvalue()))

    def judge_everything(self) -> int:
        """Generators deliver, people choose, rate and pose: every target that is generating comes to rest."""
        requests = list(GenerationRequest.objects.filter(target__state=State.GENERATING, status="open"))
        for request in requests:
            now = timezone.now()
            request.runs.update(status=GenerationRun.Status.SUCCEEDED, ended_at=now)
            candidates = [self._candidate(request, generator) for generator in self.generators]
            GenerationRequest.objects.filter(pk=request.pk).update(status="filled", closed_at=now)
            make.make_rated_selection(request=request, candidates=candidates, rating=self.rating)
            TargetObject.objects.filter(pk=request.target_id).update(state=State.DONE, state_changed_at=now)
        return len(requests)

    def _candidate(self, request: GenerationRequest, generator: str) -> Any:
        version = request.collection.model_version_id if generator == "sam3d" else None
        content = f"mesh {make.next_number()}".encode()
        return make.make_candidate(request=request, generator=generator, content=content, model_version_id=version)

    # Trainers and the engine's own worker

    def do_freeze_tasks(self) -> None:
        for name, kwargs in self._take(steps.FREEZE_TASK):
            assert name == steps.FREEZE_TASK
            services.freeze_iteration(iteration_id=UUID(kwargs["iteration_id"]))

    def answer(self, *, failing: str = "") -> int:
        """Trainers answer everything that was sent to them."""
        taken = self._take(TRAIN_TASK, EVALUATE_TASK)
        for name, kwargs in taken:
            self.deliver(self.reply_to(name, kwargs, failing=failing))
        return len(taken)

    def reply_to(self, name: str, kwargs: dict[str, Any], *, failing: str = "") -> TrainReply | EvaluateReply:
        status = ReplyStatus.FAILED if failing else ReplyStatus.SUCCEEDED
        if name == TRAIN_TASK:
            request = from_json(TrainRequest, kwargs["message"])
            common = {"run_id": request.run_id, "attempt": request.attempt, "status": status, "error": failing}
            if failing:
                return TrainReply(**common)
            content = f"checkpoint of {request.run_id}".encode()
            checkpoint = store().put(content, media_type="application/x-safetensors")
            return TrainReply(
                **common, checkpoint=checkpoint, metrics={"loss": 0.5} | self.regression, duration_ms=1000
            )
        asked = from_json(EvaluateRequest, kwargs["message"])
        common = {"run_id": asked.run_id, "attempt": asked.attempt, "status": status, "error": failing}
        if failing:
            return EvaluateReply(**common)
        figure = self.voxel_iou(asked.model.model_version_id)
        return EvaluateReply(
            **common, metrics={"voxel_iou": figure}, intervals={"voxel_iou": (figure - 0.25, figure + 0.25)}
        )

    def deliver(self, reply: TrainReply | EvaluateReply) -> bool:
        self.answered.append(reply)
        if isinstance(reply, TrainReply):
            return services.record_training_reply(reply=reply)
        return services.record_evaluation_reply(reply=reply)

    def _take(self, *names: str) -> list[tuple[str, dict[str, Any]]]:
        taken = [message for message in self.messages if message[0] in names]
        self.messages = [message for message in self.messages if message[0] not in names]
        return taken

    # Time

    def tick(self, *, later: timedelta = timedelta(0)) -> None:
        """The timetable's turn."""
        services.advance_running(now=timezone.now() + later)
        runs.publish_waiting_runs()  # tests commit nothing, so what is to happen on commit is done here

    def run_until(self, step: str, *, turns: int = 40) -> Iteration:
        """Everybody does their part until the iteration is in `step` (with its outbox sent)."""
        for _ in range(turns):
            self.tick()
            iteration = Iteration.objects.order_by("-number").first()
            assert iteration is not None
            if iteration.step == step or iteration.failed:
                return iteration
            self.judge_everything()
            self.do_freeze_tasks()
            self.answer_before(step)
        raise AssertionError(f"not in {step} after {turns} turns: {iteration} is {iteration.step}")

    def answer_before(self, step: str) -> None:
        """Answer trainers, unless the iteration arrived in `step` meanwhile."""
        while (iteration := Iteration.objects.order_by("-number").first()) and iteration.step != step:
            pending = self.waiting(TRAIN_TASK, EVALUATE_TASK)
            if not pending or iteration.failed:
                return
            name, kwargs = next(message for message in self.messages if message[1] is pending[0])
            self.messages.remove((name, kwargs))
            self.deliver(self.reply_to(name, kwargs))


@pytest.fixture
def world(db, settings, tmp_path: Path, monkeypatch) -> World:
    settings.LATHE_STORAGE_URL = (tmp_path / "blobs").as_uri()
    world = World()
    monkeypatch.setattr(app, "send_task", world.send_task)
    return world


@contextmanager
def killed_at(statement: int):
    """The process dies before its `statement`-th statement; True is reported through the list if it did."""
    died: list[bool] = []
    count = 0

    def wrapper(execute, sql, params, many, context):
        nonlocal count
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "SELECT pg_advisory_unlock")) and not died:
            count += 1
            if count == statement:
                died.append(True)
                raise Killed
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper), suppress(Killed):
        yield died
