"""Iterations, model versions with their lineage, training and evaluation runs (paper 3.2, Algorithm 1)."""

import uuid

from django.db import models
from django.db.models import Q

from engine.contracts.training import TrainingStage
from engine.datasets.models import Snapshot
from engine.generation.models import Collection
from engine.outbox import OutboxRow
from engine.storage.models import Blob
from engine.workforce.models import User


class ModelVersion(models.Model):
    """A checkpoint and where it comes from. Exactly one is promoted at a time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    stage = models.CharField(max_length=10, choices=[(x.value, x.value) for x in TrainingStage])
    recipe = models.CharField(max_length=100)
    snapshot = models.ForeignKey(Snapshot, null=True, on_delete=models.PROTECT, related_name="+")
    checkpoint = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    metrics = models.JSONField(default=dict)
    promoted = models.BooleanField(default=False)
    promoted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="model_one_promoted", fields=["promoted"], condition=Q(promoted=True)),
            models.CheckConstraint(
                name="model_promoted_has_time", condition=Q(promoted=False) | Q(promoted_at__isnull=False)
            ),
            models.CheckConstraint(
                name="model_trained_has_parent", condition=Q(stage="pretrain") | Q(parent__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Iteration(models.Model):
    """One turn of the flywheel: collecting → freezing → sft → dpo → evaluating → promoting → done / failed."""

    class Step(models.TextChoices):
        COLLECTING = "collecting"
        FREEZING = "freezing"
        SFT = "sft"
        DPO = "dpo"
        EVALUATING = "evaluating"
        PROMOTING = "promoting"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)
    step = models.CharField(max_length=10, choices=Step.choices, default=Step.COLLECTING)
    failed = models.BooleanField(default=False, help_text="Stopped at `step`; resume continues there.")
    failure = models.TextField(blank=True)
    alpha = models.FloatField()
    settings = models.JSONField(default=dict, help_text="Recipes, overrides, suite, promotion rule.")
    base = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    collection = models.OneToOneField(
        Collection, null=True, on_delete=models.PROTECT, related_name="flywheel_iteration"
    )
    snapshot = models.OneToOneField(Snapshot, null=True, on_delete=models.PROTECT, related_name="flywheel_iteration")
    requested_at = models.DateTimeField(null=True, help_text="The targets at hand were asked for.")
    stop_collecting = models.BooleanField(default=False, help_text="Told to go on with what there is.")
    skipped = models.JSONField(default=dict, help_text="Step → why there was nothing to do in it.")
    sft_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    dpo_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    decision = models.JSONField(default=dict, help_text="What the promotion gate compared and decided.")
    started_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)
    step_entered_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    step_seconds = models.JSONField(default=dict, help_text="Step → seconds spent in it.")

    class Meta:
        constraints = [
            # One at a time: every row that is not done has the same value here.
            models.UniqueConstraint(
                models.ExpressionWrapper(~Q(step="done"), output_field=models.BooleanField()),
                name="iteration_one_running",
                condition=~Q(step="done"),
            ),
            models.CheckConstraint(name="iteration_failed_says_why", condition=Q(failed=False) | ~Q(failure="")),
            models.CheckConstraint(
                name="iteration_done_has_end",
                condition=Q(step="done", ended_at__isnull=False) | (~Q(step="done") & Q(ended_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"iteration {self.number}"


class TrainingRun(OutboxRow):
    """One call of a trainer or evaluator."""

    class Kind(models.TextChoices):
        TRAIN = "train"
        EVALUATE = "evaluate"

    # Of these there is one for each purpose; failed ones are history.
    LIVE = (*OutboxRow.OPEN, OutboxRow.Status.SUCCEEDED)

    iteration = models.ForeignKey(
        Iteration, null=True, on_delete=models.CASCADE, related_name="runs", help_text="None: the first checkpoint."
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    purpose = models.CharField(max_length=40, help_text="pretrain, sft, dpo, evaluate_base, evaluate_new …")
    request = models.JSONField(help_text="The contract as sent, without the attempt.")
    step = models.PositiveIntegerField(default=0)
    total_steps = models.PositiveIntegerField(default=0)
    metrics = models.JSONField(default=dict)
    log = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    produced = models.OneToOneField(ModelVersion, null=True, on_delete=models.PROTECT, related_name="produced_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="trainingrun_one_live",
                fields=["iteration", "purpose"],
                condition=Q(status__in=["waiting", "sent", "succeeded"]),
                nulls_distinct=False,  # pretraining belongs to no iteration and happens once
            ),
            models.CheckConstraint(
                name="trainingrun_status_known", condition=Q(status__in=["waiting", "sent", "succeeded", "failed"])
            ),
            models.CheckConstraint(
                name="trainingrun_sent_has_deadline", condition=~Q(status="sent") | Q(deadline_at__isnull=False)
            ),
            models.CheckConstraint(name="trainingrun_failed_says_why", condition=~Q(status="failed") | ~Q(error="")),
            models.CheckConstraint(
                name="trainingrun_ended_has_time",
                condition=Q(status__in=["waiting", "sent"], ended_at__isnull=True)
                | Q(status__in=["succeeded", "failed"], ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="trainingrun_unsent", fields=["created_at"], condition=Q(status="waiting")),
            models.Index(name="trainingrun_overdue", fields=["deadline_at"], condition=Q(status="sent")),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} ({self.status})"


from engine.flywheel.voting import models as voting_models  # noqa: E402, F401  (its tables belong to this room)
