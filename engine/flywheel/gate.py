"""The promotion gate as a pure function: the new checkpoint against its base, on the same held-out set."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.flywheel.plan import GateRule

Metrics = Mapping[str, float | None]


@dataclass(frozen=True)
class Verdict:
    """Whether to promote, why (one sentence), and the numbers of every rule."""

    promote: bool
    reason: str
    rules: tuple[dict[str, Any], ...]


def judge(*, base: Metrics, new: Metrics, rules: Sequence[GateRule]) -> Verdict:
    """Promote if `new` is worse than `base` by at most the tolerance in every rule's metric.

    A metric that is missing or not finite on either side fails its rule: what was not measured is not promoted.
    """
    rows = tuple(_row(base.get(rule.metric), new.get(rule.metric), rule) for rule in rules)
    failed = [row for row in rows if not row["passed"]]
    if failed:
        return Verdict(promote=False, reason="; ".join(row["says"] for row in failed), rules=rows)
    return Verdict(promote=True, reason="; ".join(row["says"] for row in rows), rules=rows)


def _row(base: float | None, new: float | None, rule: GateRule) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": rule.metric, "better": rule.better, "tolerance": rule.tolerance}
    if base is None or new is None or not (math.isfinite(base) and math.isfinite(new)):
        missing = "the base" if base is None or not math.isfinite(base) else "the new checkpoint"
        says = f"{rule.metric} was not measured for {missing}"
        return row | {"base": base, "new": new, "worse_by": None, "passed": False, "says": says}
    worse_by = base - new if rule.better == "higher" else new - base
    change = f"worse by {worse_by:.4f} (allowed {rule.tolerance:g})" if worse_by > 0 else f"better by {-worse_by:.4f}"
    says = f"{rule.metric} {base:.4f} → {new:.4f}, {change}"
    return row | {"base": base, "new": new, "worse_by": worse_by, "passed": worse_by <= rule.tolerance, "says": says}
