"""Runs trainings and evaluations in a process of their own and passes on what they say.

The process stays a while after a success: the next stage of the iteration need not import everything again.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import structlog

from engine.contracts.generation import ReplyStatus
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.training import EvaluateReply, EvaluateRequest, TrainProgress, TrainReply, TrainRequest
from model_workers.child_process import ChildLost, ChildProcess

PROGRESS_SECONDS = 1.0
# Longer than the engine takes from one stage to the next.
IDLE_SECONDS = 60.0

OnProgress = Callable[[TrainProgress], None]

log = structlog.get_logger(__name__)


def train(request: TrainRequest, *, on_progress: OnProgress) -> TrainReply:
    """Train; a divergence, a crash or too much memory is a failure with its reason.

    `on_progress` is called when the run is taken up, and then once a second at most. A run that is sent again continues
    where it stopped if this machine still has its folder.
    """
    started = time.monotonic()
    answer, failure = _run("train", request, what="the training", on_progress=on_progress)
    if answer is None:
        reply = TrainReply(run_id=request.run_id, attempt=request.attempt, status=ReplyStatus.FAILED, error=failure)
    else:
        reply = from_json(TrainReply, answer)
    return replace(reply, duration_ms=_since_ms(started))


def evaluate(request: EvaluateRequest, *, on_progress: OnProgress) -> EvaluateReply:
    """Evaluate; a crash is a failure with its reason. `on_progress` is called as in `train`."""
    started = time.monotonic()
    answer, failure = _run("evaluate", request, what="the evaluation", on_progress=on_progress)
    if answer is None:
        reply = EvaluateReply(run_id=request.run_id, attempt=request.attempt, status=ReplyStatus.FAILED, error=failure)
    else:
        reply = from_json(EvaluateReply, answer)
    return replace(reply, duration_ms=_since_ms(started))


@cache
def child() -> ChildProcess:
    """The one process of this worker in which trainings and evaluations run."""
    return ChildProcess("model_workers.training_child", what="the training")


def _run(
    kind: str, request: TrainRequest | EvaluateRequest, *, what: str, on_progress: OnProgress
) -> tuple[dict[str, Any] | None, str]:
    """Have a child do it and pass on its progress; its answer, or None and the reason why there is none."""
    doing, succeeded = child(), False
    doing.what = what
    # From now on the engine expects signs of life instead of a place in the queue.
    on_progress(TrainProgress(request.run_id, request.attempt, step=0, total_steps=0))
    last_said = time.monotonic()
    try:
        doing.send({kind: to_json(request)})
        while True:
            event = doing.next_event()
            if "reply" in event:
                succeeded = True
                return event["reply"], ""
            if "failed" in event:
                return None, event["failed"]
            progress = from_json(TrainProgress, event["progress"])
            now = time.monotonic()
            if now - last_said >= PROGRESS_SECONDS or progress.step == progress.total_steps:
                on_progress(progress)
                last_said = now
    except ChildLost as lost:
        log.warning("training_lost", kind=kind, run_id=request.run_id, reason=str(lost))
        return None, str(lost)
    finally:
        # What has failed may have left anything behind.
        if succeeded:
            doing.close_if_idle(seconds=IDLE_SECONDS)
        else:
            doing.close()


def _since_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
