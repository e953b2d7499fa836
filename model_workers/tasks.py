"""The tasks that the engine sends by name: parse, run, answer."""

from typing import Any

from engine.contracts.generation import (
    GENERATE_TASK,
    RECORD_REPLY_TASK,
    RECORD_START_TASK,
    GenerateRequest,
    GenerateStart,
)
from engine.contracts.serialisation import from_json
from model_workers import replies
from model_workers.celery import app
from model_workers.generation import generate, worker_name


@app.task(name=GENERATE_TASK)
def run_generator(*, message: dict[str, Any], **kwargs: Any) -> None:
    """Run one generator for one request."""
    request = from_json(GenerateRequest, message)
    start = GenerateStart(run_id=request.run_id, attempt=request.attempt, worker=worker_name())
    replies.send(app, RECORD_START_TASK, start)
    replies.send(app, RECORD_REPLY_TASK, generate(request))
