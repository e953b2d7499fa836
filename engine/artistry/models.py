"""Stage 2.5: hard cases for 3D artists (paper A.3)."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from engine.contracts.generation import Modality
from engine.generation.models import Candidate
from engine.selection.models import FailureReason, Presentation
from engine.sourcing.models import TargetObject
from engine.storage.models import Blob
from engine.workforce.models import User, WorkItem


class TriageCaseQuerySet(models.QuerySet["TriageCase"]):
    """Cases."""

    def for_review(self) -> Self:
        """With photograph, mask, and `best_presentation_id`: how the best rated shape so far was shown."""
        best = Presentation.objects.filter(
            tournament__selection__target=models.OuterRef("target"),
            tournament__selection__request__modality=Modality.SHAPE,
            tournament__selection__tournament=models.F("tournament"),
            tournament__selection__winner=models.F("candidate"),
        ).order_by("-tournament__selection__rating")
        return self.select_related("target__image__blob").annotate(
            best_presentation_id=models.Subquery(best.values("id")[:1])
        )


class TriageCase(models.Model):
    """A target that no generator solved, waiting for the decision whether it is worth an artist's time."""

    class Decision(models.TextChoices):
        PENDING = "pending"
        CHOSEN = "chosen"
        SHELVED = "shelved"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.ForeignKey(TargetObject, on_delete=models.CASCADE, related_name="triage_cases")
    failure_reason = models.CharField(max_length=20, choices=FailureReason.choices)
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.PENDING)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)
    duplicate_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="duplicates")
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)

    objects = TriageCaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="triage_no_duplicate_of_itself",
                condition=Q(duplicate_of__isnull=True) | ~Q(duplicate_of=models.F("id")),
            ),
            models.UniqueConstraint(name="triage_one_pending", fields=["target"], condition=Q(decision="pending")),
            models.CheckConstraint(
                name="triage_decided_has_time",
                condition=Q(decision="pending", decided_at__isnull=True)
                | (~Q(decision="pending") & Q(decided_at__isnull=False)),
            ),
        ]
        indexes = [models.Index(name="triage_newest", fields=["decision", "-created_at", "-id"])]

    def __str__(self) -> str:
        return f"{self.failure_reason}: {self.target_id}"


class ArtistJob(models.Model):
    """One mesh wanted from an artist; the accepted mesh becomes a candidate of the generator `artist`.

    A mesh that a reviewer sends back ends its job; a fresh job on the same case goes to the front of the queue.
    """

    class State(models.TextChoices):
        WANTED = "wanted"
        SUBMITTED = "submitted"  # waits for a reviewer
        ACCEPTED = "accepted"
        RETURNED = "returned"
        DECLINED = "declined"  # the artist gave it back

    work_item = models.OneToOneField(WorkItem, primary_key=True, on_delete=models.CASCADE, related_name="artist_job")
    case = models.ForeignKey(TriageCase, on_delete=models.PROTECT, related_name="jobs")
    target = models.ForeignKey(TargetObject, on_delete=models.CASCADE, related_name="artist_jobs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WANTED)
    brief = models.TextField(blank=True, help_text="What a reviewer wants changed in the mesh before.")
    upload = models.ForeignKey(
        "MeshUpload", null=True, on_delete=models.RESTRICT, related_name="+", help_text="The one submitted."
    )
    pose = models.JSONField(null=True, help_text="camera_from_object, where the artist posed the mesh too.")
    submitted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField(null=True)
    accepted = models.OneToOneField(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    accepted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    returned_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    returned_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, help_text="Why it was returned or declined.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="artistjob_accepted_whole",
                condition=Q(accepted__isnull=True, accepted_at__isnull=True)
                | Q(accepted__isnull=False, accepted_at__isnull=False, accepted_by__isnull=False),
            ),
            models.CheckConstraint(
                name="artistjob_state_has_facts",
                condition=Q(state="wanted", submitted_at__isnull=True)
                | Q(state="submitted", upload__isnull=False, submitted_by__isnull=False, submitted_at__isnull=False)
                | Q(state="accepted", accepted__isnull=False)
                | (Q(state="returned", returned_at__isnull=False, returned_by__isnull=False) & ~Q(reason=""))
                | (Q(state="declined") & ~Q(reason="")),
            ),
            models.UniqueConstraint(
                name="artistjob_one_under_way", fields=["case"], condition=Q(state__in=["wanted", "submitted"])
            ),
        ]
        indexes = [
            models.Index(name="artistjob_to_review", fields=["submitted_at"], condition=Q(state="submitted")),
        ]

    def __str__(self) -> str:
        return f"mesh for {self.target_id}"


class MeshUpload(models.Model):
    """A file that an artist sent: quarantined as it came, checked in a limited process, re-exported."""

    class Status(models.TextChoices):
        CHECKING = "checking"
        USABLE = "usable"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(ArtistJob, on_delete=models.CASCADE, related_name="uploads")
    original = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    canonical = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.CHECKING)
    problem = models.TextField(blank=True)
    vertex_count = models.PositiveIntegerField(null=True)
    face_count = models.PositiveIntegerField(null=True)
    watertight = models.BooleanField(null=True)
    file_name = models.CharField(max_length=255, blank=True, help_text="As the artist named it; hints at the format.")
    check_attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="upload_usable_has_mesh",
                condition=~Q(status="usable")
                | Q(canonical__isnull=False, vertex_count__gte=3, face_count__gte=1, watertight__isnull=False),
            ),
            models.CheckConstraint(name="upload_refused_says_why", condition=~Q(status="refused") | ~Q(problem="")),
        ]
        indexes = [
            models.Index(name="upload_unchecked", fields=["created_at"], condition=Q(status="checking")),
        ]

    def __str__(self) -> str:
        return f"{self.status} upload {self.id}"
