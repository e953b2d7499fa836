"""Admin pages of Stage 3."""

from django.contrib import admin

from engine.alignment.models import Alignment, AssistanceUse
from engine.read_only_admin import ReadOnlyModelAdmin


@admin.register(Alignment)
class AlignmentAdmin(ReadOnlyModelAdmin):
    list_display = (
        "target",
        "candidate",
        "silhouette_iou",
        "inlier_share",
        "not_alignable",
        "submitted_at",
        "scored_at",
    )
    list_filter = ("not_alignable", "point_map__source", "point_map__scale")
    list_select_related = ("target", "candidate")
    search_fields = ("work_item__id__exact", "target__id__exact")
    ordering = ("-submitted_at", "-work_item")


@admin.register(AssistanceUse)
class AssistanceUseAdmin(ReadOnlyModelAdmin):
    list_display = ("kind", "alignment", "silhouette_iou_before", "silhouette_iou_after", "kept")
    list_filter = ("kind", "kept")
    list_select_related = ("alignment",)
    ordering = ("-id",)
