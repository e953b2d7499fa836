"""The demo's report for people: tables of what went in, what was judged, what was learned."""

from typing import Any

from rich.console import Console
from rich.table import Table


def print_report(report: dict[str, Any], *, console: Console) -> None:
    """Print the tables of `var/demo/report.json`."""
    console.rule("What went in")
    states = ", ".join(f"{count} {state}" for state, count in report["targets"]["by_state"].items())
    console.print(f"{report['images']} photographs, {report['targets']['total']} targets ({states})")
    console.print(_candidates(report["candidates"]["groups"]))
    console.rule("What people judged")
    console.print(_judgements(report))
    console.rule("What was frozen")
    console.print(_snapshots(report["snapshots"]))
    console.rule("What was learned")
    console.print(_versions(report["model_versions"]))
    console.print(_decisions(report["iterations"]))
    console.rule("Where the time went")
    console.print(_seconds(report))


def _table(*columns: str, numbers: int = 0) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index >= len(columns) - numbers else "left")
    return table


def _candidates(groups: list[dict[str, Any]]) -> Table:
    table = _table("iteration", "of", "generator", "checkpoint", "candidates", numbers=1)
    for group in groups:
        table.add_row(
            str(group["iteration"] or "artists"),
            group["modality"],
            group["generator"],
            group["model_version"] or "–",
            str(group["count"]),
        )
    return table


def _judgements(report: dict[str, Any]) -> Table:
    selections, alignments = report["selections"], report["alignments"]
    table = _table("what", "count", numbers=1)
    masks = report["masks"]
    table.add_row("proposed masks", str(masks["proposed"]))
    for verdict, count in masks["by_verdict"].items():
        reasons = ", ".join(masks["discarded_for"]).replace("_", " ") if verdict == "discard" else ""
        table.add_row(f"  {verdict}" + (f" ({reasons})" if reasons else ""), str(count))
    table.add_row("comparisons", str(report["comparisons"]))
    table.add_row("selections accepted (r ≥ α)", str(selections["accepted"]))
    table.add_row("selections rejected (r < α)", str(selections["rejected"]))
    textures = report["texture_selections"]
    if textures["rated"]:
        table.add_row("textures accepted (r ≥ α)", str(textures["accepted"]))
        table.add_row("textures rejected (r < α)", str(textures["rejected"]))
    table.add_row("poses", str(alignments["posed"]))
    table.add_row("  mean silhouette IoU", _number(alignments["mean_silhouette_iou"]))
    table.add_row("  mean share of points on the surface", _number(alignments["mean_inlier_share"]))
    for row in report["second_opinions"]:
        what = "gold tasks" if row["purpose"] == "gold" else "second opinions"
        table.add_row(f"{what} ({row['stage']}) that agree", f"{row['agreeing']} of {row['compared']}")
    for row in report["evaluations"]:
        table.add_row(f"ballots on “{row['name']}” ({row['state']})", str(row["ballots"]))
    table.add_row("artist jobs", str(report["artist_jobs"]["total"]))
    for name, count in report["demo"]["crowd"]["tally"].items():
        if name in ("skipped", "lapsed", "superseded"):
            table.add_row(f"tasks {name}", str(count))
    return table


def _snapshots(snapshots: list[dict[str, Any]]) -> Table:
    table = _table(
        "iteration", "sha256", "α", "D+", "D-", "posed", "direct pairs", "inferred pairs", "below α", numbers=7
    )
    for row in snapshots:
        table.add_row(
            str(row["iteration"]),
            (row["sha256"] or row["status"])[:12],
            f"{row['alpha']:.2f}",
            *(str(row[key]) for key in ("positives", "negatives", "posed", "direct_pairs", "inferred_pairs")),
            str(row["below_alpha"]),
        )
    return table


def _versions(versions: list[dict[str, Any]]) -> Table:
    names = sorted({name for version in versions for name, value in version["metrics"].items() if _is_number(value)})
    table = _table("checkpoint", "parent", "stage", *names, "promoted", numbers=len(names) + 1)
    for version in versions:
        table.add_row(
            version["name"],
            version["parent"] or "–",
            version["stage"],
            *(_number(version["metrics"].get(name)) for name in names),
            "yes" if version["promoted"] else "",
        )
    return table


def _decisions(iterations: list[dict[str, Any]]) -> Table:
    table = _table("iteration", "decision")
    for row in iterations:
        table.add_row(str(row["number"]), str(row["decision"].get("reason") or row["decision"] or row["step"]))
    return table


def _seconds(report: dict[str, Any]) -> Table:
    steps = list(dict.fromkeys(step for row in report["iterations"] for step in row["seconds_by_step"]))
    table = _table("iteration", *steps, numbers=len(steps))
    for row in report["iterations"]:
        table.add_row(str(row["number"]), *(_number(row["seconds_by_step"].get(step), digits=0) for step in steps))
    return table


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any, *, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if _is_number(value) else "–"
