"""Runs trainings and evaluations in a process of their own and passes on what they say."""

import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from engine.contracts.generation import ReplyStatus
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.training import EvaluateReply, EvaluateRequest, TrainProgress, TrainReply, TrainRequest
from model_workers.child_process import ChildLost, ChildProcess

PROGRESS_SECONDS = 1.0

log = structlog.get_logger(__name__)


def train(request: TrainRequest, *, on_progress: Callable[[TrainProgress], None]) -> TrainReply:
    """Train; a divergence, a crash or too much memory is a failure with its reason.

    `on_progress` is called once a second at most. A run that is sent again continues where it stopped if this machine
    still has its folder.
    """
    started = time.monotonic()
    failure = TrainReply(run_id=request.run_id, attempt=request.attempt, status=ReplyStatus.FAILED)
    reply = failure
    last_said = -PROGRESS_SECONDS
    child = ChildProcess("model_workers.training_child", what="the training")
    try:
        child.send({"train": to_json(request)})
        while reply is failure:
            event = child.next_event()
            if "progress" in event:
                progress = from_json(TrainProgress, event["progress"])
                now = time.monotonic()
                if now - last_said >= PROGRESS_SECONDS or progress.step == progress.total_steps:
                    on_progress(progress)
                    last_said = now
            elif "failed" in event:
                return replace(failure, error=event["failed"], duration_ms=_since_ms(started))
            else:
                reply = from_json(TrainReply, event["reply"])
    except ChildLost as lost:
        log.warning("training_lost", run_id=request.run_id, reason=str(lost))
        return replace(failure, error=str(lost), duration_ms=_since_ms(started))
    finally:
        child.close()
    return replace(reply, duration_ms=_since_ms(started))


def evaluate(request: EvaluateRequest) -> EvaluateReply:
    """Evaluate; a crash is a failure with its reason."""
    started = time.monotonic()
    failure = EvaluateReply(run_id=request.run_id, attempt=request.attempt, status=ReplyStatus.FAILED)
    child = ChildProcess("model_workers.training_child", what="the evaluation")
    try:
        child.send({"evaluate": to_json(request)})
        event = child.next_event()
    except ChildLost as lost:
        log.warning("evaluation_lost", run_id=request.run_id, reason=str(lost))
        return replace(failure, error=str(lost), duration_ms=_since_ms(started))
    finally:
        child.close()
    if "failed" in event:
        return replace(failure, error=event["failed"], duration_ms=_since_ms(started))
    return replace(from_json(EvaluateReply, event["reply"]), duration_ms=_since_ms(started))


def _since_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
