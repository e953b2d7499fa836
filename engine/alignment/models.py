"""Stage 3: the pose (R, t, s) of the accepted shape in the camera frame (paper A.4)."""

from django.db import models
from django.db.models import Q

from engine.generation.models import Candidate
from engine.sourcing.models import PointMap, TargetObject
from engine.storage.models import Blob
from engine.workforce.counting import TaskQuerySet
from engine.workforce.models import WorkItem


class NotAlignable(models.TextChoices):
    """Why no pose can be given."""

    BAD_MESH = "bad_mesh"
    BAD_POINTS = "bad_points"
    TOO_OCCLUDED = "too_occluded"


class PoseSource(models.TextChoices):
    """Where the first pose comes from."""

    PREDICTED = "predicted"  # the generator's own layout
    TARGET_POINTS = "target_points"  # M, its points and the ground below


class AlignmentQuerySet(TaskQuerySet["Alignment"]):
    """Alignments."""


class Alignment(models.Model):
    """One pose wanted, and given. The two scores are recomputed by the engine; they advise and do not gate."""

    work_item = models.OneToOneField(WorkItem, primary_key=True, on_delete=models.CASCADE, related_name="alignment")
    target = models.ForeignKey(TargetObject, on_delete=models.CASCADE, related_name="alignments")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="alignments")
    point_map = models.ForeignKey(
        PointMap, null=True, on_delete=models.PROTECT, related_name="+", help_text="Set when the task is prepared."
    )
    point_cloud = models.ForeignKey(
        Blob, null=True, on_delete=models.PROTECT, related_name="+", help_text="What the page draws of the point map."
    )
    ground_plane = models.JSONField(null=True, help_text="normal · x = offset below the object, camera frame.")
    initial_pose = models.JSONField(null=True, help_text="Where the page puts the mesh first; computed once.")
    initial_pose_source = models.CharField(max_length=20, choices=PoseSource.choices, blank=True)
    prepared_at = models.DateTimeField(null=True)
    preparation_attempts = models.PositiveSmallIntegerField(default=0)
    preparation_asked_at = models.DateTimeField(auto_now_add=True)
    pose = models.JSONField(null=True, help_text="camera_from_object as the contract's Pose.")
    not_alignable = models.CharField(max_length=20, choices=NotAlignable.choices, blank=True)
    client_silhouette_iou = models.FloatField(null=True)
    client_inlier_share = models.FloatField(null=True)
    silhouette_iou = models.FloatField(null=True, help_text="Posed mesh against M from the input camera.")
    inlier_share = models.FloatField(null=True, help_text="Share of M's points within τ of the surface.")
    inlier_tolerance = models.FloatField(null=True, help_text="τ, in the unit of the point map; null: no points.")
    submitted_at = models.DateTimeField(null=True)
    scored_at = models.DateTimeField(null=True)
    scoring_attempts = models.PositiveSmallIntegerField(default=0)

    objects = AlignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="alignment_pose_or_reason",
                condition=Q(submitted_at__isnull=True)
                | Q(pose__isnull=False, not_alignable="")
                | (Q(pose__isnull=True) & ~Q(not_alignable="")),
            ),
            models.CheckConstraint(
                name="alignment_prepared_has_points",
                condition=Q(prepared_at__isnull=True) | Q(point_map__isnull=False, point_cloud__isnull=False),
            ),
            models.CheckConstraint(
                name="alignment_submitted_is_prepared",
                condition=Q(submitted_at__isnull=True) | Q(prepared_at__isnull=False),
            ),
            models.CheckConstraint(
                name="alignment_scores_range",
                condition=(Q(silhouette_iou__isnull=True) | Q(silhouette_iou__gte=0, silhouette_iou__lte=1))
                & (Q(inlier_share__isnull=True) | Q(inlier_share__gte=0, inlier_share__lte=1)),
            ),
        ]
        indexes = [
            models.Index(
                name="alignment_unscored",
                fields=["submitted_at"],
                condition=Q(scored_at__isnull=True, pose__isnull=False),
            ),
            models.Index(
                name="alignment_unprepared",
                fields=["preparation_asked_at"],
                condition=Q(prepared_at__isnull=True, submitted_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"alignment of {self.target_id}"


class AssistanceKind(models.TextChoices):
    """What proposes a pose to a person."""

    INITIAL_POSE = "initial_pose"
    SNAP = "snap"
    TRY_OTHERS = "try_others"
    GROUND = "ground"


class AssistanceUse(models.Model):
    """One proposal that a person asked for: what it did to the page's scores, and whether it was kept."""

    alignment = models.ForeignKey(Alignment, on_delete=models.CASCADE, related_name="assistance")
    kind = models.CharField(max_length=20, choices=AssistanceKind.choices)
    silhouette_iou_before = models.FloatField(null=True)
    silhouette_iou_after = models.FloatField(null=True)
    inlier_share_before = models.FloatField(null=True)
    inlier_share_after = models.FloatField(null=True)
    kept = models.BooleanField(help_text="Not undone before the pose was submitted.")

    def __str__(self) -> str:
        return f"{self.kind} on {self.alignment_id}"
