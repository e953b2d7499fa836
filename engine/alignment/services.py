"""What Stage 3 does: has the accepted shape posed in the camera frame, and keeps the pose (paper A.4)."""

import math
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Greatest
from django.utils import timezone

from engine.alignment.initial_pose import initial_pose
from engine.alignment.models import Alignment, NotAlignable
from engine.artistry import services as artistry
from engine.contracts.masks import decode_mask
from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from engine.errors import Conflict, NotFound, Unprocessable
from engine.generation.models import Candidate
from engine.layouts import InvalidPose, parse_pose
from engine.lifecycle import Move
from engine.selection import services as selection
from engine.sending import send_soon
from engine.sourcing import services as sourcing
from engine.sourcing.models import PointMap, TargetObject
from engine.sourcing.point_maps import unpack_point_map
from engine.storage.models import Blob
from engine.storage.services import read_blob
from engine.workforce import services as workforce
from engine.workforce.models import Stage, User, WorkItem

PREPARE_TASK = "engine.alignment.tasks.prepare_alignment"
SCORE_TASK = "engine.alignment.tasks.score_alignment"

MOVE_OF_REASON = {
    NotAlignable.BAD_MESH: Move.BAD_MESH,
    NotAlignable.BAD_POINTS: Move.BAD_POINTS,
    NotAlignable.TOO_OCCLUDED: Move.BAD_POINTS,
}


class NothingToPose(Conflict):
    """No shape of the target was accepted."""

    code = "nothing_to_pose"


class NoSuchAlignment(NotFound):
    """There is no such alignment, or the caller does not hold it."""

    code = "no_such_alignment"


class PoseOrReason(Unprocessable):
    """A submit carries a pose, or the reason why there is none."""

    code = "pose_or_reason"


class InvalidClientScore(Unprocessable):
    """Scores are shares from 0 to 1."""

    code = "invalid_client_score"


@dataclass(frozen=True)
class AlignmentTask:
    """An alignment as its holder sees it."""

    alignment: Alignment
    work_item: WorkItem

    @property
    def target(self) -> TargetObject:
        """The object in the photograph."""
        return self.alignment.target

    @property
    def point_map(self) -> PointMap:
        """P of the photograph."""
        if self.alignment.point_map is None:
            raise RuntimeError(f"the alignment {self.alignment.pk} was handed out before it was prepared")
        return self.alignment.point_map


@transaction.atomic
def open_alignment(*, target_id: UUID) -> Alignment:
    """Ask one person to pose the shape that was accepted last, by an annotator or by a reviewer of artists.

    Raises:
        NothingToPose: no shape of the target was accepted.
    """
    candidate = shape_to_pose(target_id=target_id)
    item = workforce.create_work_item(stage=Stage.ALIGNMENT, subject_id=target_id)
    alignment = Alignment.objects.create(work_item=item, target_id=target_id, candidate=candidate)
    transaction.on_commit(lambda: send_soon(PREPARE_TASK, work_item_id=str(item.id)))
    return alignment


def shape_to_pose(*, target_id: UUID) -> Candidate:
    """Return the shape that was accepted last.

    Raises:
        NothingToPose: there is none.
    """
    chosen = selection.accepted(target_id=target_id).filter(winner=OuterRef("pk")).values("rated_at")[:1]
    made = artistry.accepted(target_id=target_id).filter(accepted=OuterRef("pk")).values("accepted_at")[:1]
    by_time = (
        Candidate.objects.filter(target_id=target_id)
        .annotate(accepted_at=Greatest(Subquery(chosen), Subquery(made)))  # the one of these that is not null
        .order_by("-accepted_at")
    )
    candidate = by_time.filter(accepted_at__isnull=False).first()
    if candidate is None:
        raise NothingToPose(f"No shape of target {target_id} was accepted.", target_id=str(target_id))
    return candidate


def prepare(*, work_item_id: UUID) -> Alignment:
    """Settle point map and first pose of an alignment, once: a pose that the generator predicted, else a guess.

    It runs in the background after the alignment was opened; a claim that comes earlier does it itself.
    """
    return _prepared(_alignments().get(work_item_id=work_item_id))


def _prepared(alignment: Alignment) -> Alignment:
    if alignment.point_map is not None:
        return alignment
    point_map = sourcing.ensure_point_map(target=alignment.target)
    pose = _predicted_pose(alignment.candidate, point_map) or _guessed_pose(alignment.target, point_map)
    settled = {"point_map": point_map, "initial_pose": to_json(pose) if pose else None}
    if not Alignment.objects.filter(pk=alignment.pk, point_map=None).update(**settled):
        return _alignments().get(pk=alignment.pk)  # somebody else was quicker
    for name, value in settled.items():
        setattr(alignment, name, value)
    return alignment


def claim(*, user: User, prefetch: bool = False) -> AlignmentTask | None:
    """Lease the next alignment to `user` and return it; None where none waits. `prefetch` allows a second one."""
    claimed = workforce.claim(user=user, stage=Stage.ALIGNMENT, prefetch=prefetch)
    if claimed is None:
        return None
    return _task(_alignments().get(work_item_id=claimed.work_item.id), claimed.work_item)


def task_of(*, user: User, work_item_id: UUID) -> AlignmentTask:
    """Return the alignment that `user` holds (or held last, while nobody else claimed it).

    Raises:
        NoSuchAlignment: the user does not hold it.
    """
    alignment = _held(user, work_item_id)
    return _task(alignment, alignment.work_item)


def mesh_to_pose(*, user: User, work_item_id: UUID) -> Blob:
    """Return the mesh of the alignment that `user` holds.

    Raises:
        NoSuchAlignment: the user does not hold it.
    """
    return _held(user, work_item_id).candidate.mesh


@transaction.atomic
def submit(
    *,
    user: User,
    work_item_id: UUID,
    token: int,
    pose: dict[str, Any] | None,
    not_alignable: str,
    duration_ms: int,
    guideline_version: str,
    client_silhouette_iou: float | None = None,
    client_inlier_share: float | None = None,
) -> Alignment:
    """Finish an alignment with the pose, or with the reason why there is none.

    Both scores are recomputed in the background; those of the page are kept beside them. Overlaps, gold and reviews
    leave the target where it is.

    Raises:
        LeaseSuperseded: another person holds the item now; the draft is kept.
        PoseOrReason: neither or both are given.
        InvalidPose: the pose does not put an object in front of the camera.
        InvalidClientScore: a score of the page is no share.
    """
    if (pose is None) == (not_alignable == ""):
        raise PoseOrReason(
            "Send either a pose or the reason why there is none.",
            what_to_do=f"Reasons: {', '.join(NotAlignable.values)}.",
        )
    for score in (client_silhouette_iou, client_inlier_share):
        if score is not None and not (math.isfinite(score) and 0 <= score <= 1):
            raise InvalidClientScore(f"A score is a number from 0 to 1, got {score}.")
    item = workforce.submit(
        user=user,
        work_item_id=work_item_id,
        token=token,
        duration_ms=duration_ms,
        guideline_version=guideline_version,
    )
    alignment = Alignment.objects.select_related("point_map__image").get(work_item_id=work_item_id)
    if alignment.point_map is None:
        raise RuntimeError(f"the alignment {alignment.pk} was handed out before it was prepared")
    if pose is not None:
        alignment.pose = to_json(parse_pose(pose, intrinsics=sourcing.intrinsics_of(alignment.point_map)))
    alignment.not_alignable = not_alignable
    alignment.client_silhouette_iou = client_silhouette_iou
    alignment.client_inlier_share = client_inlier_share
    alignment.submitted_at = timezone.now()
    alignment.save()
    if pose is not None:
        transaction.on_commit(lambda: send_soon(SCORE_TASK, work_item_id=str(work_item_id)))
    if item.purpose == WorkItem.Purpose.COLLECT:
        move = Move.POSE if pose is not None else MOVE_OF_REASON[NotAlignable(not_alignable)]
        facts = {"not_alignable": not_alignable} if not_alignable else {}
        sourcing.move_target(target_id=alignment.target_id, move=move, actor=user, work_item=str(work_item_id), **facts)
    return alignment


def _alignments() -> models.QuerySet[Alignment]:
    return Alignment.objects.select_related(
        "work_item", "candidate__mesh", "target__image__blob", "point_map__image", "point_map__blob"
    )


def _held(user: User, work_item_id: UUID) -> Alignment:
    alignment = (
        _alignments()
        .filter(work_item_id=work_item_id, work_item__holder=user)
        .filter(work_item__state__in=[WorkItem.State.OPEN, WorkItem.State.LEASED])
        .first()
    )
    if alignment is None:
        raise NoSuchAlignment(
            "You hold no alignment of this id.", what_to_do="Claim the next one.", work_item=str(work_item_id)
        )
    return alignment


def _task(alignment: Alignment, work_item: WorkItem) -> AlignmentTask:
    return AlignmentTask(alignment=_prepared(alignment), work_item=work_item)


def _predicted_pose(candidate: Candidate, point_map: PointMap) -> Pose | None:
    """The generator's own layout, unless it lies where no camera could see it."""
    if candidate.layout is None:
        return None
    try:
        return parse_pose(candidate.layout, intrinsics=sourcing.intrinsics_of(point_map))
    except InvalidPose:
        return None


def _guessed_pose(target: TargetObject, point_map: PointMap) -> Pose | None:
    return initial_pose(
        points_camera=unpack_point_map(read_blob(blob=point_map.blob)),
        mask=decode_mask(sourcing.mask_of(target)),
        intrinsics=sourcing.intrinsics_of(point_map),
    )
