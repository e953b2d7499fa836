"""What contenders make of the items: asked of the generators once for each, recorded exactly once (`engine.outbox`).

The generators are asked as in Stage 2, by the same Celery task; the answer comes to this room instead of `generation`,
so that nothing made here can be taken for a candidate of a collection.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from engine.celery import app
from engine.contracts.blobs import BlobRef
from engine.contracts.generation import (
    GENERATE_TASK,
    GenerateReply,
    GenerateRequest,
    GenerateStart,
    Modality,
    ReplyStatus,
)
from engine.contracts.glb import MEDIA_TYPE, GlbRefused, read_glb
from engine.contracts.masks import MaskRle
from engine.contracts.serialisation import to_json
from engine.contracts.targets import TargetInput
from engine.errors import LatheError
from engine.flywheel.versions import model_ref
from engine.flywheel.voting.models import Entry, Evaluation, EvaluationTarget
from engine.generation.checking import check_objects
from engine.generation.outbox import GRACE_SECONDS, MOST_AT_ONCE
from engine.generation.views import make_view
from engine.sending import send_soon
from engine.sourcing.services import point_map_input
from engine.storage import services as storage

RECORD_START_TASK = "engine.flywheel.tasks.record_entry_start"
RECORD_REPLY_TASK = "engine.flywheel.tasks.record_entry_reply"
MAKE_VIEWS_TASK = "engine.flywheel.tasks.make_entry_views"
MOST_ERROR_CHARACTERS = 2000
MOST_VIEWS_AT_ONCE = 200

log = structlog.get_logger(__name__)


def publish_waiting_entries(*, now: datetime | None = None) -> int:
    """Send what waits to its generator; return how many were sent. Stops quietly while the broker is away."""
    entries = Entry.objects.filter(item__evaluation__state=Evaluation.State.GENERATING).select_related(
        "item__target__image__blob",
        "item__target__point_map__blob",
        "item__target__point_map__image",
        "contender__model_version__checkpoint",
    )
    return entries.send_waiting(
        _send, queue_seconds=settings.LATHE_GENERATION_QUEUE_SECONDS, now=now, limit=MOST_AT_ONCE
    )


def record_entry_start(*, start: GenerateStart, now: datetime | None = None) -> None:
    """A worker took the entry up: silence for longer than its deadline now means that the worker is lost."""
    Entry.objects.filter(id=start.run_id, attempt=start.attempt, status=Entry.Status.SENT).update(
        worker=start.worker,
        deadline_at=(now or timezone.now()) + timedelta(seconds=settings.LATHE_GENERATION_SECONDS + GRACE_SECONDS),
    )


def sweep_overdue_entries(*, now: datetime | None = None) -> int:
    """Send silent entries again, or record their failure once the attempts are used up; return how many were silent."""
    now = now or timezone.now()

    def give_up(entry_id: UUID, attempt: int) -> None:
        error = f"no answer within {settings.LATHE_GENERATION_SECONDS:g} s, after {attempt} attempts"
        Entry.objects.end(entry_id, status=Entry.Status.FAILED, now=now, attempt=attempt, error=error)

    return Entry.objects.send_again(attempts=settings.LATHE_GENERATION_ATTEMPTS, now=now, give_up=give_up)


def record_entry_reply(*, reply: GenerateReply, now: datetime | None = None) -> bool:
    """Record what a generator answered, once; True where it counted. A mesh that cannot be shown is a failure."""
    entry = Entry.objects.select_related("item__evaluation", "contender").filter(id=reply.run_id).first()
    if entry is None:
        log.warning("reply_to_unknown_entry", entry_id=reply.run_id, generator=reply.generator)
        return False
    if entry.status not in Entry.OPEN or (reply.status is ReplyStatus.FAILED and reply.attempt < entry.attempt):
        log.info("entry_reply_ignored", entry_id=reply.run_id, attempt=reply.attempt, status=entry.status)
        return False
    facts: dict[str, Any] = {"duration_ms": reply.duration_ms, "worker": reply.worker}
    try:
        facts |= _made(entry, reply)  # reading a mesh is slow (object store): outside a transaction
        status = Entry.Status.SUCCEEDED
    except (GlbRefused, LatheError) as refusal:
        facts |= {"error": (str(refusal) or "the generator gave no reason")[:MOST_ERROR_CHARACTERS]}
        status = Entry.Status.FAILED
    recorded = Entry.objects.end(entry.id, status=status, now=now or timezone.now(), **facts)
    if recorded and status == Entry.Status.SUCCEEDED:
        send_soon(MAKE_VIEWS_TASK)
    log.info("entry_recorded" if recorded else "entry_reply_ignored", entry_id=reply.run_id, status=status)
    return recorded


def make_missing_entry_views() -> int:
    """Make what voters are shown of entries that have none; returns how many. All are rendered from the same kind."""
    made = 0
    missing = Entry.objects.filter(status=Entry.Status.SUCCEEDED, view=None).order_by("created_at")
    for entry in missing.select_related("mesh", "item__evaluation")[:MOST_VIEWS_AT_ONCE]:
        unseen = Entry.objects.filter(id=entry.id, view=None, status=Entry.Status.SUCCEEDED)
        try:
            view = make_view(entry.mesh, coloured=entry.item.evaluation.coloured)  # type: ignore[arg-type]  # it has one
        except GlbRefused as refusal:
            unseen.update(status=Entry.Status.FAILED, mesh=None, error=f"it cannot be shown: {refusal}")
            continue
        made += unseen.update(view=view)
    return made


def _made(entry: Entry, reply: GenerateReply) -> dict[str, Any]:
    """What a good answer brings.

    Raises:
        GlbRefused, LatheError: it is none.
    """
    if reply.status is ReplyStatus.FAILED or not reply.candidates:
        raise GlbRefused(reply.error or "the generator returned nothing")
    if len(reply.candidates) > 1 or reply.candidates[0].seed != entry.item.seed:
        raise GlbRefused(f"asked for seed {entry.item.seed} alone, got {[one.seed for one in reply.candidates]}")
    (result,) = reply.candidates
    expected = entry.contender.model_version_id and str(entry.contender.model_version_id)
    if result.model_version_id not in (None, expected):
        raise GlbRefused(f"it comes from model version {result.model_version_id}, not from {expected}")
    summary = check_objects(result, shape=None)
    if entry.item.evaluation.coloured and not _has_colours(storage.store().get(result.mesh.sha256)):
        raise GlbRefused("it has no colours, and this evaluation is about textures")
    mesh = BlobRef(result.mesh.sha256, MEDIA_TYPE, result.mesh.size_bytes)
    return {"mesh": storage.record_blob(ref=mesh), "face_count": summary.face_count}


def _has_colours(mesh: bytes) -> bool:
    return any(part.colors is not None or part.texture_png is not None for part in read_glb(mesh))


def _send(entry: Entry, attempt: int) -> None:
    version = entry.contender.model_version
    request = GenerateRequest(
        run_id=str(entry.id),
        attempt=attempt,
        generator=entry.contender.generator,
        modality=Modality.SHAPE,
        target=_target_input(entry.item.target),
        seeds=(entry.item.seed,),
        deadline_seconds=float(settings.LATHE_GENERATION_SECONDS),
        model=model_ref(version) if version else None,
        parameters=entry.contender.parameters,
        start_task=RECORD_START_TASK,
        reply_task=RECORD_REPLY_TASK,
    )
    app.send_task(
        GENERATE_TASK,
        kwargs={"message": to_json(request)},
        expires=settings.LATHE_GENERATION_QUEUE_SECONDS,  # by then it is sent again
        retry=False,
    )


def _target_input(frozen: EvaluationTarget) -> TargetInput:
    """The pair (I, M) as it was when the set was made."""
    image = frozen.image
    return TargetInput(
        target_id=str(frozen.target_id),
        image=storage.blob_ref(image.blob),
        mask=MaskRle(height=image.height_px, width=image.width_px, counts=tuple(frozen.mask_counts)),
        category=frozen.category or None,
        description=frozen.description,
        point_map=point_map_input(frozen.point_map),
    )
