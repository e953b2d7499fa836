"""A report as one page that needs nothing else: styles, script and pictures are in it."""

import base64
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from training_loop.evaluation.bootstrap import Estimate
from training_loop.evaluation.pictures import FAR, SCALE
from training_loop.evaluation.results import Report, SampleResult, metric_info
from training_loop.evaluation.text_report import FAILED, counts_text, format_value

TEMPLATE = Path(__file__).with_name("report.html")
BINS = 24
REFINED = "refined_"

PICTURE_TEXTS = {
    "truth": "ground truth",
    "prediction": "registered prediction",
    "distance": "distance to the ground truth",
    "silhouette": "silhouette on the mask",
}
SETTING_TEXTS = {
    "points": "points on each surface",
    "seed": "seed",
    "emd_cells": "cells of the EMD",
    "registered": "registered by ICP",
    "refine": "poses refined",
    "metrics": "metrics of plug-ins",
}


def html_report(report: Report, *, title: str) -> str:
    """The page."""
    counts = counts_text(report).replace(", ", " · ")
    if report.refinements:
        counts += f" · poses refined: {report.refinements['accepted']}, refused: {report.refinements['refused']}"
    names = [name for name in report.summary if not name.startswith(REFINED)]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        counts=escape(counts),
        cards="".join(_card(report, name) for name in names) or "<p>Nothing could be measured.</p>",
        skips=_skips(report),
        legend=_legend(report),
        samples=_samples(report, names),
        settings="".join(
            f"<dt>{escape(SETTING_TEXTS.get(name, name))}</dt><dd>{escape(_setting(value))}</dd>"
            for name, value in report.settings.items()
        ),
    )


def _card(report: Report, name: str) -> str:
    info, estimate = metric_info(name), report.summary[name]
    refined = report.summary.get(REFINED + name)
    extra = (
        "" if refined is None else f"<div>refined: {format_value(name, refined.mean)}</div>{_interval(name, refined)}"
    )
    if estimate.failed:
        without = "–" if estimate.measured_mean is None else format_value(name, estimate.measured_mean)
        counted = "at the worst value" if info.worst is not None else "without a worst value, not counted"
        extra += f'<div class="failed">{estimate.failed} failed, {counted}; {without} without them</div>'
    better = "higher is better" if info.higher_is_better else "lower is better"
    return (
        f'<div class="card"><div class="name"><strong>{escape(info.label)} '
        f'<span title="{better}">{"↑" if info.higher_is_better else "↓"}</span></strong>'
        f"<span>n = {estimate.count}</span></div>"
        f'<div class="mean">{format_value(name, estimate.mean)}</div>{_interval(name, estimate)}'
        f"{_histogram(name, estimate, [s.metrics[name] for s in report.samples if name in s.metrics])}{extra}</div>"
    )


def _interval(name: str, estimate: Estimate) -> str:
    text = "one sample, no interval"
    if estimate.low is not None:
        text = f"{format_value(name, estimate.low)} … {format_value(name, estimate.high)}"
    return f'<div class="soft">{text}</div>'


def _histogram(name: str, estimate: Estimate, values: list[float]) -> str:
    """How the samples are spread, with the mean and its interval above."""
    low, high = min(values), max(values)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    counts, _ = np.histogram(values, bins=BINS, range=(low, high))
    bars = "".join(
        f'<rect x="{index * 10 + 0.5:g}" y="{44 - 32 * count / counts.max():.1f}" width="9" '
        f'height="{32 * count / counts.max():.1f}"/>'
        for index, count in enumerate(counts)
        if count
    )

    def across(value: float) -> float:
        return float(np.clip((value - low) / (high - low), 0, 1)) * BINS * 10

    marks = f'<path d="M{across(estimate.mean):.1f} 1v10"/>'
    if estimate.low is not None and estimate.high is not None:
        marks += f'<line x1="{across(estimate.low):.1f}" x2="{across(estimate.high):.1f}" y1="6" y2="6"/>'
    text = f"samples from {format_value(name, min(values))} to {format_value(name, max(values))}"
    return (
        f'<svg viewBox="0 0 {BINS * 10} 46" preserveAspectRatio="none" role="img" aria-label="{text}">'
        f"<title>{text}</title>{bars}{marks}</svg>"
    )


def _skips(report: Report) -> str:
    if not report.skips:
        return ""
    rows = "".join(
        f'<tr><td class="word">{escape(skip.stem)}</td><td class="word">{escape(skip.part.replace("_", " "))}</td>'
        f'<td class="word reason">{escape(skip.reason)}</td></tr>'
        for skip in report.skips
    )
    return (
        f'<h2>Left out ({len(report.skips)})</h2><div class="scroll"><table><thead><tr><th class="word">sample</th>'
        f'<th class="word">part</th><th class="word">why</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _legend(report: Report) -> str:
    shown = {name for sample in report.samples for name in sample.pictures}
    parts = []
    if shown:
        if any(REFINED in name for name in report.summary):
            parts.append("<span>→ after refinement on the mask</span>")
        parts.append("<span>From left: " + ", ".join(PICTURE_TEXTS[n] for n in PICTURE_TEXTS if n in shown) + "</span>")
    if "distance" in shown:
        stops = ", ".join(f"rgb({r:.0f} {g:.0f} {b:.0f})" for r, g, b in SCALE)
        parts.append(
            f'<span>distance 0<b style="background:linear-gradient(90deg, {stops})"></b>{FAR:g} and more, '
            "in units of the fitted shape</span>"
        )
    if "silhouette" in shown:
        parts.append('<span><i style="background:#78808c"></i>both</span>')
        parts.append('<span><i style="background:#d6582e"></i>prediction alone</span>')
        parts.append('<span><i style="background:#3a65be"></i>mask alone</span>')
    return "".join(parts)


def _samples(report: Report, names: list[str]) -> str:
    pictured = any(sample.pictures for sample in report.samples)
    heads = ['<th class="word" data-kind="word"><button type="button">sample</button></th>']
    heads += ['<th class="word">pictures</th>'] if pictured else []
    heads += [f'<th><button type="button">{escape(metric_info(name).label)}</button></th>' for name in names]
    rows = "".join(_row(sample, names, pictured) for sample in report.samples)
    return f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{rows}</tbody>"


def _row(sample: SampleResult, names: list[str], pictured: bool) -> str:
    stem = escape(sample.stem)
    lines = []
    if sample.registration is not None:
        lines.append(f"ICP turned it by {sample.registration['rotation_deg']:.1f}°")
    if sample.refinement is not None:
        verdict = sample.refinement.replace("_", " ")
        kind = "" if sample.refinement == "accepted" else ' class="refused"'
        lines.append(f"<span{kind}>refined pose: {verdict}</span>")
    notes = "".join(f"<div>{line}</div>" for line in lines)
    if sample.notes:
        notes += f"<details><summary>meshes</summary>{'<br>'.join(escape(note) for note in sample.notes)}</details>"
    cells = [f'<td class="word" data-value="{stem}">{stem}<div class="notes">{notes}</div></td>']
    if pictured:
        images = "".join(
            f'<button type="button" title="{text}"><img alt="{stem}: {text}" '
            f'src="data:image/webp;base64,{base64.b64encode(sample.pictures[name]).decode()}"></button>'
            for name, text in PICTURE_TEXTS.items()
            if name in sample.pictures
        )
        cells.append(f'<td class="pictures">{images}</td>')
    for name in names:
        value, refined = sample.metrics.get(name), sample.metrics.get(REFINED + name)
        # The label stands before the value where there is no room for columns.
        says = f'data-label="{escape(metric_info(name).label)}" data-value="{"" if value is None else repr(value)}"'
        if name in sample.failed:
            cells.append(f'<td class="failed" {says}>{FAILED}</td>')
            continue
        after = "" if refined is None else f'<div class="soft">→ {format_value(name, refined)}</div>'
        cells.append(f"<td {says}>{format_value(name, value)}{after}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "left out"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
