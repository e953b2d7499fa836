"""Admin pages of snapshots: what is in them, and their files."""

from typing import Any

from django.contrib import admin

from engine.datasets.models import Shard, Snapshot
from engine.read_only_admin import ReadOnlyInline, ReadOnlyModelAdmin


class ShardInline(ReadOnlyInline):
    """The snapshot's files."""

    model = Shard
    fields = ("name", "kind", "row_count", "blob")
    ordering = ("kind", "number")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("blob")


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyModelAdmin):
    """Frozen D+, r, D-."""

    list_display = (
        "iteration",
        "status",
        "alpha",
        "example_count",
        "negative_count",
        "direct_pair_count",
        "inferred_pair_count",
        "below_alpha_count",
        "posed_count",
        "frozen_at",
    )
    list_filter = ("status",)
    search_fields = ("=iteration", "=manifest__sha256")
    ordering = ("-iteration",)
    inlines = (ShardInline,)
