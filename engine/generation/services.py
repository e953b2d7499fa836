"""Stage 2, asking: collections, requests to the generator suite, and further rounds (paper A.2, A.7.1, Algorithm 1).

Sending is in `outbox`, what comes back in `replies`; both are part of this room's services.
"""

from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from engine.contracts.blobs import BlobRef
from engine.contracts.cameras import Intrinsics
from engine.contracts.generation import Modality, ModelRef
from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from engine.errors import Conflict, NotFound, Unprocessable
from engine.generation.models import Candidate, Collection, GenerationRequest, GenerationRun
from engine.generation.outbox import publish_soon, publish_waiting_runs, record_start, sweep_overdue_runs
from engine.generation.replies import record_reply
from engine.generation.seeds import counts_of_round, fresh_seeds
from engine.generation.views import make_missing_views, make_views_soon, resend_missing_views, view_of
from engine.lifecycle import Move, State
from engine.sourcing import services as sourcing
from engine.sourcing.models import TargetObject
from engine.storage import services as storage

__all__ = [
    "close_collection",
    "continue_search",
    "continue_searches",
    "current_collection",
    "make_missing_views",
    "open_collection",
    "open_request",
    "open_texture_request",
    "publish_waiting_runs",
    "record_artist_candidate",
    "record_reply",
    "record_start",
    "request_ready_targets",
    "resend_missing_views",
    "sweep_overdue_runs",
    "targets_to_texture",
    "view_of",
]

# Decided in one call; the sweeper goes on with the rest.
SEARCHES_AT_ONCE = 500

log = structlog.get_logger(__name__)


class CollectionStillOpen(Conflict):
    """Another collection is open; there is one at a time."""

    code = "collection_still_open"


class NoOpenCollection(Conflict):
    """Nothing is being collected now."""

    code = "no_open_collection"


class NoSuchCollection(NotFound):
    """There is no collection of this id."""

    code = "no_such_collection"


class UnusableSuite(Unprocessable):
    """The suite cannot give two candidates to compare."""

    code = "unusable_suite"


@transaction.atomic
def open_collection(
    *,
    iteration: int,
    alpha: float,
    suite: dict[str, int],
    widening: int = 2,
    max_rounds: int = 2,
    model: ModelRef | None = None,
    texture_suite: dict[str, int] | None = None,
    generator_parameters: dict[str, dict[str, Any]] | None = None,
) -> Collection:
    """Open the collection of iteration k; asked again for the same iteration, return the one there is.

    Args:
        suite: generator → candidates in the first round.
        widening: factor on these in each further round.
        model: the checkpoint that sam3d samples from.
        texture_suite: generator → textures for each shape that is posed; none or empty: no textures.
        generator_parameters: generator → what it is told with every request (`GenerateRequest.parameters`).

    Raises:
        CollectionStillOpen: the collection of another iteration is open.
        UnusableSuite: fewer than two candidates in the first round, or fewer than two textures where any are wanted.

    Source: paper Algorithm 1, lines 3 to 11.
    """
    found = Collection.objects.filter(iteration=iteration).first()
    if found is not None:
        return found
    _check_suite(suite)
    if texture_suite:
        _check_suite(texture_suite)
    try:
        with transaction.atomic():
            return Collection.objects.create(
                iteration=iteration,
                alpha=alpha,
                suite=suite,
                texture_suite=texture_suite or {},
                generator_parameters=generator_parameters or {},
                widening=widening,
                max_rounds=max_rounds,
                model_version_id=UUID(model.model_version_id) if model else None,
                checkpoint=storage.record_blob(ref=model.checkpoint) if model else None,
            )
    except IntegrityError as error:
        running = Collection.objects.filter(closed_at__isnull=True).first()
        if running is None:
            raise
        raise CollectionStillOpen(
            f"The collection of iteration {running.iteration} is still open.",
            what_to_do="Close it first.",
            iteration=running.iteration,
        ) from error


def close_collection(*, collection_id: UUID) -> None:
    """Ask for no more targets. Those under way finish; closing again changes nothing.

    Raises:
        NoSuchCollection: there is none of this id.
    """
    closed = Collection.objects.filter(id=collection_id, closed_at__isnull=True).update(closed_at=timezone.now())
    if not closed and not Collection.objects.filter(id=collection_id).exists():
        raise NoSuchCollection(f"There is no collection {collection_id}.")


def current_collection() -> Collection | None:
    """The open collection, if any."""
    return Collection.objects.filter(closed_at__isnull=True).first()


def request_ready_targets(*, limit: int | None = None) -> int:
    """Ask the suite for candidates for every target that is ready; return how many were asked for.

    Raises:
        NoOpenCollection: nothing is being collected.
    """
    if current_collection() is None:
        raise NoOpenCollection("No collection is open.", what_to_do="Start an iteration of the flywheel.")
    ready = TargetObject.objects.filter(state=State.READY).order_by("id").values_list("id", flat=True)
    moved = 0
    for target_id in ready[:limit]:
        try:
            sourcing.move_target(target_id=target_id, move=Move.REQUEST)
        except sourcing.InvalidMove:
            continue  # another process asked for it first
        moved += 1
    return moved


@transaction.atomic
def open_request(*, target_id: UUID) -> GenerationRequest:
    """Open the next round of candidates for a target that is generating: one waiting run per generator.

    Raises:
        NoOpenCollection: no collection is open, and the target was in none before.
    """
    collection, round_number = _next_round(target_id)
    request = GenerationRequest.objects.create(target_id=target_id, collection=collection, round=round_number)
    counts = counts_of_round(suite=collection.suite, widening=collection.widening, round_number=round_number)
    return _fan_out(request, counts)


def targets_to_texture(*, collection: Collection) -> QuerySet[TargetObject]:
    """Targets whose shape was chosen and posed in this collection, and that were asked for no textures in it yet."""
    # From the collection's requests to targets: there may be many more that were done long ago.
    asked = GenerationRequest.objects.filter(collection=collection).values("target_id")
    done = TargetObject.objects.filter(state=State.DONE, pk__in=asked.filter(modality=Modality.SHAPE))
    return done.exclude(pk__in=asked.filter(modality=Modality.TEXTURE))


@transaction.atomic
def open_texture_request(*, target_id: UUID, shape: Candidate, pose: Pose, intrinsics: Intrinsics) -> GenerationRequest:
    """Ask for textures of a shape that a person chose and posed: one waiting run per generator of the texture suite.

    Raises:
        NoOpenCollection: nothing is being collected.
        UnusableSuite: the collection wants no textures.

    Source: paper A.2 (texture candidates are made for a fixed shape).
    """
    collection = current_collection()
    if collection is None:
        raise NoOpenCollection("No collection is open.", what_to_do="Start an iteration of the flywheel.")
    _check_suite(collection.texture_suite)
    request = GenerationRequest.objects.create(
        target_id=target_id,
        collection=collection,
        modality=Modality.TEXTURE,
        round=1,
        shape=shape,
        shape_pose=to_json(pose),
        shape_intrinsics=to_json(intrinsics),
    )
    counts = counts_of_round(suite=collection.texture_suite, widening=1, round_number=1)
    return _fan_out(request, counts)


def _fan_out(request: GenerationRequest, counts: dict[str, int]) -> GenerationRequest:
    """One waiting run per generator, to be sent once the transaction stands."""
    GenerationRun.objects.bulk_create(
        GenerationRun(
            request=request,
            generator=generator,
            seeds=fresh_seeds(
                target_id=request.target_id,
                iteration=request.collection.iteration,
                round_number=request.round,
                # The second time through is another draw.
                generator=generator if request.modality == Modality.SHAPE else f"{request.modality}/{generator}",
                count=count,
            ),
        )
        for generator, count in counts.items()
    )
    transaction.on_commit(publish_soon)
    return request


def continue_searches(*, limit: int = SEARCHES_AT_ONCE) -> int:
    """Decide for targets that are searching what comes next; return how many moved on.

    Each in its own transaction. Any number of processes may do this at once: no two take up the same target. One that
    cannot move on is logged, stays, and is looked at again next time; it holds no other up.
    """
    moved = 0
    last = UUID(int=0)
    while moved < limit:
        with transaction.atomic():
            searching = TargetObject.objects.filter(state=State.SEARCHING, id__gt=last)
            found = searching.order_by("id").select_for_update(skip_locked=True).values_list("id", flat=True)[:1]
            if not found:
                break
            (last,) = found
            try:
                continue_search(target_id=last)
                moved += 1
            except Exception:
                # One target's trouble must not hold up the others; it stays SEARCHING and is tried again.
                log.exception("search_stuck", target_id=str(last))
    return moved


@transaction.atomic
def continue_search(*, target_id: UUID) -> None:
    """What comes next for a target without a good enough candidate: a wider round, or triage once rounds are used up.

    Source: paper A.7.1 and Figure 5.
    """
    collection, round_number = _next_round(target_id)
    if round_number <= collection.max_rounds:
        sourcing.move_target(target_id=target_id, move=Move.WIDEN, round=round_number)
    else:
        sourcing.move_target(target_id=target_id, move=Move.EXHAUST, rounds=collection.max_rounds)


def record_artist_candidate(
    *,
    target_id: UUID,
    mesh: BlobRef,
    vertex_count: int,
    face_count: int,
    watertight: bool,
    parameters: dict[str, Any] | None = None,
) -> Candidate:
    """Record the canonical mesh that an artist made as a candidate of the generator `artist`."""
    transaction.on_commit(make_views_soon)
    return Candidate.objects.create(
        target_id=target_id,
        generator="artist",
        seed=0,
        mesh=storage.record_blob(ref=mesh),
        vertex_count=vertex_count,
        face_count=face_count,
        watertight=watertight,
        parameters=parameters or {},
    )


def _next_round(target_id: UUID) -> tuple[Collection, int]:
    """The collection that the target's next round belongs to, and its number there.

    A target that is under way when its collection closes finishes by the terms of that collection.
    """
    collection = current_collection()
    if collection is None:
        last = (
            GenerationRequest.objects.filter(target_id=target_id, modality=Modality.SHAPE)
            .select_related("collection")
            .order_by("-created_at")
            .first()
        )
        if last is None:
            raise NoOpenCollection("No collection is open.", what_to_do="Start an iteration of the flywheel.")
        collection = last.collection
    rounds = GenerationRequest.objects.filter(target_id=target_id, collection=collection, modality=Modality.SHAPE)
    return collection, rounds.count() + 1


def _check_suite(suite: dict[str, int]) -> None:
    if sum(count for count in suite.values() if count > 0) < 2:
        raise UnusableSuite(
            "A suite needs at least two candidates to compare.",
            what_to_do='Give counts by generator, such as {"retrieval": 2, "sam3d": 2}.',
            suite=suite,
        )
