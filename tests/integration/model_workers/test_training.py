"""Trainings and evaluations in their own process: they answer, fail with a reason, and go on after a kill."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.contracts.generation import GenerateRequest, ModelRef, ReplyStatus
from engine.contracts.training import EvaluateRequest, TrainingStage, TrainProgress, TrainReply, TrainRequest
from engine.storage.blobs import BlobStore
from model_workers import generation, training
from model_workers.child_process import ChildProcess

TINY = {
    "steps": 2,
    "batch_size": 2,
    "save_every_steps": 1,
    "library.count": 4,
    "library.image_px": 32,
    "library.processes": 1,
    "vae.steps": 2,
    "vae.batch_size": 2,
    "calibrate_surface": 2,
}


@pytest.fixture(scope="module", autouse=True)
def environment(scrubbed_environment: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in scrubbed_environment.items():
            patch.setenv(name, value)
        yield
        training.child().close()


def request(run_id: str, **overrides: Any) -> TrainRequest:
    return TrainRequest(
        run_id=run_id,
        attempt=1,
        stage=TrainingStage.PRETRAIN,
        recipe="mini_pretrain",
        seed=1,
        overrides={**TINY, **overrides},
    )


@pytest.fixture(scope="module")
def said() -> list[TrainProgress]:
    return []


@pytest.fixture(scope="module")
def trained(environment: None, said: list[TrainProgress]) -> TrainReply:
    """A checkpoint of a training of a few steps."""
    return training.train(request("tiny"), on_progress=said.append)


def model_of(trained: TrainReply) -> ModelRef:
    assert trained.checkpoint is not None
    return ModelRef(model_version_id="3d35b0e6-5c1a-4a0c-8d2c-6f8b53c3d111", checkpoint=trained.checkpoint)


def test_a_training_answers_with_checkpoint_metrics_and_log(
    trained: TrainReply, said: list[TrainProgress], store: BlobStore, var: Path
) -> None:
    assert (trained.status, trained.error) == (ReplyStatus.SUCCEEDED, "")
    assert trained.checkpoint is not None
    assert trained.log is not None
    assert store.exists(trained.checkpoint.sha256)
    assert json.loads(store.get(trained.log.sha256).splitlines()[-1])["finished"] is True
    assert trained.duration_ms > 0
    assert said[-1].step == said[-1].total_steps == 4
    assert (said[0].step, said[0].total_steps) == (0, 0), "taken up"
    assert len(said) <= 3 + trained.duration_ms / 1000  # a sign of life a second, and the last step
    assert not (var / "worker_cache" / "training" / "tiny").exists()


def test_sam3d_samples_from_the_checkpoint(trained: TrainReply, make_request: Callable[..., GenerateRequest]) -> None:
    child = ChildProcess("model_workers.generation_child", what="the generator")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "child", lambda: child)
        reply = generation.generate(
            make_request(
                "sam3d", model=model_of(trained), seeds=(1, 2, 3), parameters={"steps": 2}, deadline_seconds=60.0
            )
        )
        without = generation.generate(make_request("sam3d"))
    child.close()
    # Two steps of training promise no surface; what comes has its latent and names its model version.
    for candidate in reply.candidates:
        assert candidate.model_version_id == model_of(trained).model_version_id
        assert candidate.latent is not None
    assert reply.candidates or "empty" in reply.error
    assert without.status is ReplyStatus.FAILED
    assert "needs a checkpoint" in without.error


def test_an_evaluation_answers_with_means(trained: TrainReply) -> None:
    signs: list[TrainProgress] = []
    request = EvaluateRequest(run_id="e", attempt=1, model=model_of(trained), heldout_count=2, seed=1)
    reply = training.evaluate(request, on_progress=signs.append)
    assert (reply.status, reply.error) == (ReplyStatus.SUCCEEDED, "")
    assert 0 <= reply.metrics["voxel_iou"] <= 1
    # Taken up at once, and done: an evaluator that is lost between the two is missed by its silence.
    assert (signs[0].run_id, signs[0].step) == ("e", 0)
    assert (signs[-1].step, signs[-1].total_steps) == (2, 2)


def pids_of_children() -> list[int]:
    found = []
    for one in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # what earlier tests left dead
            if "model_workers.training_child" in one.cmdline():
                found.append(one.pid)
    return found


def test_the_next_stage_has_the_same_process_until_one_fails_or_it_was_idle_for_long(
    trained: TrainReply, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = EvaluateRequest(run_id="e", attempt=1, model=model_of(trained), heldout_count=2, seed=1)
    training.child().close()
    replies, pids = [], []
    for seconds in (60.0, 60.0, 0.1):
        monkeypatch.setattr(training, "IDLE_SECONDS", seconds)
        replies.append(training.evaluate(request, on_progress=lambda progress: None))
        pids += pids_of_children()
    assert pids[:2] == [pids[0]] * 2
    assert len({str(reply.metrics) for reply in replies}) == 1, "what came before changes no figure"
    deadline = time.monotonic() + 20
    while pids_of_children():
        assert time.monotonic() < deadline, "it is idle and lives on"
        time.sleep(0.05)

    monkeypatch.setattr(training, "IDLE_SECONDS", 60.0)
    training.evaluate(request, on_progress=lambda progress: None)
    failed = training.evaluate(
        replace(request, model=replace(request.model, checkpoint=replace(request.model.checkpoint, sha256="0" * 64))),
        on_progress=lambda progress: None,
    )
    assert failed.status is ReplyStatus.FAILED
    assert pids_of_children() == []


def test_a_training_that_diverges_says_so() -> None:
    overrides = {
        "optimiser.learning_rate": 1e30,
        "optimiser.warmup_steps": 0,
        "optimiser.gradient_clip": 1e30,
        "steps": 20,
    }
    reply = training.train(request("diverging", **overrides), on_progress=lambda progress: None)
    assert (reply.status, reply.checkpoint) == (ReplyStatus.FAILED, None)
    assert reply.error.startswith("Diverged")


def test_an_unknown_recipe_is_an_answer() -> None:
    reply = training.train(replace(request("unknown"), recipe="no_such_recipe"), on_progress=lambda progress: None)
    assert reply.status is ReplyStatus.FAILED
    assert "no_such_recipe" in reply.error


def test_a_training_that_is_killed_fails_and_the_next_attempt_goes_on_from_its_state(
    monkeypatch: pytest.MonkeyPatch, var: Path
) -> None:
    monkeypatch.setattr(training, "PROGRESS_SECONDS", 0.0)
    steps: list[int] = []

    def kill_at_third_step(progress: TrainProgress) -> None:
        steps.append(progress.step)
        if progress.step == 5:
            (pid,) = pids_of_children()
            os.kill(pid, signal.SIGKILL)

    long = request("killed", steps=2000)
    reply = training.train(long, on_progress=kill_at_third_step)
    assert (reply.status, reply.error) == (ReplyStatus.FAILED, "the process of the training ended with signal 9")
    assert (var / "worker_cache" / "training" / "killed").is_dir()

    class SeenEnoughError(Exception):
        pass

    def first(progress: TrainProgress) -> None:
        if progress.step:
            steps.append(progress.step)
            raise SeenEnoughError

    with pytest.raises(SeenEnoughError):
        training.train(replace(long, attempt=2), on_progress=first)
    assert steps[-1] > 3
