"""Frozen snapshots of D+, r, D- (paper 3.2.2, Algorithm 1 lines 13 and 14)."""

import uuid

from django.db import models
from django.db.models import Q

from engine.storage.models import Blob


class Snapshot(models.Model):
    """An immutable export: the manifest's digest names it, the manifest names every shard by digest.

    A database trigger refuses any change of a frozen snapshot and of its shards.
    """

    class Status(models.TextChoices):
        FREEZING = "freezing"
        FROZEN = "frozen"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    iteration = models.PositiveIntegerField(unique=True)
    alpha = models.FloatField(help_text="α_k: a filter on ratings, applied here and nowhere else.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.FREEZING)
    cutoff_at = models.DateTimeField(help_text="Judgements up to this instant are in.")
    options = models.JSONField(default=dict, help_text="FreezeOptions: what the default DPO export leaves out.")
    manifest = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    example_count = models.PositiveIntegerField(default=0, help_text="D+ in the shards")
    negative_count = models.PositiveIntegerField(default=0, help_text="D-: losers that an exported pair names")
    direct_pair_count = models.PositiveIntegerField(default=0, help_text="Exported pairs that were compared.")
    inferred_pair_count = models.PositiveIntegerField(default=0, help_text="Exported pairs that never met.")
    below_alpha_count = models.PositiveIntegerField(default=0)
    posed_count = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="All counts of the manifest, what was left out included.")
    heartbeat_at = models.DateTimeField(null=True, help_text="Last sign of life of the freeze.")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    frozen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="snapshot_frozen_has_manifest",
                condition=~Q(status="frozen") | Q(manifest__isnull=False, frozen_at__isnull=False),
            ),
            models.CheckConstraint(name="snapshot_alpha_range", condition=Q(alpha__gte=0, alpha__lte=1)),
        ]

    def __str__(self) -> str:
        return f"snapshot of iteration {self.iteration}, r ≥ {self.alpha}"


class Shard(models.Model):
    """One file of a snapshot (WebDataset shard or Parquet index), in order."""

    class Kind(models.TextChoices):
        EXAMPLES = "examples"
        INDEX = "index"
        PAIRS = "pairs"

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="shards")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    row_count = models.PositiveIntegerField()
    last_key = models.CharField(
        max_length=60, blank=True, help_text="Walk key of the last example: a resumed freeze goes on after it."
    )

    class Meta:
        constraints = [models.UniqueConstraint(name="shard_number_once", fields=["snapshot", "kind", "number"])]

    def __str__(self) -> str:
        return self.name
