"""Admin pages of generation."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from engine.generation.models import Candidate, Collection, GenerationRequest, GenerationRun
from engine.read_only_admin import ReadOnlyInline, ReadOnlyModelAdmin
from engine.storage.services import signed_url


class RunInline(ReadOnlyInline):
    """Runs of a request."""

    model = GenerationRun
    fields = ("generator", "status", "attempt", "duration_ms", "worker", "error", "ended_at")
    show_change_link = True


class CandidateInline(ReadOnlyInline):
    """Candidates of a run."""

    model = Candidate
    fields = ("seed", "vertex_count", "face_count", "watertight", "parameters")
    show_change_link = True


@admin.register(Collection)
class CollectionAdmin(ReadOnlyModelAdmin):
    """The collection step of each iteration."""

    list_display = (
        "iteration",
        "alpha",
        "suite",
        "widening",
        "max_rounds",
        "model_version_id",
        "opened_at",
        "closed_at",
    )


@admin.register(GenerationRequest)
class GenerationRequestAdmin(ReadOnlyModelAdmin):
    """Rounds of candidates."""

    list_display = (
        "id",
        "target_id",
        "iteration",
        "modality",
        "round",
        "status",
        "run_count",
        "created_at",
        "closed_at",
    )
    list_filter = ("status", "round", "modality")
    list_select_related = ("collection",)
    search_fields = ("=id", "=target__id")
    inlines = [RunInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GenerationRequest]:
        """With the number of runs, in the same query."""
        queryset: QuerySet[GenerationRequest] = super().get_queryset(request)
        return queryset.annotate(run_count=Count("runs"))

    @admin.display(ordering="collection__iteration")
    def iteration(self, request: GenerationRequest) -> int:
        """Of the collection."""
        return request.collection.iteration

    @admin.display(description="runs")
    def run_count(self, request: Any) -> int:
        """Generators asked."""
        return int(request.run_count)


@admin.register(GenerationRun)
class GenerationRunAdmin(ReadOnlyModelAdmin):
    """What each generator was asked and how it ended."""

    list_display = ("id", "generator", "status", "attempt", "duration_ms", "worker", "error", "created_at", "ended_at")
    list_filter = ("status", "generator", "attempt")
    search_fields = ("=id", "=request__id")
    inlines = [CandidateInline]


@admin.register(Candidate)
class CandidateAdmin(ReadOnlyModelAdmin):
    """Proposed shapes."""

    list_display = ("id", "target_id", "generator", "seed", "face_count", "watertight", "created_at")
    list_filter = ("generator", "watertight")
    search_fields = ("=id", "=target__id")
    list_select_related = ("mesh",)
    readonly_fields = ("mesh_file",)

    @admin.display(description="mesh file")
    def mesh_file(self, candidate: Candidate) -> SafeString:
        """A link that is signed now."""
        url = signed_url(blob=candidate.mesh, filename=f"{candidate.id}.glb")
        return format_html('<a href="{}">GLB</a>', url)
