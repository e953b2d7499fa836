"""Recomputes the scores of submitted poses, in a process that may import open3d."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from engine.alignment.models import Alignment
from engine.alignment.scenes import alignment_with_scene, read_scene
from engine.alignment.services import SCORE_TASK
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json
from engine.sending import send_soon

MAX_ATTEMPTS = 5
RESEND_AFTER = timedelta(minutes=2)
RESEND_BATCH = 100


def score_alignment(*, work_item_id: UUID) -> None:
    """Score a submitted pose from mesh, mask and points. Doing it again changes nothing."""
    unscored = Alignment.objects.filter(pk=work_item_id, scored_at=None, pose__isnull=False)
    if not unscored.update(scoring_attempts=F("scoring_attempts") + 1):
        return
    alignment = alignment_with_scene(work_item_id)
    scores = read_scene(alignment).score(from_json(Pose, alignment.pose))
    unscored.update(
        silhouette_iou=scores.silhouette_iou,
        inlier_share=scores.inlier_share,
        scored_at=timezone.now(),
    )


def resend_unscored(*, now: datetime | None = None) -> int:
    """Send poses again whose scoring got lost, each a limited number of times; return how many."""
    moment = now or timezone.now()
    lost = Alignment.objects.filter(
        scored_at=None,
        pose__isnull=False,
        submitted_at__lt=moment - RESEND_AFTER,
        scoring_attempts__lt=MAX_ATTEMPTS,
    ).order_by("submitted_at")
    ids = list(lost.values_list("pk", flat=True)[:RESEND_BATCH])
    for work_item_id in ids:
        send_soon(SCORE_TASK, work_item_id=str(work_item_id))
    return len(ids)
