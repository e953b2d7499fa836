"""The process in which trainings and evaluations run, one after the other.

    python -m model_workers.training_child PARENT_PID

Reads lines, `{"train": TrainRequest}` or `{"evaluate": EvaluateRequest}`; for each it writes
`{"progress": TrainProgress}` after each step or example and at last `{"reply": …}` or `{"failed": reason}`.
"""

import gc
import json
import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from engine.contracts.generation import ReplyStatus
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.training import (
    EvaluateReply,
    EvaluateRequest,
    SnapshotRef,
    TrainProgress,
    TrainReply,
    TrainRequest,
)
from engine.embedded.places import var_folder
from engine.storage.blobs import BlobStore, open_store
from model_workers.child import Tell, attach_to_parent
from model_workers.inputs import fetch_cached

CHECKPOINT_MEDIA_TYPE = "application/x-safetensors"
LOG_MEDIA_TYPE = "application/jsonl"
# Folders of runs that broke off, kept so that they can be resumed.
MOST_KEPT_RUNS = 5

log = structlog.get_logger(__name__)


def main(parent_pid: int) -> int:
    """Do what the parent asks for until it has nothing more to ask."""
    tell = attach_to_parent(parent_pid)
    import torch

    threads = torch.get_num_threads()
    store, cache = open_store(os.environ.get("LATHE_STORAGE_URL"), var=var_folder()), var_folder() / "worker_cache"
    for line in sys.stdin:
        answer(json.loads(line), store=store, cache=cache, tell=tell)
        _let_go(threads=threads)
    return 0


def answer(job: dict[str, Any], *, store: BlobStore, cache: Path, tell: Tell) -> None:
    """Train or evaluate, and say what came of it."""
    try:
        if "train" in job:
            tell(reply=to_json(train(from_json(TrainRequest, job["train"]), store=store, cache=cache, tell=tell)))
        else:
            request = from_json(EvaluateRequest, job["evaluate"])
            tell(reply=to_json(evaluate(request, store=store, cache=cache, tell=tell)))
    except Exception as error:  # every failure is an answer
        log.exception("training_failed")
        tell(failed=f"{type(error).__name__}: {error}")


def train(request: TrainRequest, *, store: BlobStore, cache: Path, tell: Tell) -> TrainReply:
    """Fetch parent and shards, train in a folder named by the run, store checkpoint and log."""
    from training_loop.api import run_training

    folder = _run_folder(cache / "training", request.run_id)

    def fetch_shards(snapshots: Sequence[SnapshotRef]) -> list[Path]:
        return [fetch_cached(shard, store=store, cache=cache) for snapshot in snapshots for shard in snapshot.shards]

    def on_progress(step: int, total_steps: int, metrics: Mapping[str, float]) -> None:
        progress = TrainProgress(request.run_id, request.attempt, step, total_steps, finite(metrics))
        tell(progress=to_json(progress))

    result = run_training(
        stage=request.stage,
        recipe=request.recipe,
        overrides=request.overrides,
        parent_checkpoint=fetch_cached(request.parent.checkpoint, store=store, cache=cache) if request.parent else None,
        shards=fetch_shards([request.snapshot] if request.snapshot else []),
        replay_shards=fetch_shards(request.replay),
        output_dir=folder,
        seed=request.seed,
        on_progress=on_progress,
        device=device(),
    )
    reply = TrainReply(
        run_id=request.run_id,
        attempt=request.attempt,
        status=ReplyStatus.SUCCEEDED,
        checkpoint=store.put(result.checkpoint, media_type=CHECKPOINT_MEDIA_TYPE),
        metrics=finite(result.metrics),
        log=store.put(result.log, media_type=LOG_MEDIA_TYPE),
    )
    shutil.rmtree(folder)
    return reply


def evaluate(request: EvaluateRequest, *, store: BlobStore, cache: Path, tell: Tell) -> EvaluateReply:
    """Measure a checkpoint on held-out library shapes and, where targets are named, on their silhouettes."""
    from training_loop.api import evaluate_checkpoint

    total_steps = request.heldout_count + len(request.targets)

    def on_example(done: int) -> None:
        tell(progress=to_json(TrainProgress(request.run_id, request.attempt, step=done, total_steps=total_steps)))

    checkpoint = fetch_cached(request.model.checkpoint, store=store, cache=cache)
    estimates = evaluate_checkpoint(
        checkpoint=checkpoint,
        heldout_count=request.heldout_count,
        seed=request.seed,
        device=device(),
        on_example=on_example,
    )
    metrics = {name: estimate.mean for name, estimate in estimates.items()}
    intervals = {
        name: (estimate.low, estimate.high)
        for name, estimate in estimates.items()
        if estimate.low is not None and estimate.high is not None
    }
    if request.targets:
        from model_workers.silhouettes import mean_silhouette_iou

        metrics["silhouette_iou"] = mean_silhouette_iou(
            checkpoint,
            request.targets,
            seed=request.seed,
            store=store,
            device=device(),
            on_target=lambda done: on_example(request.heldout_count + done),
        )
    return EvaluateReply(
        request.run_id, request.attempt, ReplyStatus.SUCCEEDED, metrics=finite(metrics), intervals=intervals
    )


def device() -> str:
    """The accelerator, if there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metrics as JSON can say them."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


def _let_go(*, threads: int) -> None:
    """The next one finds threads and memory as the first did; so do other processes on the same GPU."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()
    torch.set_num_threads(threads)


def _run_folder(parent: Path, run_id: str) -> Path:
    folder = parent / run_id
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()
    others = sorted((other for other in parent.iterdir() if other != folder), key=lambda other: other.stat().st_mtime)
    for old in others[: max(0, len(others) - MOST_KEPT_RUNS)]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
