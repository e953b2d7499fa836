"""The flywheel on a terminal."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from rich.console import Console
from rich.table import Table

from engine.flywheel.heldout import heldout_figures
from engine.flywheel.models import Iteration, ModelVersion
from engine.flywheel.reporting import status
from engine.flywheel.transitions import ORDER

MOST_VERSIONS = 10


def print_status(console: Console) -> None:
    """Print the last iteration's steps, its run, and the model versions with their lineage."""
    now = status()
    iteration = now["iteration"]
    if iteration is None:
        console.print("No iteration yet. Start one: manage.py flywheel start --alpha 0.5")
    else:
        _print_iteration(console, iteration)
    versions = list(ModelVersion.objects.select_related("parent").order_by("-created_at")[:MOST_VERSIONS])
    if versions:
        console.print(_versions(versions))


def _print_iteration(console: Console, iteration: dict[str, Any]) -> None:
    steps = Table(title=f"Iteration {iteration['number']}, α = {iteration['alpha']:g}", title_justify="left")
    for heading in ("step", "state", "seconds", ""):
        steps.add_column(heading, justify="right" if heading == "seconds" else "left")
    reached = ORDER.index(Iteration.Step(iteration["step"]))
    for index, step in enumerate(ORDER[:-1]):
        skipped = iteration["skipped"].get(step.value, "")
        seconds = iteration["seconds_by_step"].get(step.value)
        if index == reached:
            entered_at = datetime.fromisoformat(iteration["step_entered_at"])
            seconds = (seconds or 0.0) + (timezone.now() - entered_at).total_seconds()
        state = "skipped" if skipped else "done" if index < reached else "now" if index == reached else ""
        if index == reached and iteration["failed"]:
            state, skipped = "failed", iteration["failure"]
        steps.add_row(step.value, state, "" if seconds is None else f"{seconds:.1f}", skipped)
    console.print(steps)
    run = iteration["run"]
    if run and run["status"] in ("waiting", "sent"):
        progress = f", step {run['step']} of {run['total_steps']}" if run["total_steps"] else ""
        console.print(f"{run['purpose']}: {run['status']}, attempt {run['attempt']}{progress}")
    if iteration["failed"]:
        console.print("Go on with: manage.py flywheel resume [--settings JSON] [--skip]")
    if iteration["decision"]:
        console.print(f"Decision: {iteration['decision']['outcome']}. {iteration['decision']['reason']}")


def _versions(versions: list[ModelVersion]) -> Table:
    table = Table(title="Model versions, newest first", title_justify="left")
    for heading in ("name", "parent", "stage", "held-out metrics", "promoted"):
        table.add_column(heading)
    for version in versions:
        parent = version.parent.name if version.parent else ""
        table.add_row(
            version.name, parent, version.stage, heldout_figures(version.metrics), "✓" if version.promoted else ""
        )
    return table
