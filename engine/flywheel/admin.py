"""Admin pages of the flywheel: where each iteration stands, the lineage of checkpoints, the runs behind them."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from engine.flywheel.admin_actions import IterationActions, ModelVersionActions
from engine.flywheel.heldout import heldout_figures
from engine.flywheel.models import Iteration, ModelVersion, TrainingRun
from engine.flywheel.transitions import ORDER
from engine.flywheel.versions import ancestors_of
from engine.flywheel.voting import admin as voting_admin  # noqa: F401  (registers its pages)
from engine.read_only_admin import ReadOnlyInline, ReadOnlyModelAdmin


class TrainingRunInline(ReadOnlyInline):
    """The iteration's runs."""

    model = TrainingRun
    fields = ("purpose", "status", "attempt", "step", "total_steps", "produced", "error", "created_at", "ended_at")
    ordering = ("created_at",)
    show_change_link = True

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("produced")


@admin.register(Iteration)
class IterationAdmin(IterationActions, ReadOnlyModelAdmin):
    """Iterations with their timeline."""

    list_display = ("number", "standing", "alpha", "base", "outcome", "started_by", "started_at", "ended_at")
    list_filter = ("step", "failed")
    list_select_related = ("base", "started_by")
    ordering = ("-number",)
    search_fields = ("=number",)
    fields = (
        "number",
        "alpha",
        "timeline",
        "failure",
        "base",
        "collection",
        "snapshot",
        "sft_version",
        "dpo_version",
        "decision",
        "settings",
        "started_by",
        "started_at",
        "ended_at",
    )
    readonly_fields = ("timeline", "started_at")
    inlines = (TrainingRunInline,)

    @admin.display(description="step", ordering="step")
    def standing(self, iteration: Iteration) -> str:
        """The step; that it stopped there is said in words, for a cross beside every healthy row reads as a failure."""
        return f"stopped at {iteration.step}" if iteration.failed else iteration.step

    @admin.display(description="decision")
    def outcome(self, iteration: Iteration) -> str:
        return str(iteration.decision.get("outcome", ""))

    @admin.display(description="steps")
    def timeline(self, iteration: Iteration) -> SafeString:
        """Every step with its seconds, where it stands, and why one was left out."""
        reached = ORDER.index(Iteration.Step(iteration.step))
        rows = []
        for index, step in enumerate(ORDER[:-1]):
            seconds = iteration.step_seconds.get(step.value)
            state = "done" if index < reached else "failed" if iteration.failed else "now" if index == reached else ""
            if index > reached:
                state = ""
            note = iteration.skipped.get(step.value, "")
            rows.append((step.value, "skipped" if note else state, "" if seconds is None else f"{seconds:.1f} s", note))
        return format_html_join("", "<div><b>{}</b> {} {} {}</div>", rows)


@admin.register(ModelVersion)
class ModelVersionAdmin(ModelVersionActions, ReadOnlyModelAdmin):
    """Checkpoints with their lineage."""

    list_display = ("name", "promoted", "stage", "parent_link", "recipe", "heldout", "snapshot", "created_at")
    list_filter = ("promoted", "stage", "recipe")
    list_select_related = ("parent", "snapshot")
    search_fields = ("name", "=id")
    ordering = ("-created_at",)
    fields = (
        "name",
        "lineage",
        "stage",
        "recipe",
        "snapshot",
        "checkpoint",
        "metrics",
        "promoted",
        "promoted_at",
        "created_at",
    )
    readonly_fields = ("lineage", "created_at")

    def get_object(self, request: Any, object_id: str, from_field: str | None = None) -> Any:
        """With its lineage, which the page's template asks for many times."""
        version = super().get_object(request, object_id, from_field)
        if version is not None:
            version.above, version.below = ancestors_of(version), list(version.children.order_by("created_at"))
        return version

    @admin.display(description="parent", ordering="parent__name")
    def parent_link(self, version: ModelVersion) -> SafeString | str:
        return _link(version.parent) if version.parent else ""

    @admin.display(description="held-out metrics")
    def heldout(self, version: ModelVersion) -> str:
        return heldout_figures(version.metrics)

    @admin.display(description="lineage")
    def lineage(self, version: Any) -> SafeString:
        """From the first checkpoint down to this one, then its children."""
        above = format_html_join(" → ", "{}", ((_link(ancestor),) for ancestor in version.above))
        below = format_html_join(", ", "{}", ((_link(child),) for child in version.below))
        arrow = " → " if version.above else ""
        return format_html("{}{}<b>{}</b>{}{}", above, arrow, version.name, " → " if below else "", below)


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyModelAdmin):
    """Calls of trainers and evaluators."""

    list_display = ("purpose", "iteration", "status", "attempt", "progress", "produced", "created_at", "ended_at")
    list_filter = ("status", "kind", "purpose")
    list_select_related = ("iteration", "produced")
    search_fields = ("=id", "=iteration__number", "error")
    ordering = ("-created_at",)

    @admin.display(description="progress")
    def progress(self, run: TrainingRun) -> str:
        return f"{run.step} of {run.total_steps}" if run.total_steps else ""


def _link(version: ModelVersion) -> SafeString:
    url = reverse("admin:flywheel_modelversion_change", args=[version.pk])
    return format_html('<a href="{}">{}</a>', url, version.name)
