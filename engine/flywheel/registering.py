"""Checkpoints that were trained elsewhere: the one that ships with the project, or a file of one's own."""

import json
import struct
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from engine.contracts.training import TrainingStage
from engine.errors import Conflict, Unprocessable
from engine.flywheel.models import ModelVersion
from engine.flywheel.versions import finite, promoted_version, swap_promoted
from engine.storage.models import Blob
from engine.storage.services import put_blob
from engine.workforce.models import User
from engine.workforce.services import audit

# Located, not imported: the web process never loads torch.
SHIPPED = Path(__file__).resolve().parents[2] / "training_loop" / "weights" / "mini.safetensors"
FORMAT = "lathe-geometry-1"
MEDIA_TYPE = "application/x-safetensors"
LARGEST_HEADER_BYTES = 16 * 2**20


class NotACheckpoint(Unprocessable):
    """The file is no checkpoint of the training loop."""

    code = "not_a_checkpoint"


class NameTaken(Conflict):
    """Another checkpoint has this name."""

    code = "model_version_name_taken"


def register(*, path: Path, name: str, actor: User | None = None) -> ModelVersion:
    """Make a model version without parent of a checkpoint file; promote it where none is promoted yet.

    The same file under the same name is registered once.

    Raises:
        NotACheckpoint: the file cannot be read, or is not a checkpoint.
        NameTaken: a model version of this name has another checkpoint.
    """
    info = read_info(path)
    with path.open("rb") as file:
        blob = put_blob(data=file, media_type=MEDIA_TYPE)
    known = ModelVersion.objects.filter(name=name).first()
    if known is None:
        known = _create(name=name, blob=blob, info=info, actor=actor)
    elif known.checkpoint_id != blob.pk:
        raise NameTaken(
            f"There is a model version {name!r} with another checkpoint.", what_to_do="Register it by another name."
        )
    if promoted_version() is None:
        swap_promoted(incumbent=None, version=known, actor=actor, reason="the first checkpoint")
    return known


def read_info(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself, from the header of its safetensors file.

    Raises:
        NotACheckpoint: see `register`.
    """
    try:
        with path.open("rb") as file:
            (size_bytes,) = struct.unpack("<Q", file.read(8))
            if size_bytes > LARGEST_HEADER_BYTES:
                raise ValueError(f"its header would take {size_bytes} bytes")
            metadata = json.loads(file.read(size_bytes))["__metadata__"]
        if metadata.get("format") != FORMAT:
            raise ValueError(f"its format is {metadata.get('format')!r}, not {FORMAT!r}")
        return dict(json.loads(metadata["info"]))
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise NotACheckpoint(
            f"{path.name} is no checkpoint of the training loop: {error}.",
            what_to_do="Give a file that `python -m training_loop` wrote or converted.",
        ) from error


def _create(*, name: str, blob: Blob, info: dict[str, Any], actor: User | None) -> ModelVersion:
    recipe = info.get("recipe") or {}
    try:
        with transaction.atomic():
            version = ModelVersion.objects.create(
                name=name,
                # Whatever stages it went through elsewhere, here it is where everything begins.
                stage=TrainingStage.PRETRAIN.value,
                recipe=str(recipe.get("name", "")) or "elsewhere",
                checkpoint=blob,
                metrics={"training": finite(info.get("metrics") or {})},
            )
            audit(
                actor=actor,
                subject_kind="model_version",
                subject_id=version.id,
                verb="register",
                to_state="trained",
                name=name,
            )
    except IntegrityError as error:
        raise NameTaken(
            f"A model version {name!r} was registered at the same moment.", what_to_do="Try again."
        ) from error
    return version
