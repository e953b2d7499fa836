"""A report as plain text, for terminals and logs."""

from collections.abc import Mapping, Sequence

from training_loop.evaluation.bootstrap import Estimate
from training_loop.evaluation.results import Report, SampleResult, Summary, metric_info

MAX_ROWS = 60
FAILED = "failed"


def text_report(report: Report) -> str:
    """Samples, what was skipped, and means with their intervals."""
    names = list(report.summary)
    parts = []
    if report.samples:
        rows = [[sample.stem, *(format_result(name, sample) for name in names)] for sample in report.samples[:MAX_ROWS]]
        parts.append(table(["sample", *(metric_info(name).label for name in names)], rows))
        if len(report.samples) > MAX_ROWS:
            parts.append(f"… {len(report.samples) - MAX_ROWS} more samples are in the JSON")
    if report.skips:
        parts.append(table(["skipped", "part", "why"], [[skip.stem, skip.part, skip.reason] for skip in report.skips]))
    if report.summary:
        parts.append(summary_table(report.summary))
    counts = counts_text(report)
    if report.refinements:
        counts += f"; refined poses: {report.refinements['accepted']} accepted, {report.refinements['refused']} refused"
    return "\n\n".join([*parts, counts])


def counts_text(report: Report) -> str:
    """How many samples there were, of each kind."""
    failed = f", {report.failed} with a failed prediction (at the worst value)" if report.failed else ""
    return f"{report.measured} measured{failed}, {report.unmeasured} not measured, {len(report.skips)} skips"


def summary_table(summary: Mapping[str, Estimate]) -> str:
    """Means with their intervals; where predictions failed, how many, and the mean of the others."""
    rows, header = [], ["metric", "mean", "95 % interval", "samples"]
    any_failed = any(isinstance(estimate, Summary) and estimate.failed for estimate in summary.values())
    for name, estimate in summary.items():
        info = metric_info(name)
        interval = "–"
        if estimate.low is not None:
            interval = f"{format_value(name, estimate.low)} … {format_value(name, estimate.high)}"
        better = "↑" if info.higher_is_better else "↓"
        row = [f"{info.label} {better}", format_value(name, estimate.mean), interval, str(estimate.count)]
        if any_failed and isinstance(estimate, Summary):
            row += [str(estimate.failed), format_value(name, estimate.measured_mean)]
        rows.append(row)
    return table([*header, "failed", "mean without them"] if any_failed else header, rows)


def format_result(name: str, sample: SampleResult) -> str:
    """What a sample says of a metric."""
    return FAILED if name in sample.failed else format_value(name, sample.metrics.get(name))


def format_value(name: str, value: float | None) -> str:
    """A value with the decimals of its metric."""
    return "–" if value is None else f"{value:.{metric_info(name).decimals}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell; numbers to the right, words to the left."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    numeric = [all(_is_number(row[column]) for row in rows) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        shown = zip(cells, widths, numeric, strict=True)
        return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in shown).rstrip()

    return "\n".join([line(header), "  ".join("─" * width for width in widths), *(line(row) for row in rows)])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell in ("–", FAILED)
    return True
