"""What Stage 3 does: has the accepted shape posed in the camera frame, and keeps the pose (paper A.4)."""

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import structlog
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Greatest
from django.utils import timezone

from engine.alignment.models import Alignment, NotAlignable
from engine.alignment.statements import KEEP_ANSWER
from engine.artistry import services as artistry
from engine.contracts.serialisation import to_json
from engine.errors import Conflict, LatheError, NotFound, Unprocessable
from engine.generation.models import Candidate
from engine.layouts import parse_pose
from engine.lifecycle import Move, State
from engine.selection import services as selection
from engine.sending import send_soon
from engine.sourcing import services as sourcing
from engine.sourcing.models import PointMap, TargetObject
from engine.storage.models import Blob
from engine.workforce import services as workforce
from engine.workforce.models import Role, Stage, User, WorkItem
from engine.workforce.permissions import has_role

PREPARE_TASK = "engine.alignment.tasks.prepare_alignment"
SCORE_TASK = "engine.alignment.tasks.score_alignment"

# Opened in one call; the timetable goes on with the rest.
MOST_OPENED = 500

# Shown beside the object to be posed.
MOST_PLACED = 50

MOVE_OF_REASON = {
    NotAlignable.BAD_MESH: Move.BAD_MESH,
    NotAlignable.BAD_POINTS: Move.BAD_POINTS,
    NotAlignable.TOO_OCCLUDED: Move.BAD_POINTS,
}


log = structlog.get_logger(__name__)


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


@dataclass
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
        return prepared_point_map(self.alignment)

    @cached_property
    def placed(self) -> list[Alignment]:
        """The other objects of the photograph that stand in the same point map, each as posed last."""
        return list(
            Alignment.objects.counting()
            .filter(point_map=self.alignment.point_map_id, pose__isnull=False)
            .exclude(target=self.alignment.target_id)
            .select_related("target", "candidate__mesh", "candidate__view")
            .order_by("target", "-submitted_at")
            .distinct("target")[:MOST_PLACED]
        )


@transaction.atomic
def open_alignment(*, target_id: UUID) -> Alignment:
    """Ask one person to pose the shape that was accepted last, by an annotator or by a reviewer of artists.

    People can claim it once it is prepared (`engine.alignment.preparation`).

    Raises:
        NothingToPose: no shape of the target was accepted.
    """
    candidate = shape_to_pose(target_id=target_id)
    item = workforce.create_work_item(stage=Stage.ALIGNMENT, subject_id=target_id, prepared=False)
    alignment = Alignment.objects.create(work_item=item, target_id=target_id, candidate=candidate)
    transaction.on_commit(lambda: send_soon(PREPARE_TASK, work_item_id=str(item.id)))
    return alignment


def open_alignments(*, limit: int = MOST_OPENED) -> int:
    """Have every shape posed that was accepted and is not being posed yet; return for how many it was opened.

    Each in its own transaction. Any number of processes may do this at once. One for which nothing can be opened is
    logged, stays, and is looked at again next time; it holds no other up.
    """
    unasked = TargetObject.objects.filter(~Exists(_asked_about(OuterRef("pk"))), state=State.ALIGNING)
    ids = unasked.order_by("id").values_list("id", flat=True)
    opened, last = 0, UUID(int=0)
    while opened < limit and (found := ids.filter(id__gt=last).first()) is not None:
        last = found
        try:
            opened += open_once(target_id=last)
        except LatheError as refusal:
            log.warning("not_to_be_posed", target_id=str(last), reason=str(refusal))
    return opened


@transaction.atomic
def open_once(*, target_id: UUID) -> bool:
    """Open the alignment of a target unless that was done meanwhile, or another process is at it; whether it did.

    That nobody is asked yet is looked at once the target is locked: a look before may be older than what another
    process has committed since.

    Raises:
        NothingToPose: no shape of the target was accepted.
    """
    wanted = TargetObject.objects.filter(id=target_id, state=State.ALIGNING)
    if wanted.select_for_update(skip_locked=True).first() is None or _asked_about(target_id).exists():
        return False
    open_alignment(target_id=target_id)
    return True


def _asked_about(target_id: UUID | OuterRef) -> models.QuerySet[WorkItem]:
    live = [WorkItem.State.PREPARING, WorkItem.State.OPEN, WorkItem.State.LEASED]
    return WorkItem.objects.filter(
        subject_id=target_id, stage=Stage.ALIGNMENT, purpose=WorkItem.Purpose.COLLECT, state__in=live
    )


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


def claim(*, user: User, prefetch: bool = False) -> AlignmentTask | None:
    """Lease the next alignment to `user` and return it; None where none waits. `prefetch` allows a second one."""
    claimed = workforce.claim(user=user, stage=Stage.ALIGNMENT, prefetch=prefetch)
    if claimed is None:
        return None
    return AlignmentTask(alignment=_alignments().get(work_item_id=claimed.work_item.id), work_item=claimed.work_item)


def task_of(*, user: User, work_item_id: UUID) -> AlignmentTask:
    """Return the alignment that `user` holds (or held last, while nobody else claimed it).

    Raises:
        NoSuchAlignment: the user does not hold it.
    """
    alignment = held(user=user, work_item_id=work_item_id)
    return AlignmentTask(alignment=alignment, work_item=alignment.work_item)


def judged(*, work_item_id: UUID) -> AlignmentTask:
    """An alignment that was submitted, for those who look at it afterwards.

    Raises:
        NoSuchAlignment: there is none of this id, or nobody submitted it.
    """
    alignment = _alignments().filter(work_item_id=work_item_id, submitted_at__isnull=False).first()
    if alignment is None:
        raise NoSuchAlignment("No pose was submitted under this id.", what_to_do="Load the queue again.")
    return AlignmentTask(alignment=alignment, work_item=alignment.work_item)


def shown_to(*, user: User, work_item_id: UUID) -> AlignmentTask:
    """The alignment whose meshes `user` may look at: the one they hold; for a reviewer, any that was submitted.

    Raises:
        NoSuchAlignment: it is neither.
    """
    if has_role(user, Role.REVIEWER):
        with suppress(NoSuchAlignment):
            return judged(work_item_id=work_item_id)
    return task_of(user=user, work_item_id=work_item_id)


def mesh_to_pose(*, user: User, work_item_id: UUID) -> Blob:
    """Return the mesh of an alignment, as people are shown it.

    Raises:
        NoSuchAlignment: it is not for this user.
    """
    return shown_to(user=user, work_item_id=work_item_id).alignment.candidate.shown


def placed_mesh(*, user: User, work_item_id: UUID, target_id: UUID) -> Blob:
    """Return the mesh of another object of the photograph, as shown with an alignment.

    Raises:
        NoSuchAlignment: it is not for this user, or shows no such object with it.
    """
    task = shown_to(user=user, work_item_id=work_item_id)
    for other in task.placed:
        if other.target_id == target_id:
            return other.candidate.shown
    raise NoSuchAlignment("No such object is shown with this alignment.", work_item=str(work_item_id))


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
    assistance: Sequence[dict[str, Any]] = (),
) -> Alignment:
    """Finish an alignment with the pose, or with the reason why there is none.

    Both scores are recomputed in the background; those of the page are kept beside them. Overlaps, gold and reviews
    leave the target where it is. `assistance` tells which proposals were asked for (fields of `AssistanceUse`).

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
        stage=Stage.ALIGNMENT,
    )
    alignment = Alignment.objects.select_related("point_map__image").get(work_item_id=work_item_id)
    intrinsics = sourcing.intrinsics_of(prepared_point_map(alignment))
    checked = None if pose is None else to_json(parse_pose(pose, intrinsics=intrinsics))
    (alignment,) = Alignment.objects.raw(
        KEEP_ANSWER,
        {
            "id": work_item_id,
            "pose": checked and json.dumps(checked),
            "not_alignable": not_alignable,
            "client_silhouette_iou": client_silhouette_iou,
            "client_inlier_share": client_inlier_share,
            "assistance": json.dumps(list(assistance)),
            "now": timezone.now(),
        },
    )
    if pose is not None:
        transaction.on_commit(lambda: send_soon(SCORE_TASK, work_item_id=str(work_item_id)))
    if item.purpose == WorkItem.Purpose.COLLECT:
        move = Move.POSE if pose is not None else MOVE_OF_REASON[NotAlignable(not_alignable)]
        facts: dict[str, Any] = {"not_alignable": not_alignable} if not_alignable else {}
        sourcing.move_target(target_id=alignment.target_id, move=move, actor=user, work_item=str(work_item_id), **facts)
    return alignment


def _alignments() -> models.QuerySet[Alignment]:
    return Alignment.objects.select_related(
        "work_item",
        "candidate__mesh",
        "candidate__view",
        "target__image__blob",
        "point_map__image",
        "point_map__blob",
        "point_cloud",
    )


def held(*, user: User, work_item_id: UUID) -> Alignment:
    """The alignment that `user` holds (or held last, while nobody else claimed it).

    Raises:
        NoSuchAlignment: the user does not hold it.
    """
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


def prepared_point_map(alignment: Alignment) -> PointMap:
    """The point map of an alignment that people can claim."""
    if alignment.point_map is None:
        raise RuntimeError(f"the alignment {alignment.pk} was handed out before it was prepared")
    return alignment.point_map


def prepared_point_cloud(alignment: Alignment) -> Blob:
    """What the page draws of the point map of an alignment that people can claim."""
    if alignment.point_cloud is None:
        raise RuntimeError(f"the alignment {alignment.pk} was handed out before it was prepared")
    return alignment.point_cloud
