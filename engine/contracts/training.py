"""Requests to the training loop and its replies.

Sent by name to the queue `train`: `model_workers.train` and `model_workers.evaluate`. The worker answers by sending
the tasks below to the queue `engine`. All carry `{"message": to_json(contract)}`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.contracts.blobs import BlobRef
from engine.contracts.generation import ModelRef, ReplyStatus
from engine.contracts.targets import TargetInput

TRAIN_TASK = "model_workers.train"
EVALUATE_TASK = "model_workers.evaluate"
RECORD_TRAINING_TASK = "engine.flywheel.tasks.record_training_reply"
RECORD_EVALUATION_TASK = "engine.flywheel.tasks.record_evaluation_reply"
RECORD_PROGRESS_TASK = "engine.flywheel.tasks.record_progress"


class TrainingStage(StrEnum):
    """Stages of the multi-stage recipe (paper Table 1)."""

    PRETRAIN = "pretrain"
    MIDTRAIN = "midtrain"
    SFT = "sft"
    DPO = "dpo"
    DISTIL = "distil"


@dataclass(frozen=True)
class SnapshotRef:
    """A frozen snapshot: its manifest's digest and its WebDataset shards in order."""

    snapshot_sha256: str
    shards: tuple[BlobRef, ...]
    example_count: int
    direct_pair_count: int
    inferred_pair_count: int


@dataclass(frozen=True)
class TrainRequest:
    """One training run. `recipe` names a function of training_loop.recipes; `overrides` change its fields by path.

    `replay` are earlier snapshots: what the recipe's `replay_share` draws from, and what must not be forgotten.
    """

    run_id: str
    attempt: int
    stage: TrainingStage
    recipe: str
    seed: int
    parent: ModelRef | None = None
    snapshot: SnapshotRef | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    replay: tuple[SnapshotRef, ...] = ()


@dataclass(frozen=True)
class TrainReply:
    """Result of a run: the checkpoint, or the reason why there is none (a divergence stops before the update)."""

    run_id: str
    attempt: int
    status: ReplyStatus
    checkpoint: BlobRef | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    log: BlobRef | None = None
    error: str = ""
    duration_ms: int = 0


@dataclass(frozen=True)
class EvaluateRequest:
    """Evaluate a checkpoint on held-out library shapes (by seed) and, optionally, on real targets' silhouettes."""

    run_id: str
    attempt: int
    model: ModelRef
    heldout_count: int
    seed: int
    targets: tuple[TargetInput, ...] = ()


@dataclass(frozen=True)
class EvaluateReply:
    """Means over the evaluation set, e.g. `f1_at_0p01`, `voxel_iou`, `chamfer_l2`, `emd`, `silhouette_iou`.

    `intervals` holds (low, high) of the 95 % bootstrap interval of those means that have one.
    """

    run_id: str
    attempt: int
    status: ReplyStatus
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ""
    duration_ms: int = 0
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainProgress:
    """A sign of life of a run."""

    run_id: str
    attempt: int
    step: int
    total_steps: int
    metrics: dict[str, float] = field(default_factory=dict)
