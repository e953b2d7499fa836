"""Admin pages of sourcing."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from engine.errors import LatheError
from engine.read_only_admin import ReadOnlyInline, ReadOnlyModelAdmin
from engine.sourcing import refusals
from engine.sourcing.models import (
    CurriculumPlan,
    CurriculumSettings,
    Image,
    ImageRefusal,
    MaskTask,
    PointMap,
    TargetObject,
)
from engine.storage.services import signed_url
from engine.workforce.models import Role
from engine.workforce.permissions import has_role, person_of


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


class RefusalInline(ReadOnlyInline):
    """Why an image goes to nobody."""

    model = ImageRefusal
    fk_name = "image"
    fields = ("reason", "value", "limit", "twin", "note", "created_at", "overridden_at", "overridden_by")
    select_related = ("twin", "overridden_by")


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

    list_display = (
        "picture",
        "source",
        "screening",
        "reasons",
        "width_px",
        "height_px",
        "sharpness",
        "contrast",
        "blockiness",
        "created_at",
    )
    list_display_links = ("picture", "source")
    list_filter = ("screening", "refusals__reason", "recognition")
    list_select_related = ("blob",)
    actions = ("take_in_all_the_same",)
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
        "blockiness",
        "perceptual_hash",
        "screening",
        "recognition",
        "blob",
        "created_at",
    )
    readonly_fields = fields
    inlines = (RefusalInline, PointMapInline, TargetInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        queryset: QuerySet[Image] = super().get_queryset(request).prefetch_related("refusals")
        return queryset

    def has_take_in_permission(self, request: HttpRequest) -> bool:
        """ML engineers and admins decide; other staff look on."""
        return has_role(person_of(request), Role.ML_ENGINEER, Role.ADMIN)

    @admin.action(description="Take in all the same (override the filters)", permissions=["take_in"])
    def take_in_all_the_same(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        """Override the refusals of the chosen images."""
        taken = 0
        for image in queryset:
            try:
                refusals.override_refusal(image_id=image.id, actor=person_of(request))
                taken += 1
            except LatheError as refusal:
                self.message_user(request, f"{image.source}: {refusal}", messages.WARNING)
        if taken:
            self.message_user(request, f"{taken} taken in.", messages.SUCCESS)

    @admin.display(description="refused for")
    def reasons(self, image: Image) -> str:
        return ", ".join(refusal.get_reason_display() for refusal in image.refusals.all())

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


@admin.register(CurriculumPlan)
class CurriculumPlanAdmin(ReadOnlyModelAdmin):
    """The distribution of objects over time; settings and plots are on the page Curriculum."""

    list_display = ("created_at", "progress", "done_objects", "waiting_objects", "moved_items")


@admin.register(CurriculumSettings)
class CurriculumSettingsAdmin(ReadOnlyModelAdmin):
    """Where the curriculum begins and ends; changed on its page, which plans by them at once."""

    list_display = ("goal_objects", "simple_at_start", "simple_at_end", "horizon", "changed_at")


@admin.register(ImageRefusal)
class ImageRefusalAdmin(ReadOnlyModelAdmin):
    """Why photographs go to nobody, and what was overridden by whom."""

    list_display = ("image", "reason", "value", "limit", "twin", "created_at", "overridden_at", "overridden_by")
    list_filter = ("reason", ("overridden_at", admin.EmptyFieldListFilter))
    list_select_related = ("image", "twin", "overridden_by")
