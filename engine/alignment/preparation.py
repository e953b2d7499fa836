"""Makes an alignment ready for people: point map, the cloud that the page draws, ground, tolerance and a first pose.

It runs in the background; nobody can claim the task before. What got lost is sent again, and what cannot be prepared
does not keep its target waiting for ever.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from engine.alignment.ground_plane import GroundPlane, find_ground_plane
from engine.alignment.initial_pose import CAMERA_UP, initial_pose
from engine.alignment.models import Alignment, NotAlignable, PoseSource
from engine.alignment.point_cloud import MEDIA_TYPE, PointCloud, pack_point_cloud
from engine.alignment.scoring import TOLERANCE_SHARE, inlier_tolerance
from engine.alignment.services import PREPARE_TASK
from engine.asking import NobodyAnswers
from engine.contracts.masks import decode_mask
from engine.contracts.point_maps import unpack_point_map
from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from engine.generation.models import Candidate
from engine.layouts import InvalidPose, parse_pose
from engine.lifecycle import Move
from engine.sending import send_soon
from engine.sourcing import services as sourcing
from engine.sourcing.estimates import NoEstimate, estimate_point_map, wants_estimate
from engine.sourcing.models import PointMap
from engine.sourcing.photographs import decode_photograph
from engine.sourcing.point_maps import PointMapRefused
from engine.storage.services import put_blob, read_blob
from engine.workforce import services as workforce
from engine.workforce.models import Stage, WorkItem

MAX_ATTEMPTS = 5
RESEND_AFTER = timedelta(minutes=1)
RESEND_BATCH = 100

# The ground is thinner than the object's tolerance.
GROUND_TOLERANCE_SHARE = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Prepared:
    point_map: PointMap
    cloud: PointCloud
    ground: GroundPlane | None
    tolerance: float | None
    pose: Pose | None
    pose_source: str


def prepare(*, work_item_id: UUID) -> None:
    """Prepare an alignment and let people claim it. Doing it again changes nothing."""
    unprepared = Alignment.objects.filter(pk=work_item_id, prepared_at=None)
    if not unprepared.update(preparation_attempts=F("preparation_attempts") + 1, preparation_asked_at=timezone.now()):
        return
    made = _prepared(Alignment.objects.select_related("candidate", "target__image__blob").get(pk=work_item_id))
    cloud = put_blob(data=made.cloud.data, media_type=MEDIA_TYPE)
    with transaction.atomic():
        if unprepared.update(
            point_map=made.point_map,
            point_cloud=cloud,
            ground_plane=to_json(made.ground) if made.ground else None,
            inlier_tolerance=made.tolerance,
            initial_pose=to_json(made.pose) if made.pose else None,
            initial_pose_source=made.pose_source,
            prepared_at=timezone.now(),
        ):
            workforce.open_work_item(work_item_id=work_item_id)


def resend_unprepared(*, now: datetime | None = None) -> int:
    """Send lost preparations again, each a limited number of times, then give up on them; return how many were sent."""
    moment = now or timezone.now()
    waiting = (
        Alignment.objects.filter(prepared_at=None, submitted_at=None, preparation_asked_at__lt=moment - RESEND_AFTER)
        .filter(work_item__state=WorkItem.State.PREPARING)
        .order_by("preparation_asked_at")
    )
    hopeless = Q(preparation_attempts__gte=MAX_ATTEMPTS)
    for alignment in waiting.filter(hopeless).select_related("work_item")[:RESEND_BATCH]:
        _give_up(alignment)
    ids = list(waiting.exclude(hopeless).values_list("pk", flat=True)[:RESEND_BATCH])
    for work_item_id in ids:
        send_soon(PREPARE_TASK, work_item_id=str(work_item_id))
    return len(ids)


@transaction.atomic
def _give_up(alignment: Alignment) -> None:
    """The target goes on without a pose; the audit log says why."""
    log.error("alignment_not_prepared", work_item=str(alignment.pk), attempts=alignment.preparation_attempts)
    workforce.cancel_work_items(subject_id=alignment.target_id, stages=[Stage.ALIGNMENT])
    if alignment.work_item.purpose == WorkItem.Purpose.COLLECT:
        sourcing.move_target(
            target_id=alignment.target_id,
            move=Move.BAD_POINTS,
            not_alignable=NotAlignable.BAD_POINTS.value,
            why="it could not be prepared; the geometry worker's log has the error",
        )


def _prepared(alignment: Alignment) -> _Prepared:
    target = alignment.target
    point_map = _point_map(alignment)
    intrinsics = sourcing.intrinsics_of(point_map)
    points = unpack_point_map(read_blob(blob=point_map.blob))
    mask = decode_mask(sourcing.mask_of(target))
    tolerance = inlier_tolerance(points, mask)
    ground = tolerance and find_ground_plane(
        points_camera=points,
        mask=mask,
        tolerance=GROUND_TOLERANCE_SHARE * tolerance,
        extent=tolerance / TOLERANCE_SHARE,
    )
    found: dict[str, Any] = {"pose": _predicted_pose(alignment.candidate, point_map), "pose_source": ""}
    if found["pose"]:
        found["pose_source"] = PoseSource.PREDICTED
    else:
        up = ground.normal if ground else CAMERA_UP
        found["pose"] = initial_pose(points_camera=points, mask=mask, intrinsics=intrinsics, up=up)
        if found["pose"]:
            found["pose_source"] = PoseSource.TARGET_POINTS
    pixels = decode_photograph(read_blob(blob=target.image.blob)).pixels
    cloud = pack_point_cloud(points_camera=points, pixels=pixels, mask=mask, tolerance=tolerance)
    return _Prepared(point_map=point_map, cloud=cloud, ground=ground or None, tolerance=tolerance, **found)


def _point_map(alignment: Alignment) -> PointMap:
    """The given one, else an estimate where an estimator runs, else the prior; the page says which of them it is."""
    image = alignment.target.image
    if wants_estimate(image=image):
        try:
            return estimate_point_map(image=image)
        except NobodyAnswers:
            if alignment.preparation_attempts < MAX_ATTEMPTS:
                raise  # the sweeper comes again
            log.warning("no_estimator_answers", image=str(image.pk), instead="the prior")
        except (NoEstimate, PointMapRefused) as refusal:
            log.warning("no_estimate", image=str(image.pk), why=str(refusal), instead="the prior")
    return sourcing.ensure_point_map(target=alignment.target)


def _predicted_pose(candidate: Candidate, point_map: PointMap) -> Pose | None:
    """The generator's own layout, unless it lies where no camera could see it."""
    if candidate.layout is None:
        return None
    try:
        return parse_pose(candidate.layout, intrinsics=sourcing.intrinsics_of(point_map))
    except InvalidPose:
        return None
