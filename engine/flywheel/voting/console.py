"""Evaluations on a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

from engine.flywheel.voting.models import Evaluation

MOST_LISTED = 50


def print_evaluations(console: Console) -> None:
    """Print the last evaluations, withdrawn ones too."""
    table = Table(title="Evaluations, newest first", title_justify="left")
    for heading in ("name", "set", "contenders", "state", "note"):
        table.add_column(heading)
    found = Evaluation.objects.select_related("set").prefetch_related("contenders").order_by("-registered_at")
    for evaluation in found[:MOST_LISTED]:
        names = sorted(evaluation.contenders.all(), key=lambda contender: contender.position)
        table.add_row(
            evaluation.name,
            evaluation.set.name,
            ", ".join(contender.name for contender in names),
            evaluation.state,
            evaluation.note,
        )
    console.print(table)


def print_results(console: Console, evaluation: Evaluation, found: dict[str, Any]) -> None:
    """Print ratings, best first, and what they rest on."""
    preliminary = "" if found["final"] else ", preliminary"
    table = Table(title=f"{evaluation.name}: {evaluation.state}{preliminary}", title_justify="left")
    for heading in ("rank", "contender", "Elo", "95 %", "won", "lost", "equal", "failed"):
        table.add_column(heading, justify="left" if heading == "contender" else "right")
    for row in sorted(found["contenders"], key=lambda row: -(row["elo"] or 0)):
        rated = row["elo"] is not None
        table.add_row(
            str(row["rank"]) if rated else "",
            row["name"] + (" (baseline)" if row["baseline"] else ""),
            f"{row['elo']:.0f}" if rated else "",
            f"{row['elo_low']:.0f} … {row['elo_high']:.0f}" if rated else "",
            str(row["wins"]),
            str(row["losses"]),
            str(row["ties"]),
            str(row["failed"]),
        )
    console.print(table)
    agreement = found["agreement"]["share"]
    console.print(
        f"{found['vote_count']} votes on {found['target_count']} targets, "
        f"{found['ballots_done']} of {found['ballots_wanted']} ballots"
        + ("" if agreement is None else f"; two people agree on {agreement:.0%} of pairs")
    )
    if found["problem"]:
        console.print(found["problem"])
    if evaluation.note:
        console.print(f"Note: {evaluation.note}")
