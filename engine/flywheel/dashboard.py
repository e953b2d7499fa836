"""What the first page of the admin shows: the iteration, the targets, who makes the candidates, the checkpoints."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from engine.contracts.generation import Modality
from engine.flywheel.heldout import heldout_figures
from engine.flywheel.models import Iteration, ModelVersion
from engine.flywheel.transitions import ORDER
from engine.generation.models import Candidate
from engine.lifecycle import State
from engine.sourcing.models import TargetObject

MOST_VERSIONS = 5


def add_flywheel(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """django-unfold's DASHBOARD_CALLBACK. Four queries."""
    iteration = Iteration.objects.select_related("snapshot").order_by("-number").first()
    return context | {
        "iteration": iteration,
        "iteration_url": reverse("admin:flywheel_iteration_change", args=[iteration.pk]) if iteration else "",
        "steps": _steps(iteration) if iteration else [],
        "targets": _targets(),
        "generators": _generators(iteration),
        "versions": _versions(),
    }


def _steps(iteration: Iteration) -> list[dict[str, str]]:
    reached = ORDER.index(Iteration.Step(iteration.step))
    steps = []
    for index, step in enumerate(ORDER[:-1]):
        note = iteration.skipped.get(step.value, "")
        state = "done" if index < reached else "now" if index == reached else ""
        if index == reached and iteration.failed:
            state, note = "failed", iteration.failure
        seconds = iteration.step_seconds.get(step.value)
        steps.append(
            {
                "name": step.value,
                "state": "skipped" if note and state == "done" else state,
                "seconds": "" if seconds is None else f"{seconds:.0f} s",
                "note": note,
            }
        )
    return steps


def _targets() -> dict[str, Any]:
    counts = dict(TargetObject.objects.order_by("state").values_list("state").annotate(Count("id")))
    return {
        "headers": ["state", "targets"],
        "rows": [[state.value.replace("_", " "), counts[state]] for state in State if counts.get(state)],
    }


def _generators(iteration: Iteration | None) -> dict[str, Any]:
    """Shares in the collection of this iteration: the paper's own model ends up making most of them (3.2.1)."""
    rows: list[tuple[str, int]] = []
    if iteration is not None and iteration.collection_id is not None:
        made = Candidate.objects.filter(
            run__request__collection_id=iteration.collection_id, run__request__modality=Modality.SHAPE
        )
        rows = list(made.order_by("generator").values_list("generator").annotate(Count("id")))
    total = sum(count for _, count in rows)
    return {
        "headers": ["generator", "candidates", "share"],
        "rows": [[name, count, f"{count / total:.0%}"] for name, count in rows],
    }


def _versions() -> dict[str, Any]:
    versions = ModelVersion.objects.select_related("parent").order_by("-created_at")[:MOST_VERSIONS]
    return {
        "headers": ["model version", "parent", "stage", "held-out", "promoted"],
        "rows": [
            [
                version.name,
                version.parent.name if version.parent else "",
                version.stage,
                heldout_figures(version.metrics),
                "✓" if version.promoted else "",
            ]
            for version in versions
        ],
    }
