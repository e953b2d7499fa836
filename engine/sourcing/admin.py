"""Admin pages of sourcing."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from engine.read_only_admin import ReadOnlyInline, ReadOnlyModelAdmin
from engine.sourcing.models import Image, MaskTask, PointMap, TargetObject
from engine.storage.services import signed_url


def thumbnail(image: Image, *, height_px: int = 48) -> SafeString:
    """The photograph, small; its URL is signed now."""
    return format_html(
        '<img src="{}" alt="" loading="lazy" height="{}" style="height:{}px;width:auto">',
        signed_url(blob=image.blob),
        height_px,
        height_px,
    )


class PointMapInline(ReadOnlyInline):
    """Point maps of an image."""

    model = PointMap
    fields = ("source", "scale", "valid_share", "fx", "fy", "cx", "cy", "created_at")


class TargetInline(ReadOnlyInline):
    """Targets of an image."""

    model = TargetObject
    fields = ("source", "category", "free_category", "mask_area_px", "state")
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[TargetObject]:
        queryset: QuerySet[TargetObject] = super().get_queryset(request)
        return queryset.defer("mask_counts")


@admin.register(Image)
class ImageAdmin(ReadOnlyModelAdmin):
    """Photographs with the measures of their quality."""

    list_display = ("picture", "source", "width_px", "height_px", "sharpness", "contrast", "brightness", "created_at")
    list_display_links = ("picture", "source")
    list_select_related = ("blob",)
    search_fields = ("source__startswith",)
    fields = (
        "large_picture",
        "source",
        "licence",
        "width_px",
        "height_px",
        "sharpness",
        "contrast",
        "brightness",
        "perceptual_hash",
        "blob",
        "created_at",
    )
    readonly_fields = fields
    inlines = (PointMapInline, TargetInline)

    @admin.display(description="")
    def picture(self, image: Image) -> SafeString:
        return thumbnail(image)

    @admin.display(description="")
    def large_picture(self, image: Image) -> SafeString:
        return thumbnail(image, height_px=360)


@admin.register(TargetObject)
class TargetObjectAdmin(ReadOnlyModelAdmin):
    """Target objects by state."""

    list_display = ("picture", "category", "free_category", "state", "state_changed_at", "mask_area_px", "source")
    list_display_links = ("picture", "category")
    list_filter = ("state", "category")
    list_select_related = ("image__blob",)
    search_fields = ("id", "image__source__startswith", "category__startswith")
    search_help_text = "An id, or the start of an image's source or of a category."
    exclude = ("mask_counts",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TargetObject]:
        queryset: QuerySet[TargetObject] = super().get_queryset(request)
        return queryset.defer("mask_counts")

    @admin.display(description="")
    def picture(self, target: TargetObject) -> SafeString:
        return thumbnail(target.image)


@admin.register(PointMap)
class PointMapAdmin(ReadOnlyModelAdmin):
    """Point maps."""

    list_display = ("image", "source", "scale", "valid_share", "fx", "created_at")
    list_filter = ("source", "scale")
    list_select_related = ("image",)
    search_fields = ("image__source__startswith",)


@admin.register(MaskTask)
class MaskTaskAdmin(ReadOnlyModelAdmin):
    """Stage 1 judgements."""

    list_display = ("work_item_id", "picture", "category", "wants_proposal", "verdict", "discard_reason", "item_state")
    list_filter = ("verdict", "discard_reason", "wants_proposal", "work_item__state")
    list_select_related = ("work_item", "image__blob", "target")
    exclude = ("refined_counts", "proposed_counts")

    @admin.display(description="")
    def picture(self, task: MaskTask) -> SafeString:
        return thumbnail(task.image)

    @admin.display(description="category")
    def category(self, task: MaskTask) -> str:
        return task.target.category or task.target.free_category if task.target else ""

    @admin.display(description="work item")
    def item_state(self, task: MaskTask) -> Any:
        return task.work_item.state
