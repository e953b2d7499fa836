"""Admin pages of Stage 2: what was chosen, and how."""

from django.contrib import admin

from engine.read_only_admin import ReadOnlyInline, ReadOnlyModelAdmin
from engine.selection.models import Comparison, Presentation, Selection, Tournament


class ComparisonInline(ReadOnlyInline):
    model = Comparison
    fields = ("sequence", "left", "right", "answer", "stayed", "coin_seed", "undoes", "duration_ms", "answered_at")
    ordering = ("sequence",)
    select_related = ("left", "right", "stayed", "undoes")


class PresentationInline(ReadOnlyInline):
    model = Presentation
    fields = ("order", "candidate", "load_failures", "id")
    ordering = ("order",)
    select_related = ("candidate",)


class TournamentInline(ReadOnlyInline):
    model = Tournament
    fk_name = "selection"
    fields = ("annotator", "seed", "started_at")
    select_related = ("annotator",)
    ordering = ("id",)
    show_change_link = True


@admin.register(Selection)
class SelectionAdmin(ReadOnlyModelAdmin):
    list_display = ("target", "modality", "round", "winner", "rating", "alpha", "failure_reason", "rated_at")
    list_filter = ("request__modality", "failure_reason", "rubric_version", "request__collection__iteration")
    list_select_related = ("target", "request", "winner")
    search_fields = ("work_item__id__exact", "target__id__exact")
    ordering = ("-rated_at", "-work_item")
    inlines = (TournamentInline,)

    @admin.display(ordering="request__round")
    def round(self, selection: Selection) -> int:
        return selection.request.round


@admin.register(Tournament)
class TournamentAdmin(ReadOnlyModelAdmin):
    list_display = ("selection", "annotator", "started_at")
    list_select_related = ("selection", "annotator")
    search_fields = ("selection__work_item__id__exact", "annotator__username")
    ordering = ("-id",)
    inlines = (PresentationInline, ComparisonInline)
