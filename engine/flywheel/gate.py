"""The promotion gate as pure functions: the new checkpoint against its base, on the same held-out sets.

Narrow fine-tuning loses generality. Trainings therefore sample data from before the iteration ahead of them and after
them; what they found comes in here as figures like any other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.flywheel.plan import GateRule

Metrics = Mapping[str, float | None]

LIBRARY = "regression_library"
CALLED = {
    LIBRARY: "solid IoU of held-out library shapes, sampled before and after training,",
    "regression_replay": "solid IoU of held-out examples of older snapshots, sampled before and after training,",
}


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


def on_earlier_data(
    trainings: Sequence[Metrics], *, tolerance: float | None
) -> tuple[dict[str, float | None], dict[str, float | None], tuple[GateRule, ...]]:
    """What to judge of forgetting: figures ahead of the first training, those after the last one, and their rules.

    `trainings` are the metrics of the iteration's trainings in order. No tolerance, no rule. Where nothing was measured
    there is still the rule about the library, which nobody meets.
    """
    if tolerance is None or not trainings:
        return {}, {}, ()
    before = {name.removesuffix("_before"): value for name, value in trainings[0].items() if _is(name, "_before")}
    after = {name.removesuffix("_after"): value for name, value in trainings[-1].items() if _is(name, "_after")}
    sets = sorted({LIBRARY, *before, *after})
    return before, after, tuple(GateRule(metric=name, tolerance=tolerance) for name in sets)


def _is(name: str, ending: str) -> bool:
    return name.startswith("regression_") and name.endswith(ending)


def _row(base: float | None, new: float | None, rule: GateRule) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": rule.metric, "better": rule.better, "tolerance": rule.tolerance}
    called = CALLED.get(rule.metric, rule.metric)
    if base is None or new is None or not (math.isfinite(base) and math.isfinite(new)):
        missing = "the base" if base is None or not math.isfinite(base) else "the new checkpoint"
        says = f"{called} was not measured for {missing}"
        return row | {"base": base, "new": new, "worse_by": None, "passed": False, "says": says}
    worse_by = base - new if rule.better == "higher" else new - base
    change = f"worse by {worse_by:.4f} (allowed {rule.tolerance:g})" if worse_by > 0 else f"better by {-worse_by:.4f}"
    says = f"{called} {base:.4f} → {new:.4f}, {change}"
    return row | {"base": base, "new": new, "worse_by": worse_by, "passed": worse_by <= rule.tolerance, "says": says}
