"""What comes back from trainers and evaluators: recorded exactly once, whatever is delivered twice, late or broken."""

import math
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from engine.contracts.blobs import BlobRef
from engine.contracts.generation import ReplyStatus
from engine.contracts.serialisation import from_json
from engine.contracts.training import EvaluateReply, EvaluateRequest, TrainReply, TrainRequest
from engine.datasets.models import Snapshot
from engine.errors import LatheError
from engine.flywheel import transitions
from engine.flywheel.models import Iteration, ModelVersion, TrainingRun
from engine.flywheel.versions import finite, promoted_version, swap_promoted
from engine.storage.models import Blob
from engine.storage.services import record_blob
from engine.workforce.services import audit

MOST_ERROR_CHARACTERS = 4000

log = structlog.get_logger(__name__)


def record_training(*, reply: TrainReply, now: datetime | None = None) -> bool:
    """Record the end of a training run: a model version, or the failure of the iteration. True where it counted."""
    run = _open_run(reply, kind=TrainingRun.Kind.TRAIN)
    if run is None:
        return False
    now = now or timezone.now()
    checkpoint, log_file, problem = None, None, reply.error or "the trainer failed and gave no reason"
    if reply.status is ReplyStatus.SUCCEEDED:
        # Looking into the object store is slow: it stays outside the transaction.
        checkpoint, problem = _recorded(reply.checkpoint)
    if reply.log is not None:
        log_file, _ = _recorded(reply.log)
    facts: dict[str, Any] = {"duration_ms": reply.duration_ms, "log": log_file, "metrics": finite(reply.metrics)}
    if checkpoint is None:
        return _fail(run, attempt=reply.attempt, error=problem, now=now, **facts)
    with transaction.atomic():
        if not TrainingRun.objects.end(run.id, status=TrainingRun.Status.SUCCEEDED, now=now, **facts):
            return False
        version = _version_from(run, checkpoint=checkpoint, reply=reply)
        TrainingRun.objects.filter(id=run.id).update(produced=version)
    log.info("training_recorded", run_id=str(run.id), model_version=version.name)
    return True


def record_evaluation(*, reply: EvaluateReply, now: datetime | None = None) -> bool:
    """Record the figures of an evaluation, on the run and on the model version. True where it counted."""
    run = _open_run(reply, kind=TrainingRun.Kind.EVALUATE)
    if run is None:
        return False
    now = now or timezone.now()
    if reply.status is ReplyStatus.FAILED or not reply.metrics:
        error = reply.error or "the evaluator returned no figures"
        return _fail(run, attempt=reply.attempt, error=error, now=now, duration_ms=reply.duration_ms)
    metrics = finite(reply.metrics)
    with transaction.atomic():
        ended = TrainingRun.objects.end(
            run.id,
            status=TrainingRun.Status.SUCCEEDED,
            now=now,
            metrics=metrics,
            duration_ms=reply.duration_ms,
        )
        if not ended:
            return False
        request = from_json(EvaluateRequest, run.request | {"attempt": reply.attempt})
        version = ModelVersion.objects.select_for_update().get(id=request.model.model_version_id)
        version.metrics = version.metrics | {"heldout": metrics, "heldout_intervals": intervals_of(reply)}
        version.save(update_fields=["metrics"])
    log.info("evaluation_recorded", run_id=str(run.id), model_version=version.name, metrics=metrics)
    return True


def intervals_of(reply: EvaluateReply) -> dict[str, list[float]]:
    """Intervals for a JSON column, without those that are not finite."""
    return {name: [low, high] for name, (low, high) in reply.intervals.items() if math.isfinite(low + high)}


def give_up_or_send_again(*, now: datetime) -> int:
    """Send silent runs again, or record their failure once the attempts are used up; return how many were silent."""

    def give_up(run_id: UUID, attempt: int) -> None:
        silence = f"no sign of life from any trainer in {attempt} attempts"
        _fail(TrainingRun.objects.get(id=run_id), attempt=attempt, error=silence, now=now)

    return TrainingRun.objects.send_again(attempts=settings.LATHE_TRAINING_ATTEMPTS, now=now, give_up=give_up)


def iteration_of(run_id: UUID | str) -> UUID | None:
    """The iteration that waits for this run: its own, or for the first checkpoint the one that is under way."""
    run = TrainingRun.objects.filter(id=run_id).only("iteration_id").first()
    if run is None:
        return None
    if run.iteration_id is not None:
        return run.iteration_id
    return Iteration.objects.filter(step=Iteration.Step.COLLECTING).values_list("id", flat=True).first()


def _open_run(reply: TrainReply | EvaluateReply, *, kind: str) -> TrainingRun | None:
    """The run that the reply ends, if it is still open and not a failure of an attempt that was given up."""
    run = TrainingRun.objects.select_related("iteration").filter(id=reply.run_id, kind=kind).first()
    if run is None:
        log.warning("reply_to_unknown_run", run_id=reply.run_id)
        return None
    if run.status not in TrainingRun.OPEN or (reply.status is ReplyStatus.FAILED and reply.attempt < run.attempt):
        log.info("reply_ignored", run_id=reply.run_id, attempt=reply.attempt, run_status=run.status)
        return None
    return run


def _fail(run: TrainingRun, *, attempt: int, error: str, now: datetime, **facts: Any) -> bool:
    error = error[:MOST_ERROR_CHARACTERS]
    with transaction.atomic():
        failed = TrainingRun.Status.FAILED
        if not TrainingRun.objects.end(run.id, status=failed, now=now, attempt=attempt, error=error, **facts):
            return False
        iteration_id = iteration_of(run.id)
        if iteration_id is not None:
            transitions.fail(iteration_id=iteration_id, reason=f"{run.purpose}: {error}")
    log.warning("training_run_failed", run_id=str(run.id), purpose=run.purpose, error=error)
    return True


def _version_from(run: TrainingRun, *, checkpoint: Blob, reply: TrainReply) -> ModelVersion:
    """Make the model version and hand it to the iteration; the first checkpoint of all is promoted at once."""
    request = from_json(TrainRequest, run.request | {"attempt": reply.attempt})
    number = run.iteration.number if run.iteration else 0
    version = ModelVersion.objects.create(
        name=f"k{number}-{run.purpose}",
        parent_id=request.parent.model_version_id if request.parent else None,
        stage=request.stage.value,
        recipe=request.recipe,
        snapshot=_snapshot_of(request),
        checkpoint=checkpoint,
        metrics={"training": finite(reply.metrics)},
    )
    audit(
        actor=None,
        subject_kind="model_version",
        subject_id=version.id,
        verb="train",
        to_state="trained",
        name=version.name,
        run=str(run.id),
    )
    if run.iteration is None:
        if promoted_version() is None:
            swap_promoted(incumbent=None, version=version, actor=None, reason="the first checkpoint")
    else:
        Iteration.objects.filter(id=run.iteration.id).update(**{f"{run.purpose}_version": version})
    return version


def _snapshot_of(request: TrainRequest) -> Snapshot | None:
    if request.snapshot is None:
        return None
    return Snapshot.objects.filter(manifest_id=request.snapshot.snapshot_sha256).first()


def _recorded(ref: BlobRef | None) -> tuple[Blob | None, str]:
    """The row of an object that a worker stored, or what is wrong with it."""
    if ref is None:
        return None, "the trainer reported success without a checkpoint"
    try:
        return record_blob(ref=ref), ""
    except LatheError as error:
        return None, f"the trainer's result cannot be used: {error}"
