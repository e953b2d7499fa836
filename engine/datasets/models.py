"""Frozen snapshots of D+, r, D- (paper 3.2.2, Algorithm 1 lines 13 and 14)."""

import uuid

from django.db import models
from django.db.models import Q

from engine.storage.models import Blob


class Snapshot(models.Model):
    """An immutable export: the manifest's digest names it, the manifest names every shard by digest."""

    class Status(models.TextChoices):
        FREEZING = "freezing"
        FROZEN = "frozen"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    iteration = models.PositiveIntegerField(unique=True)
    alpha = models.FloatField(help_text="α_k: a filter on ratings, applied here and nowhere else.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.FREEZING)
    cutoff_at = models.DateTimeField(help_text="Judgements up to this instant are in.")
    manifest = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    example_count = models.PositiveIntegerField(default=0, help_text="D+")
    negative_count = models.PositiveIntegerField(default=0, help_text="D-: distinct losers")
    direct_pair_count = models.PositiveIntegerField(default=0)
    inferred_pair_count = models.PositiveIntegerField(default=0)
    below_alpha_count = models.PositiveIntegerField(default=0)
    posed_count = models.PositiveIntegerField(default=0)
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

    class Meta:
        constraints = [models.UniqueConstraint(name="shard_number_once", fields=["snapshot", "kind", "number"])]

    def __str__(self) -> str:
        return self.name
