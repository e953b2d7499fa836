"""Sends waiting runs to the generators and looks after those that stay silent.

A run's row is its outbox: it is sent from `waiting`, and sent again until an answer is recorded or the attempts are
used up. A broker that is away leaves the row waiting. Sending twice does no harm: an answer is recorded once.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

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
from engine.sourcing import services as sourcing
from engine.storage import services as storage

# Sent in one call; the sweeper goes on with the rest.
MOST_AT_ONCE = 500
PUBLISH_TASK = "engine.generation.tasks.publish_waiting"
# What a worker that was taken away in mid-run, and its messages, are given on top of the deadline.
GRACE_SECONDS = 15

log = structlog.get_logger(__name__)


def publish_soon() -> None:
    """Ask an engine worker to publish now rather than at the sweeper's next turn. To be called on commit."""
    try:
        app.send_task(PUBLISH_TASK, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("broker_away", waiting_for="sweeper", error=str(error))


def publish_waiting_runs(*, now: datetime | None = None) -> int:
    """Send every waiting run to its generator; return how many were sent. Stops quietly while the broker is away."""
    inputs: dict[UUID, TargetInput] = {}
    sent = 0
    waiting = GenerationRun.objects.filter(status=GenerationRun.Status.WAITING).order_by("created_at")
    for run_id in list(waiting.values_list("id", flat=True)[:MOST_AT_ONCE]):
        try:
            sent += _publish(run_id=run_id, now=now or timezone.now(), inputs=inputs)
        except (OperationalError, OSError) as error:
            log.warning("broker_away", waiting_for="sweeper", sent=sent, error=str(error))
            break
    return sent


def record_start(*, start: GenerateStart, now: datetime | None = None) -> None:
    """A worker took the run up: silence for longer than its deadline now means that the worker is lost."""
    GenerationRun.objects.filter(id=start.run_id, attempt=start.attempt, status=GenerationRun.Status.SENT).update(
        worker=start.worker,
        deadline_at=(now or timezone.now()) + timedelta(seconds=settings.LATHE_GENERATION_SECONDS + GRACE_SECONDS),
    )


def sweep_overdue_runs(*, now: datetime | None = None) -> int:
    """Send overdue runs again, or record their failure once the attempts are used up; return how many were overdue."""
    now = now or timezone.now()
    overdue = GenerationRun.objects.filter(status=GenerationRun.Status.SENT, deadline_at__lt=now)
    found = list(overdue.order_by("deadline_at").values_list("id", "attempt"))
    for run_id, attempt in found:
        if attempt < settings.LATHE_GENERATION_ATTEMPTS:
            again = overdue.filter(id=run_id, attempt=attempt).update(
                status=GenerationRun.Status.WAITING, deadline_at=None
            )
            if again:
                log.warning("run_overdue", run_id=str(run_id), attempt=attempt)
        else:
            fail_run(
                run_id=run_id,
                attempt=attempt,
                error=f"no answer within {settings.LATHE_GENERATION_SECONDS:g} s, after {attempt} attempts",
                now=now,
            )
    return len(found)


@transaction.atomic
def _publish(*, run_id: UUID, now: datetime, inputs: dict[UUID, TargetInput]) -> int:
    # Locked while sending, so that an answer quicker than our commit waits for it, and two senders never share a row.
    run = (
        GenerationRun.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("request__collection__checkpoint", "request__shape__mesh")
        .filter(id=run_id, status=GenerationRun.Status.WAITING)
        .first()
    )
    if run is None:
        return 0
    target_id = run.request.target_id
    if target_id not in inputs:
        inputs[target_id] = sourcing.target_input(target_id=target_id)
    request = GenerateRequest(
        run_id=str(run.id),
        attempt=run.attempt + 1,
        generator=run.generator,
        modality=Modality(run.request.modality),
        target=inputs[target_id],
        seeds=tuple(run.seeds),
        deadline_seconds=float(settings.LATHE_GENERATION_SECONDS),
        model=_model_of(run.request),
        shape=_shape_of(run.request),
    )
    app.send_task(
        GENERATE_TASK,
        kwargs={"message": to_json(request)},
        expires=settings.LATHE_GENERATION_QUEUE_SECONDS,  # by then it is sent again
        retry=False,
    )
    run.status = GenerationRun.Status.SENT
    run.attempt += 1
    run.deadline_at = now + timedelta(seconds=settings.LATHE_GENERATION_QUEUE_SECONDS)
    run.save(update_fields=["status", "attempt", "deadline_at"])
    return 1


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
