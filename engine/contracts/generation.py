"""Requests to generators and their replies.

Sent by name as the Celery task `model_workers.generate` (queue `generate`); the worker answers by sending
`engine.generation.tasks.record_start` when it begins and `engine.generation.tasks.record_reply` when it ends (queue
`engine`), or the tasks that the request names instead. All carry `{"message": to_json(contract)}`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.contracts.blobs import BlobRef
from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose
from engine.contracts.targets import TargetInput

GENERATE_TASK = "model_workers.generate"
RECORD_START_TASK = "engine.generation.tasks.record_start"
RECORD_REPLY_TASK = "engine.generation.tasks.record_reply"


class Modality(StrEnum):
    """What is chosen in a round: the shape, or the texture of a chosen shape."""

    SHAPE = "shape"
    TEXTURE = "texture"


class ReplyStatus(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class ModelRef:
    """A checkpoint: the id of its model version and the safetensors blob that rebuilds it."""

    model_version_id: str
    checkpoint: BlobRef


@dataclass(frozen=True)
class ChosenShape:
    """The shape whose texture is wanted: a canonical GLB, and where a person posed it: `pose` is camera_from_object."""

    mesh: BlobRef
    pose: Pose
    intrinsics: Intrinsics


@dataclass(frozen=True)
class GenerateRequest:
    """One generator's share of a request: one candidate per seed. `shape` is set where `modality` is texture.

    `start_task` and `reply_task` are the engine's tasks that take the answers.
    """

    run_id: str
    attempt: int
    generator: str
    modality: Modality
    target: TargetInput
    seeds: tuple[int, ...]
    deadline_seconds: float
    model: ModelRef | None = None
    shape: ChosenShape | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    start_task: str = RECORD_START_TASK
    reply_task: str = RECORD_REPLY_TASK


@dataclass(frozen=True)
class GenerateStart:
    """A worker took up a run: from now on, silence for longer than the request's deadline means that it is lost."""

    run_id: str
    attempt: int
    worker: str


@dataclass(frozen=True)
class CandidateResult:
    """One proposed shape or textured shape: a canonical GLB (`engine.contracts.glb`), for sam3d its latent and layout.

    `model_version_id` repeats the request's where the generator sampled from its checkpoint. `splat` shows the same
    object as a canonical Gaussian splat (`engine.contracts.splats`), in the frame of the mesh.
    """

    seed: int
    mesh: BlobRef
    vertex_count: int
    face_count: int
    watertight: bool
    latent: BlobRef | None = None
    splat: BlobRef | None = None
    layout: Pose | None = None
    model_version_id: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GenerateReply:
    """What came back for one run. A failure is a fact with a reason; candidates may then be fewer than seeds."""

    run_id: str
    attempt: int
    generator: str
    status: ReplyStatus
    candidates: tuple[CandidateResult, ...] = ()
    error: str = ""
    duration_ms: int = 0
    worker: str = ""
