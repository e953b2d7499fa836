"""The walk over everything that people judged, in bounded memory: what `freeze` turns into a snapshot.

Rated selections come first and artists' meshes last, each in the order of their ids. A position in the walk is a key
("0:<uuid>" or "1:<uuid>"), so that an interrupted walk goes on behind the last key it dealt with.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from engine.alignment.models import Alignment, NotAlignable
from engine.artistry.models import ArtistJob
from engine.contracts.snapshots import ExampleSource
from engine.datasets.holding_out import is_held_out
from engine.datasets.options import FreezeOptions
from engine.generation.models import Candidate, Collection
from engine.selection.models import Selection, SelectionQuerySet
from engine.selection.preferences import preference_pairs
from engine.sourcing.models import PointMap, TargetObject

CHUNK_ROWS = 200
ARTIST_RATING = 1.0
ARTIST_RUBRIC = "artist"

_Pair = tuple[str, UUID, UUID]  # kind, winner, loser

BELOW_ALPHA = "below_alpha"
HELD_OUT = "held_out"
BAD_MESH = "bad_mesh"
LOSER_GENERATOR = "loser_generator"


@dataclass(frozen=True)
class Scope:
    """What a snapshot covers: collections up to `iteration`, judgements up to `cutoff_at`, the bar `alpha`."""

    iteration: int
    alpha: float
    cutoff_at: datetime
    options: FreezeOptions


@dataclass(frozen=True)
class JudgedPair:
    """`winner` is preferred over `loser`; `reason_dropped` says why the pair is not exported, if so."""

    kind: str
    winner: Candidate
    loser: Candidate
    reason_dropped: str

    @property
    def exported(self) -> bool:
        """Whether a shard carries the pair."""
        return not self.reason_dropped


@dataclass(frozen=True)
class JudgedTexture:
    """What was chosen among textures of an example's shape: T (`chosen`), its rating, and the pairs."""

    chosen: Candidate
    rating: float
    rubric_version: str
    pairs: tuple[JudgedPair, ...]
    reason_dropped: str

    @property
    def exported(self) -> bool:
        """Whether a shard carries the texture, if it carries the shape."""
        return not self.reason_dropped


@dataclass(frozen=True)
class Judged:
    """One judged target: D+ (`chosen`), r, the pairs that give D-, its pose and its texture where there are any."""

    key: str
    example_id: UUID
    source: ExampleSource
    iteration: int
    target: TargetObject
    chosen: Candidate
    rating: float
    rubric_version: str
    judged_at: datetime
    pairs: tuple[JudgedPair, ...]
    pose: dict[str, object] | None
    point_map: PointMap | None
    texture: JudgedTexture | None
    reason_dropped: str

    @property
    def exported(self) -> bool:
        """Whether a shard carries the example."""
        return not self.reason_dropped


def walk(scope: Scope, *, after: str = "") -> Iterator[Judged]:
    """Yield every judgement of `scope` behind the key `after`; a handful of queries per 200 rows."""
    return chain(_selections(scope, after=after), _artist_meshes(scope, after=after))


def _rated(scope: Scope) -> SelectionQuerySet:
    """The selections that a snapshot of this scope covers, of shapes and of textures, but none sent back by then."""
    return (
        Selection.objects.rated()
        .filter(
            rated_at__lte=scope.cutoff_at,
            request__collection__iteration__lte=scope.iteration,
            work_item__purpose__in=scope.options.purposes,
        )
        .exclude(work_item__judgement__set_aside_at__lte=scope.cutoff_at)
    )


def _selections(scope: Scope, *, after: str) -> Iterator[Judged]:
    rows = (
        _rated(scope)
        .of_shapes()
        .with_comparisons()
        .select_related("target__image__blob", "request__collection")
        .order_by("work_item_id")
    )
    for chunk in _chunks(rows, prefix="0", after=after):
        pairs = {row.pk: _pairs(row) for row in chunk}
        candidates = _candidates(chunk, pairs)
        textures = _textures(scope, shape_ids=[row.winner_id for row in chunk])
        poses = _alignments(scope, candidate_ids=[row.winner_id for row in chunk])
        point_maps = _point_maps(image_ids=[row.target.image_id for row in chunk])
        for row in chunk:
            winner = candidates[row.winner_id]
            alignment = poses.get(winner.id)
            reason = _target_reason(row.target, scope.options)
            reason = reason or (BELOW_ALPHA if row.rating < scope.alpha else _alignment_reason(alignment))
            yield Judged(
                key=f"0:{row.pk}",
                example_id=row.pk,
                source=ExampleSource.MITL,
                iteration=row.request.collection.iteration,
                target=row.target,
                chosen=winner,
                rating=row.rating,
                rubric_version=row.rubric_version,
                judged_at=row.rated_at,
                pairs=_judged_pairs(pairs[row.pk], candidates, scope.options, reason=reason),
                pose=alignment.pose if alignment else None,
                point_map=(alignment and alignment.point_map) or _newest(point_maps, row.target, at=scope.cutoff_at),
                texture=textures.get(winner.id),
                reason_dropped=reason,
            )


def _artist_meshes(scope: Scope, *, after: str) -> Iterator[Judged]:
    rows = (
        ArtistJob.objects.filter(accepted_at__lte=scope.cutoff_at)
        .select_related("target__image__blob", "accepted__mesh")
        .order_by("work_item_id")
    )
    # Artists work beside the collections: their mesh counts for the one that was open when it was accepted.
    openings = list(Collection.objects.order_by("iteration").values_list("iteration", "opened_at"))
    for chunk in _chunks(rows, prefix="1", after=after):
        poses = _alignments(scope, candidate_ids=[row.accepted_id for row in chunk])
        textures = _textures(scope, shape_ids=[row.accepted_id for row in chunk])
        point_maps = _point_maps(image_ids=[row.target.image_id for row in chunk])
        for row in chunk:
            alignment = poses.get(row.accepted_id)
            # An artist who posed the mesh too did so in the frame of the point map of that moment.
            own_pose = row.pose if alignment is None else None
            shown_at = row.submitted_at if own_pose else scope.cutoff_at
            yield Judged(
                key=f"1:{row.pk}",
                example_id=row.pk,
                source=ExampleSource.ART,
                iteration=max((number for number, at in openings if at <= row.accepted_at), default=0),
                target=row.target,
                chosen=row.accepted,
                rating=ARTIST_RATING,
                rubric_version=ARTIST_RUBRIC,
                judged_at=row.accepted_at,
                pairs=(),
                pose=alignment.pose if alignment else own_pose,
                point_map=(alignment and alignment.point_map) or _newest(point_maps, row.target, at=shown_at),
                texture=textures.get(row.accepted_id),
                reason_dropped=_target_reason(row.target, scope.options) or _alignment_reason(alignment),
            )


def _chunks(rows: QuerySet[Any], *, prefix: str, after: str) -> Iterator[list[Any]]:
    """Keyset pages by primary key: no long transaction, no server-side cursor to lose."""
    if after > f"{prefix};":  # behind every key with this prefix
        return
    last = after.removeprefix(f"{prefix}:") if after.startswith(f"{prefix}:") else None
    while True:
        page = list((rows.filter(pk__gt=UUID(last)) if last else rows)[:CHUNK_ROWS])
        if page:
            yield page
        if len(page) < CHUNK_ROWS:
            return
        last = str(page[-1].pk)


def _pairs(selection: Selection) -> list[_Pair]:
    pairs = preference_pairs(selection)
    return [("direct", *pair) for pair in pairs.direct] + [("inferred", *pair) for pair in pairs.inferred]


def _judged_pairs(
    pairs: Iterable[_Pair], candidates: dict[UUID, Candidate], options: FreezeOptions, *, reason: str
) -> tuple[JudgedPair, ...]:
    """With `reason` none is exported; without, those are whose loser a trainer can learn from."""
    return tuple(
        JudgedPair(
            kind=kind,
            winner=candidates[better],
            loser=candidates[worse],
            reason_dropped=reason or _loser_reason(candidates[worse], options),
        )
        for kind, better, worse in pairs
    )


def _candidates(chunk: Iterable[Selection], pairs: dict[UUID, list[_Pair]]) -> dict[UUID, Candidate]:
    """Winners, and everything that a pair names."""
    ids = {row.winner_id for row in chunk} | {id_ for row in pairs.values() for _, *both in row for id_ in both}
    return Candidate.objects.select_related("mesh", "latent").in_bulk(list(ids))


def _textures(scope: Scope, *, shape_ids: Sequence[UUID]) -> dict[UUID, JudgedTexture]:
    """By shape: what was chosen last among its textures."""
    rows: QuerySet[Any] = _rated(scope).of_textures().filter(request__shape_id__in=shape_ids).with_comparisons()
    newest = {row.request.shape_id: row for row in rows.select_related("request").order_by("rated_at", "pk")}
    chosen = list(newest.values())
    pairs = {row.pk: _pairs(row) for row in chosen}
    candidates = _candidates(chosen, pairs)
    found = {}
    for shape_id, row in newest.items():
        reason = BELOW_ALPHA if row.rating < scope.alpha else ""
        found[shape_id] = JudgedTexture(
            chosen=candidates[row.winner_id],
            rating=row.rating,
            rubric_version=row.rubric_version,
            pairs=_judged_pairs(pairs[row.pk], candidates, scope.options, reason=reason),
            reason_dropped=reason,
        )
    return found


def _alignments(scope: Scope, *, candidate_ids: Sequence[UUID]) -> dict[UUID, Alignment]:
    """The last submitted alignment of each candidate."""
    rows = (
        Alignment.objects.filter(
            candidate_id__in=candidate_ids,
            submitted_at__lte=scope.cutoff_at,
            work_item__purpose__in=scope.options.purposes,
        )
        .exclude(work_item__judgement__set_aside_at__lte=scope.cutoff_at)
        .select_related("point_map__blob")
        .order_by("candidate_id", "-submitted_at", "-pk")
        .distinct("candidate_id")
    )
    return {row.candidate_id: row for row in rows}


def _point_maps(*, image_ids: Sequence[UUID]) -> dict[UUID, list[PointMap]]:
    """The point maps of each image, newest first."""
    found: dict[UUID, list[PointMap]] = {}
    rows = PointMap.objects.filter(image_id__in=image_ids).select_related("blob").order_by("-created_at", "-pk")
    for row in rows:
        found.setdefault(row.image_id, []).append(row)
    return found


def _newest(point_maps: dict[UUID, list[PointMap]], target: TargetObject, *, at: datetime) -> PointMap | None:
    """The point map of the target's image that counted at that moment."""
    return next((row for row in point_maps.get(target.image_id, ()) if row.created_at <= at), None)


def _target_reason(target: TargetObject, options: FreezeOptions) -> str:
    return HELD_OUT if is_held_out(target.image.blob_id, options.held_out_share) else ""


def _alignment_reason(alignment: Alignment | None) -> str:
    """A mesh that Stage 3 refused is no example, however it was rated."""
    return BAD_MESH if alignment and alignment.not_alignable == NotAlignable.BAD_MESH else ""


def _loser_reason(loser: Candidate, options: FreezeOptions) -> str:
    return "" if loser.generator in options.dpo_loser_generators else LOSER_GENERATOR
