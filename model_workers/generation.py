"""Runs one generator for one request and says how it ended."""

import socket
import time
from functools import cache

from engine.contracts.generation import GenerateReply, GenerateRequest, ReplyStatus
from model_workers.host_process import HostProcess


@cache
def host() -> HostProcess:
    """The one generator host of this process."""
    return HostProcess()


def worker_name() -> str:
    """How this worker signs its answers."""
    return socket.gethostname()


def generate(request: GenerateRequest) -> GenerateReply:
    """Run the request; a crash, a hang, too much memory or no usable mesh is a failure with its reason.

    A refused mesh fails the run only if no other is left; candidates from before a failure are kept.
    """
    started = time.monotonic()
    outcome = host().run(request)
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
