"""Held-out figures of a model version, as people read them."""

from collections.abc import Mapping
from typing import Any


def heldout_figures(metrics: Mapping[str, Any]) -> str:
    """Every held-out mean by name, with its 95 % interval where there is one; from `ModelVersion.metrics`."""
    intervals = metrics.get("heldout_intervals", {})
    return ", ".join(
        f"{name} {value:.3f}" + _interval(intervals.get(name))
        for name, value in sorted(metrics.get("heldout", {}).items())
        if value is not None
    )


def _interval(interval: list[float] | None) -> str:
    return "" if interval is None else f" ({interval[0]:.3f} … {interval[1]:.3f})"
