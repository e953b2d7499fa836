"""Sends waiting runs to the generators and looks after those that stay silent (`engine.outbox`)."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from engine.celery import app
from engine.contracts.cameras import Intrinsics
from engine.contracts.generation import (
    GENERATE_TASK,
    ChosenShape,
    GenerateRequest,
    GenerateStart,
    Modality,
    ModelRef,
)
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.targets import TargetInput
from engine.generation.models import GenerationRequest, GenerationRun
from engine.generation.replies import fail_run
from engine.sending import send_soon
from engine.sourcing import services as sourcing
from engine.storage import services as storage

# Sent in one call; the sweeper goes on with the rest.
MOST_AT_ONCE = 500
PUBLISH_TASK = "engine.generation.tasks.publish_waiting"
# What a worker that was taken away in mid-run, and its messages, are given on top of the deadline.
GRACE_SECONDS = 15


def publish_soon() -> None:
    """Ask an engine worker to publish now rather than at the sweeper's next turn. To be called on commit."""
    send_soon(PUBLISH_TASK)


def publish_waiting_runs(*, now: datetime | None = None) -> int:
    """Send every waiting run to its generator; return how many were sent. Stops quietly while the broker is away."""
    runs = GenerationRun.objects.select_related("request__collection__checkpoint", "request__shape__mesh")
    return runs.send_waiting(
        partial(_send, inputs={}),
        queue_seconds=settings.LATHE_GENERATION_QUEUE_SECONDS,
        now=now,
        limit=MOST_AT_ONCE,
    )


def record_start(*, start: GenerateStart, now: datetime | None = None) -> None:
    """A worker took the run up: silence for longer than its deadline now means that the worker is lost."""
    GenerationRun.objects.filter(id=start.run_id, attempt=start.attempt, status=GenerationRun.Status.SENT).update(
        worker=start.worker,
        deadline_at=(now or timezone.now()) + timedelta(seconds=settings.LATHE_GENERATION_SECONDS + GRACE_SECONDS),
    )


def sweep_overdue_runs(*, now: datetime | None = None) -> int:
    """Send overdue runs again, or record their failure once the attempts are used up; return how many were overdue."""
    now = now or timezone.now()

    def give_up(run_id: UUID, attempt: int) -> None:
        silence = f"no answer within {settings.LATHE_GENERATION_SECONDS:g} s, after {attempt} attempts"
        fail_run(run_id=run_id, attempt=attempt, error=silence, now=now)

    return GenerationRun.objects.send_again(attempts=settings.LATHE_GENERATION_ATTEMPTS, now=now, give_up=give_up)


def _send(run: GenerationRun, attempt: int, *, inputs: dict[UUID, TargetInput]) -> None:
    target_id = run.request.target_id
    if target_id not in inputs:
        inputs[target_id] = sourcing.target_input(target_id=target_id)
    request = GenerateRequest(
        run_id=str(run.id),
        attempt=attempt,
        generator=run.generator,
        modality=Modality(run.request.modality),
        target=inputs[target_id],
        seeds=tuple(run.seeds),
        deadline_seconds=float(settings.LATHE_GENERATION_SECONDS),
        model=_model_of(run.request),
        parameters=run.request.collection.generator_parameters.get(run.generator, {}),
        shape=_shape_of(run.request),
    )
    app.send_task(
        GENERATE_TASK,
        kwargs={"message": to_json(request)},
        expires=settings.LATHE_GENERATION_QUEUE_SECONDS,  # by then it is sent again
        retry=False,
    )


def _model_of(request: GenerationRequest) -> ModelRef | None:
    """The collection's checkpoint, which samples shapes; it textures none."""
    collection = request.collection
    if collection.model_version_id is None or collection.checkpoint is None or request.shape is not None:
        return None
    return ModelRef(
        model_version_id=str(collection.model_version_id), checkpoint=storage.blob_ref(collection.checkpoint)
    )


def _shape_of(request: GenerationRequest) -> ChosenShape | None:
    if request.shape is None:
        return None
    return ChosenShape(
        mesh=storage.blob_ref(request.shape.mesh),
        pose=from_json(Pose, request.shape_pose),
        intrinsics=from_json(Intrinsics, request.shape_intrinsics),
    )
