"""What comes back from the generators: recorded exactly once, whatever is delivered twice, late or broken."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from engine.contracts.blobs import BlobRef
from engine.contracts.generation import CandidateResult, GenerateReply, Modality, ReplyStatus
from engine.contracts.glb import MEDIA_TYPE, GlbRefused, MeshSummary
from engine.contracts.serialisation import to_json
from engine.contracts.splats import MEDIA_TYPE as SPLAT_MEDIA_TYPE
from engine.errors import LatheError
from engine.generation.checking import check_objects
from engine.generation.models import Candidate, Collection, GenerationRequest, GenerationRun
from engine.generation.views import make_views_soon
from engine.lifecycle import Move
from engine.sourcing import services as sourcing
from engine.storage import services as storage

ENOUGH_TO_COMPARE = 2
MOST_ERROR_CHARACTERS = 2000

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Checked:
    """A candidate whose mesh was read and found canonical."""

    result: CandidateResult
    summary: MeshSummary


def record_reply(*, reply: GenerateReply, now: datetime | None = None) -> bool:
    """Record the answer of a run and, with the last answer of a request, move its target on. True where it counted.

    Counts once per run. A success of an earlier attempt counts while the run is open; a failure of an earlier attempt
    does not, since a later one is under way. A refused mesh is noted in the run's error and stops no other.
    """
    run = GenerationRun.objects.select_related("request__collection", "request__shape").filter(id=reply.run_id).first()
    if run is None:
        log.warning("reply_to_unknown_run", run_id=reply.run_id, generator=reply.generator)
        return False
    if run.status not in GenerationRun.OPEN or (reply.status is ReplyStatus.FAILED and reply.attempt < run.attempt):
        log.info("reply_ignored", run_id=reply.run_id, attempt=reply.attempt, run_status=run.status)
        return False
    # Reading meshes is slow (object store): it stays outside the transaction.
    checked, problems = _check(run, reply)
    failed = reply.status is ReplyStatus.FAILED or not checked
    if reply.error:
        problems.insert(0, reply.error)
    error = "; ".join(problems) or ("the generator returned no candidates" if failed else "")
    with transaction.atomic():
        recorded = GenerationRun.objects.end(
            run.id,
            status=GenerationRun.Status.FAILED if failed else GenerationRun.Status.SUCCEEDED,
            now=now or timezone.now(),
            error=error[:MOST_ERROR_CHARACTERS],
            duration_ms=reply.duration_ms,
            worker=reply.worker,
        )
        if recorded:
            _add_candidates(run, checked)
            transaction.on_commit(make_views_soon)
            _settle(request_id=run.request_id, now=now or timezone.now())
    log.info(
        "reply_recorded" if recorded else "reply_ignored", run_id=reply.run_id, candidates=len(checked), error=error
    )
    return recorded


def fail_run(*, run_id: UUID, attempt: int, error: str, now: datetime) -> bool:
    """Record that nothing came back; False where an answer was quicker."""
    with transaction.atomic():
        failed = GenerationRun.Status.FAILED
        recorded = GenerationRun.objects.end(run_id, status=failed, now=now, attempt=attempt, error=error)
        if recorded:
            request_id = GenerationRun.objects.values_list("request_id", flat=True).get(id=run_id)
            _settle(request_id=request_id, now=now)
    if recorded:
        log.warning("run_failed", run_id=str(run_id), error=error)
    return recorded


def _settle(*, request_id: UUID, now: datetime) -> None:
    """Close the request with its last run and move the target on."""
    # The lock makes the last two runs, ending at once, take turns: the second one sees that none is open.
    request = GenerationRequest.objects.select_for_update().get(id=request_id)
    if request.status != GenerationRequest.Status.OPEN or request.runs.open().exists():
        return
    count = Candidate.objects.filter(run__request=request).count()
    enough = count >= ENOUGH_TO_COMPARE
    request.status = GenerationRequest.Status.FILLED if enough else GenerationRequest.Status.FAILED
    request.closed_at = now
    request.save(update_fields=["status", "closed_at"])
    too_few = Move.NO_TEXTURES if request.modality == Modality.TEXTURE else Move.NO_CANDIDATES
    sourcing.move_target(
        target_id=request.target_id,
        move=Move.ENOUGH_CANDIDATES if enough else too_few,
        round=request.round,
        candidates=count,
    )


def _check(run: GenerationRun, reply: GenerateReply) -> tuple[list[_Checked], list[str]]:
    """Take what is sound of a reply, and say what is wrong with the rest."""
    wanted = set(run.seeds)
    shape = storage.store().get(run.request.shape.mesh_id) if run.request.shape else None
    checked, problems = [], []
    for result in reply.candidates:
        try:
            if result.seed not in wanted:
                raise GlbRefused("it was not asked for, or came twice")
            wanted.remove(result.seed)
            _check_model(result, run.request.collection)
            checked.append(_Checked(result, check_objects(result, shape=shape)))
        except (GlbRefused, LatheError) as refusal:
            problems.append(f"seed {result.seed}: {refusal}")
    return checked, problems


def _check_model(result: CandidateResult, collection: Collection) -> None:
    expected = collection.model_version_id and str(collection.model_version_id)
    if result.model_version_id not in (None, expected):
        raise GlbRefused(f"it comes from model version {result.model_version_id}, not from {expected}")


def _add_candidates(run: GenerationRun, checked: list[_Checked]) -> None:
    refs: list[BlobRef] = []
    for item in checked:
        refs.append(BlobRef(item.result.mesh.sha256, MEDIA_TYPE, item.result.mesh.size_bytes))
        if item.result.latent is not None:
            refs.append(item.result.latent)
        if item.result.splat is not None:
            refs.append(BlobRef(item.result.splat.sha256, SPLAT_MEDIA_TYPE, item.result.splat.size_bytes))
    storage.record_blobs(refs=refs)
    Candidate.objects.bulk_create(
        Candidate(
            target_id=run.request.target_id,
            run=run,
            generator=run.generator,
            model_version_id=item.result.model_version_id,
            seed=item.result.seed,
            parameters=item.result.parameters,
            mesh_id=item.result.mesh.sha256,
            latent_id=item.result.latent.sha256 if item.result.latent else None,
            splat_id=item.result.splat.sha256 if item.result.splat else None,
            layout=item.result.layout and to_json(item.result.layout),
            vertex_count=item.summary.vertex_count,
            face_count=item.summary.face_count,
            watertight=item.summary.watertight,
        )
        for item in checked
    )
