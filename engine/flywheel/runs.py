"""Training and evaluation runs: asked for once, sent from an outbox, answered exactly once (`engine.outbox`)."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from engine.celery import app
from engine.contracts.serialisation import to_json
from engine.contracts.training import EVALUATE_TASK, TRAIN_TASK, EvaluateRequest, TrainProgress, TrainRequest
from engine.flywheel.models import Iteration, TrainingRun
from engine.flywheel.versions import finite

QUEUE = "train"

log = structlog.get_logger(__name__)


def live_run(*, iteration: Iteration | None, purpose: str) -> TrainingRun | None:
    """The run for this purpose that is under way or succeeded; failed ones are history."""
    return TrainingRun.objects.filter(iteration=iteration, purpose=purpose, status__in=TrainingRun.LIVE).first()


@transaction.atomic
def ask(
    *, iteration: Iteration | None, purpose: str, request: TrainRequest | EvaluateRequest, run_id: UUID
) -> TrainingRun:
    """Write a run into the outbox and send it once the transaction stands; the database allows one live run each."""
    message = to_json(request)
    del message["attempt"]
    run = TrainingRun.objects.create(
        id=run_id,
        iteration=iteration,
        kind=TrainingRun.Kind.TRAIN if isinstance(request, TrainRequest) else TrainingRun.Kind.EVALUATE,
        purpose=purpose,
        request=message,
    )
    transaction.on_commit(publish_waiting_runs)
    return run


def take_known_figures(
    *, iteration: Iteration, purpose: str, request: EvaluateRequest, run_id: UUID, now: datetime | None = None
) -> bool:
    """Where the very same evaluation was made before, take its figures over: the base was the last turn's new one.

    The row that is added was never sent (attempt 0). Evaluations are reproducible: model, seed and sets are all they
    depend on.
    """
    message = to_json(request)
    del message["attempt"]
    earlier = TrainingRun.objects.filter(
        kind=TrainingRun.Kind.EVALUATE,
        status=TrainingRun.Status.SUCCEEDED,
        request__model__model_version_id=request.model.model_version_id,
    ).order_by("-created_at")
    known = next((run for run in earlier if run.request | {"run_id": str(run_id)} == message), None)
    if known is None:
        return False
    TrainingRun.objects.create(
        id=run_id,
        iteration=iteration,
        kind=TrainingRun.Kind.EVALUATE,
        purpose=purpose,
        request=message,
        status=TrainingRun.Status.SUCCEEDED,
        metrics=known.metrics,
        duration_ms=0,
        ended_at=now or timezone.now(),
    )
    log.info("evaluation_known", run_id=str(run_id), purpose=purpose, measured_by=str(known.id))
    return True


def new_run_id() -> UUID:
    """Id of a run to be asked for: the request carries it."""
    return uuid4()


def publish_waiting_runs(*, now: datetime | None = None) -> int:
    """Send every waiting run; return how many were sent. Stops quietly while the broker is away."""
    return TrainingRun.objects.send_waiting(_send, queue_seconds=settings.LATHE_TRAINING_QUEUE_SECONDS, now=now)


def _send(run: TrainingRun, attempt: int) -> None:
    app.send_task(
        TRAIN_TASK if run.kind == TrainingRun.Kind.TRAIN else EVALUATE_TASK,
        kwargs={"message": run.request | {"attempt": attempt}},
        queue=QUEUE,
        expires=settings.LATHE_TRAINING_QUEUE_SECONDS,  # by then it is sent again
        retry=False,
    )
    log.info("training_run_sent", run_id=str(run.id), purpose=run.purpose, attempt=attempt)


def record_progress(*, progress: TrainProgress, now: datetime | None = None) -> bool:
    """A sign of life: from now on, silence for longer than LATHE_TRAINING_SILENCE_SECONDS means a lost worker."""
    changed = TrainingRun.objects.filter(
        id=progress.run_id, attempt=progress.attempt, status=TrainingRun.Status.SENT
    ).update(
        step=progress.step,
        total_steps=progress.total_steps,
        metrics=finite(progress.metrics),
        deadline_at=(now or timezone.now()) + timedelta(seconds=settings.LATHE_TRAINING_SILENCE_SECONDS),
    )
    return changed == 1
