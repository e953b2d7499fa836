"""Runs one generator for one request and says how it ended."""

import socket
import time
from dataclasses import dataclass, field
from functools import cache

import structlog

from engine.contracts.generation import CandidateResult, GenerateReply, GenerateRequest, ReplyStatus
from engine.contracts.serialisation import from_json, to_json
from model_workers.child_process import ChildLost, ChildProcess

log = structlog.get_logger(__name__)


@dataclass
class _Outcome:
    """Candidates, reasons for refused meshes, and why the generator failed where it did."""

    candidates: list[CandidateResult] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failure: str = ""


@cache
def child() -> ChildProcess:
    """The one process of this worker in which generators run; it keeps their models and indices in memory."""
    return ChildProcess("model_workers.generation_child", what="the generator")


def worker_name() -> str:
    """How this worker signs its answers."""
    return socket.gethostname()


def generate(request: GenerateRequest) -> GenerateReply:
    """Run the request; a crash, a hang, too much memory or no usable mesh is a failure with its reason.

    A refused mesh fails the run only if no other is left; candidates from before a failure are kept.
    """
    started = time.monotonic()
    outcome = _run(request, deadline=started + request.deadline_seconds)
    problems = [problem for problem in (outcome.failure, *outcome.refused) if problem]
    failed = bool(outcome.failure) or not outcome.candidates
    if failed and not problems:
        problems = ["the generator returned no mesh"]
    return GenerateReply(
        run_id=request.run_id,
        attempt=request.attempt,
        generator=request.generator,
        status=ReplyStatus.FAILED if failed else ReplyStatus.SUCCEEDED,
        candidates=tuple(outcome.candidates),
        error="; ".join(problems),
        duration_ms=round((time.monotonic() - started) * 1000),
        worker=worker_name(),
    )


def _run(request: GenerateRequest, *, deadline: float) -> _Outcome:
    outcome = _Outcome()
    child().send(to_json(request))
    while True:
        try:
            event = child().next_event(deadline=deadline, deadline_seconds=request.deadline_seconds)
        except ChildLost as lost:
            log.warning("generator_lost", generator=request.generator, run_id=request.run_id, reason=str(lost))
            outcome.failure = str(lost)
            return outcome
        if "candidate" in event:
            outcome.candidates.append(from_json(CandidateResult, event["candidate"]))
        elif "refused" in event:
            outcome.refused.append(f"seed {event['refused']['seed']}: {event['refused']['reason']}")
        else:
            outcome.failure = event["end"]
            return outcome
