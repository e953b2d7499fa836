"""The room's Celery tasks: parse, call one service."""

from typing import Any
from uuid import UUID

from celery import shared_task

from engine.contracts.generation import GenerateReply, GenerateStart
from engine.contracts.serialisation import ContractError, from_json
from engine.contracts.training import (
    RECORD_EVALUATION_TASK,
    RECORD_PROGRESS_TASK,
    RECORD_TRAINING_TASK,
    EvaluateReply,
    TrainProgress,
    TrainReply,
)
from engine.flywheel import services, steps
from engine.flywheel.voting import advancing, generating

ADVANCE_SECONDS = 3.0
EVALUATIONS_SECONDS = 5.0

BEAT_SCHEDULE = {
    "advance-flywheel": {"task": "engine.flywheel.tasks.advance_running", "schedule": ADVANCE_SECONDS},
    "advance-evaluations": {"task": advancing.ADVANCE_TASK, "schedule": EVALUATIONS_SECONDS},
}


@shared_task(name="engine.flywheel.tasks.advance_running", expires=ADVANCE_SECONDS)
def advance_running(**kwargs: Any) -> None:
    """Do the next thing for the iteration that is under way."""
    services.advance_running()


@shared_task(name=services.ADVANCE_TASK)
def advance(*, iteration_id: str, **kwargs: Any) -> None:
    """Do the next thing now."""
    services.advance(iteration_id=UUID(iteration_id))


@shared_task(name=steps.FREEZE_TASK)
def freeze(*, iteration_id: str, **kwargs: Any) -> None:
    """Freeze the snapshot of an iteration."""
    services.freeze_iteration(iteration_id=UUID(iteration_id))


@shared_task(name=RECORD_TRAINING_TASK)
def record_training_reply(*, message: dict[str, Any], **kwargs: Any) -> None:
    """A trainer's answer."""
    services.record_training_reply(reply=from_json(TrainReply, message))


@shared_task(name=RECORD_EVALUATION_TASK)
def record_evaluation_reply(*, message: dict[str, Any], **kwargs: Any) -> None:
    """An evaluator's answer."""
    services.record_evaluation_reply(reply=from_json(EvaluateReply, message))


@shared_task(name=RECORD_PROGRESS_TASK)
def record_progress(*, message: dict[str, Any], **kwargs: Any) -> None:
    """A trainer's sign of life."""
    services.record_progress(progress=from_json(TrainProgress, message))


@shared_task(name=advancing.ADVANCE_TASK, expires=EVALUATIONS_SECONDS)
def advance_evaluations(**kwargs: Any) -> None:
    """Do the next thing for every evaluation that is under way."""
    advancing.advance_evaluations()


@shared_task(name=generating.RECORD_START_TASK)
def record_entry_start(*, message: dict[str, Any], **kwargs: Any) -> None:
    """A worker took up an entry of an evaluation."""
    generating.record_entry_start(start=from_json(GenerateStart, message))


@shared_task(
    name=generating.RECORD_REPLY_TASK,
    # An answer is not to be lost while database or object store are away.
    autoretry_for=(Exception,),
    dont_autoretry_for=(ContractError,),
    retry_backoff=True,
    retry_backoff_max=60,
    max_retries=20,
)
def record_entry_reply(*, message: dict[str, Any], **kwargs: Any) -> None:
    """A generator's answer for an evaluation."""
    generating.record_entry_reply(reply=from_json(GenerateReply, message))


@shared_task(name=generating.MAKE_VIEWS_TASK)
def make_entry_views(**kwargs: Any) -> int:
    """Make what voters are shown of new entries."""
    return generating.make_missing_entry_views()
