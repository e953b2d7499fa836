"""The tasks that the engine sends by name: parse, run, answer."""

import contextlib
from typing import Any

from kombu.exceptions import OperationalError

from engine.contracts.assist import SEGMENT_TASK, AssistRequest
from engine.contracts.generation import GENERATE_TASK, GenerateRequest, GenerateStart
from engine.contracts.point_maps import ESTIMATE_TASK, EstimateRequest
from engine.contracts.recognition import RECOGNISE_TASK, RECORD_RECOGNITION_TASK, RecogniseRequest
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.training import (
    EVALUATE_TASK,
    RECORD_EVALUATION_TASK,
    RECORD_PROGRESS_TASK,
    RECORD_TRAINING_TASK,
    TRAIN_TASK,
    EvaluateRequest,
    TrainProgress,
    TrainRequest,
)
from model_workers import assist, point_maps, recognition, replies, training
from model_workers.celery import app
from model_workers.generation import generate, worker_name


@app.task(name=GENERATE_TASK)
def run_generator(*, message: dict[str, Any], **kwargs: Any) -> None:
    """Run one generator for one request."""
    request = from_json(GenerateRequest, message)
    start = GenerateStart(run_id=request.run_id, attempt=request.attempt, worker=worker_name())
    replies.send(app, request.start_task, start)
    replies.send(app, request.reply_task, generate(request))


@app.task(name=TRAIN_TASK)
def run_training(*, message: dict[str, Any], **kwargs: Any) -> None:
    """Run one training."""
    reply = training.train(from_json(TrainRequest, message), on_progress=_say_progress)
    replies.send(app, RECORD_TRAINING_TASK, reply)


@app.task(name=EVALUATE_TASK)
def run_evaluation(*, message: dict[str, Any], **kwargs: Any) -> None:
    """Run one evaluation."""
    reply = training.evaluate(from_json(EvaluateRequest, message), on_progress=_say_progress)
    replies.send(app, RECORD_EVALUATION_TASK, reply)


@app.task(name=SEGMENT_TASK, ignore_result=False)
def run_segmenter(*, message: dict[str, Any], **kwargs: Any) -> Any:
    """Mark an object while a person waits."""
    return to_json(assist.assist(from_json(AssistRequest, message)))


@app.task(name=ESTIMATE_TASK, ignore_result=False)
def run_estimator(*, message: dict[str, Any], **kwargs: Any) -> Any:
    """Estimate the point map of a photograph."""
    return to_json(point_maps.estimate(from_json(EstimateRequest, message)))


@app.task(name=RECOGNISE_TASK)
def run_recogniser(*, message: dict[str, Any], **kwargs: Any) -> None:
    """Name and mark the objects of a new photograph."""
    replies.send(app, RECORD_RECOGNITION_TASK, recognition.recognise(from_json(RecogniseRequest, message)))


def _say_progress(progress: TrainProgress) -> None:
    # The next sign of life is not far: nobody waits for the broker to take this one.
    with contextlib.suppress(OperationalError, OSError):
        replies.send(app, RECORD_PROGRESS_TASK, progress, patience_seconds=0.0)
