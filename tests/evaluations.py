"""Evaluations in tests: a fixed set, contenders, and generators that answer as told, by the engine's own services."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import trimesh
from PIL import Image as Picture

from engine.contracts.generation import CandidateResult, GenerateReply, ReplyStatus
from engine.contracts.glb import MEDIA_TYPE, MeshPart, fit_to_unit_cube, summarise, write_glb
from engine.flywheel.voting import advancing, generating, registering
from engine.flywheel.voting.models import Entry, Evaluation, EvaluationItem
from engine.flywheel.voting.registering import ContenderPlan
from engine.sourcing.models import TargetObject
from engine.storage import services as storage
from engine.workforce.models import User
from tests import factories as make


def some_target(**fields: Any) -> TargetObject:
    """A ready target in a photograph that lies in the store."""
    file = io.BytesIO()
    pixels = np.random.default_rng(make.next_number()).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Picture.fromarray(pixels).save(file, format="PNG")
    image = make.make_image(content=file.getvalue(), width_px=64, height_px=48)
    return make.make_target(image=image, **({"description": "a red mug"} | fields))


def registered(
    *names: str, targets: Sequence[TargetObject] | int = 1, actor: User | None = None, **fields: Any
) -> Evaluation:
    """An evaluation of these contenders (generators of the same name) on a set of its own."""
    number = make.next_number()
    found = [some_target() for _ in range(targets)] if isinstance(targets, int) else targets
    fixed = registering.freeze_set(name=f"set{number}", target_ids=[target.id for target in found])
    values: dict[str, Any] = {"name": f"evaluation{number}", "set_name": fixed.name} | fields
    plans = [ContenderPlan(name=name, generator=f"generator-{name}") for name in names or ("ada", "bea", "cia")]
    return registering.register(**({"contenders": plans, "actor": actor} | values))


def box_glb(number: int, *, coloured: bool = False) -> bytes:
    """A canonical GLB, another for each number."""
    box = trimesh.creation.box((1.0, 0.5 + (number % 7) / 10, 1.0))
    colors = np.full((8, 3), 30 + number % 200, np.uint8) if coloured else None
    return write_glb(fit_to_unit_cube([MeshPart(box.vertices, box.faces, colors=colors)]))


def reply_to(entry: Entry, *, content: bytes | None = None, failing: str = "", **fields: Any) -> GenerateReply:
    """What a worker answers: a mesh, or a failure."""
    values: dict[str, Any] = {"status": ReplyStatus.FAILED, "error": failing}
    if not failing:
        ref = storage.store().put(content or box_glb(make.next_number()), media_type=MEDIA_TYPE)
        summary = summarise(fit_to_unit_cube([MeshPart(*_box())]))
        result = CandidateResult(
            seed=entry.item.seed,
            mesh=ref,
            vertex_count=summary.vertex_count,
            face_count=summary.face_count,
            watertight=summary.watertight,
        )
        values = {"status": ReplyStatus.SUCCEEDED, "candidates": (result,)}
    values |= {"run_id": str(entry.id), "attempt": entry.attempt, "generator": entry.contender.generator} | fields
    return GenerateReply(**values)


def generate_all(evaluation: Evaluation, *, answer: Callable[[Entry], GenerateReply] = reply_to) -> None:
    """Send what waits, answer it, make the views, open the voting."""
    advancing.advance_evaluations()
    open_entries = Entry.objects.filter(item__evaluation=evaluation, status=Entry.Status.SENT)
    for entry in open_entries.select_related("item", "contender").order_by("contender__position", "item_id"):
        generating.record_entry_reply(reply=answer(entry))
    generating.make_missing_entry_views()
    advancing.advance_evaluations()


def voting(*names: str, answer: Callable[[Entry], GenerateReply] = reply_to, **fields: Any) -> Evaluation:
    """An evaluation that people can vote in."""
    evaluation = registered(*names, **fields)
    advancing.start(evaluation_id=evaluation.id)
    generate_all(evaluation, answer=answer)
    return advancing.evaluation_with(evaluation.id)


def contender_of(showing_id: Any) -> str:
    """The name behind what a voter was shown."""
    return Entry.objects.select_related("contender").get(pk=_entry_of(showing_id)).contender.name


def items_of(evaluation: Evaluation) -> list[EvaluationItem]:
    """All items."""
    return list(EvaluationItem.objects.filter(evaluation=evaluation).order_by("id"))


def _entry_of(showing_id: Any) -> Any:
    from engine.flywheel.voting.models import Showing

    return Showing.objects.values_list("entry_id", flat=True).get(pk=showing_id)


def _box() -> tuple[Any, Any]:
    box = trimesh.creation.box((1.0, 1.0, 1.0))
    return box.vertices, box.faces
