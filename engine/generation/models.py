"""Stage 2: what was asked of the generator suite, and the candidates that came back (paper A.2)."""

import uuid

from django.db import models
from django.db.models import Q

from engine.contracts.generation import Modality
from engine.outbox import OutboxRow
from engine.sourcing.models import TargetObject
from engine.storage.models import Blob


class Collection(models.Model):
    """The collection step of iteration k: the bar α_k, the suite with its shares of N, and the current checkpoint.

    Paper Algorithm 1, lines 3 to 11. At most one collection is open.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    iteration = models.PositiveIntegerField(unique=True)
    alpha = models.FloatField(help_text="Quality threshold α_k in [0, 1].")
    suite = models.JSONField(help_text="Generator name → number of candidates in the first round.")
    texture_suite = models.JSONField(
        default=dict, help_text="Generator name → textures that it makes for each posed shape; empty: none are wanted."
    )
    generator_parameters = models.JSONField(
        default=dict, help_text="Generator name → what it is told with every request, such as the steps of a sampler."
    )
    widening = models.PositiveSmallIntegerField(default=2, help_text="Factor on the counts in each further round.")
    max_rounds = models.PositiveSmallIntegerField(default=2, help_text="Rounds before triage.")
    model_version_id = models.UUIDField(null=True, help_text="Checkpoint that sam3d samples from.")
    checkpoint = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # All open rows share the value NULL-ness: an expression that is constant on them allows only one.
            models.UniqueConstraint(
                models.ExpressionWrapper(Q(closed_at__isnull=True), output_field=models.BooleanField()),
                name="collection_one_open",
                condition=Q(closed_at__isnull=True),
            ),
            models.CheckConstraint(name="collection_alpha_range", condition=Q(alpha__gte=0, alpha__lte=1)),
            models.CheckConstraint(name="collection_rounds_positive", condition=Q(max_rounds__gte=1, widening__gte=1)),
        ]

    def __str__(self) -> str:
        return f"collection {self.iteration}"


class GenerationRequest(models.Model):
    """One round of candidates for one target; fans out to one run per generator.

    A request for textures names the shape that stays as it is, and the pose and camera that a person gave it.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        FILLED = "filled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.ForeignKey(TargetObject, on_delete=models.CASCADE, related_name="generation_requests")
    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="requests")
    modality = models.CharField(
        max_length=10, choices=[(x.value, x.value) for x in Modality], default=Modality.SHAPE.value
    )
    shape = models.ForeignKey("Candidate", null=True, on_delete=models.PROTECT, related_name="texture_requests")
    shape_pose = models.JSONField(null=True, help_text="camera_from_object, as the contract's Pose.")
    shape_intrinsics = models.JSONField(null=True, help_text="Camera of that pose, as the contract's Intrinsics.")
    round = models.PositiveSmallIntegerField(help_text="1 for the first round of this collection.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="request_round_once", fields=["target", "collection", "modality", "round"]),
            models.UniqueConstraint(name="request_one_open", fields=["target"], condition=Q(status="open")),
            models.CheckConstraint(
                name="request_closed_when_ended",
                condition=Q(status="open", closed_at__isnull=True) | (~Q(status="open") & Q(closed_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="request_texture_has_shape",
                condition=Q(
                    modality="texture",
                    shape__isnull=False,
                    shape_pose__isnull=False,
                    shape_intrinsics__isnull=False,
                )
                | (~Q(modality="texture") & Q(shape__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"round {self.round} for {self.target_id}"


class GenerationRun(OutboxRow):
    """One generator's share of a request."""

    request = models.ForeignKey(GenerationRequest, on_delete=models.CASCADE, related_name="runs")
    generator = models.CharField(max_length=60)
    seeds = models.JSONField(help_text="One candidate per seed.")
    worker = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="run_generator_once", fields=["request", "generator"]),
            models.CheckConstraint(
                name="run_sent_has_deadline", condition=~Q(status="sent") | Q(deadline_at__isnull=False)
            ),
            models.CheckConstraint(name="run_failed_says_why", condition=~Q(status="failed") | ~Q(error="")),
        ]
        indexes = [
            models.Index(name="run_unsent", fields=["created_at"], condition=Q(status="waiting")),
            models.Index(name="run_overdue", fields=["deadline_at"], condition=Q(status="sent")),
        ]

    def __str__(self) -> str:
        return f"{self.generator} ({self.status})"


class Candidate(models.Model):
    """One proposed shape for a target: from one generator, checkpoint and seed, or from an artist (no run).

    Of a request for textures: the chosen shape with one proposed texture.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.ForeignKey(TargetObject, on_delete=models.CASCADE, related_name="candidates")
    run = models.ForeignKey(GenerationRun, null=True, on_delete=models.PROTECT, related_name="candidates")
    generator = models.CharField(max_length=60)
    model_version_id = models.UUIDField(null=True)
    seed = models.BigIntegerField()
    parameters = models.JSONField(default=dict)
    mesh = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    view = models.ForeignKey(
        Blob,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The mesh as people are shown it; none until a worker has made it.",
    )
    splat = models.ForeignKey(
        Blob, null=True, on_delete=models.PROTECT, related_name="+", help_text="The same object as a Gaussian splat."
    )
    latent = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    layout = models.JSONField(null=True, help_text="Predicted Pose, as the contract's JSON.")
    vertex_count = models.PositiveIntegerField()
    face_count = models.PositiveIntegerField()
    watertight = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="candidate_seed_once", fields=["run", "seed"]),
            models.CheckConstraint(name="candidate_has_faces", condition=Q(vertex_count__gte=3, face_count__gte=1)),
            models.CheckConstraint(
                name="candidate_run_or_artist", condition=Q(run__isnull=False) | Q(generator="artist")
            ),
        ]
        indexes = [models.Index(name="candidate_without_view", fields=["created_at"], condition=Q(view__isnull=True))]

    def __str__(self) -> str:
        return f"{self.generator} seed {self.seed}"

    @property
    def shown(self) -> Blob:
        """The mesh for people's eyes: the view, or the mesh itself until there is one."""
        return self.view or self.mesh
