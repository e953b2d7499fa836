"""What an evaluation says: samples, what was skipped, means with intervals; and its JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from training_loop.evaluation.bootstrap import Estimate, bootstrap_mean
from training_loop.evaluation.pairing import Skip

FORMAT = "lathe.evaluation/2"


@dataclass(frozen=True)
class MetricInfo:
    """How a metric is called in tables, which way is better, how many decimals say something, and its worst value.

    The worst value is what a failed prediction counts; None where there is no bound.
    """

    label: str
    higher_is_better: bool
    decimals: int = 4
    worst: float | None = None


# The largest distance between two points of [-1, 1]³.
DIAGONAL = 2 * 3**0.5

# In the order of the paper's tables.
METRICS = {
    "f1_at_0p01": MetricInfo("F1@0.01", True, worst=0.0),
    "voxel_iou": MetricInfo("vIoU", True, worst=0.0),
    "chamfer_l2": MetricInfo("Chamfer", False, worst=DIAGONAL),
    "emd": MetricInfo("EMD", False, worst=DIAGONAL),
    "solid_iou": MetricInfo("solid IoU", True, worst=0.0),
    "iou_3d": MetricInfo("3D IoU", True, worst=0.0),
    "icp_rot_deg": MetricInfo("ICP-Rot °", False, 2, worst=180.0),
    "add_s": MetricInfo("ADD-S", False),
    "add_s_at_0p1": MetricInfo("ADD-S@0.1", True, worst=0.0),
    "iou_2d": MetricInfo("2D IoU", True, worst=0.0),
}


def metric_info(name: str) -> MetricInfo:
    """Known metrics; refined ones are those of refined poses, others come from plug-ins, where more is better."""
    if name.startswith("refined_"):
        base = metric_info(name.removeprefix("refined_"))
        return replace(base, label=f"{base.label}, refined")
    return METRICS.get(name, MetricInfo(name, True))


@dataclass(frozen=True)
class SampleResult:
    """One sample.

    Attributes:
        metrics: by name; those that could be measured, and the worst value where the prediction failed.
        failed: metrics that the prediction failed to give: it is missing, or nothing can be measured of it.
        registration: rotation in degrees, residual with and without it, and the start it came from (D.3.1's ICP).
        refinement: `accepted` or the reason why a refined pose was refused; None where none was tried.
        notes: what is unusual about the meshes.
        pictures: name → WebP, for the page; not part of the JSON.
    """

    stem: str
    metrics: dict[str, float]
    failed: tuple[str, ...] = ()
    registration: dict[str, float] | None = None
    refinement: str | None = None
    notes: tuple[str, ...] = ()
    pictures: dict[str, bytes] = field(default_factory=dict, repr=False)


def failure(stem: str, names: Iterable[str]) -> SampleResult:
    """The result of a prediction that fails to give these metrics."""
    failed = tuple(names)
    worst = {name: metric_info(name).worst for name in failed}
    return SampleResult(stem, {name: value for name, value in worst.items() if value is not None}, failed)


@dataclass(frozen=True)
class Summary(Estimate):
    """The mean over samples, failed predictions at the worst value, so that nobody gains by failing.

    Attributes:
        failed: how many predictions failed; where the metric has no worst value, they are not among `count`.
        measured_mean: of the others alone; None where all failed.
    """

    failed: int = 0
    measured_mean: float | None = None


@dataclass(frozen=True)
class Report:
    """A whole evaluation."""

    settings: dict[str, Any]
    samples: tuple[SampleResult, ...]
    skips: tuple[Skip, ...]
    summary: dict[str, Summary]

    @property
    def measured(self) -> int:
        """Samples of which something was measured."""
        return sum(not sample.failed or bool(set(sample.metrics) - set(sample.failed)) for sample in self.samples)

    @property
    def failed(self) -> int:
        """Samples whose prediction failed to give something."""
        return sum(bool(sample.failed) for sample in self.samples)

    @property
    def unmeasured(self) -> int:
        """Stems that nobody can be blamed for: without a usable ground truth, they enter no mean."""
        return len({skip.stem for skip in self.skips} - {sample.stem for sample in self.samples})

    @property
    def refinements(self) -> dict[str, int]:
        """How many refined poses were accepted, and how many refused."""
        tried = [sample.refinement for sample in self.samples if sample.refinement is not None]
        return {"accepted": tried.count("accepted"), "refused": len(tried) - tried.count("accepted")} if tried else {}

    def to_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`; the same for the same input, whatever the machine's speed."""
        return {
            "format": FORMAT,
            "settings": self.settings,
            "counts": {
                "measured": self.measured,
                "failed": self.failed,
                "unmeasured": self.unmeasured,
                "skips": len(self.skips),
                **{f"refinements_{name}": count for name, count in self.refinements.items()},
            },
            "summary": {name: asdict(estimate) for name, estimate in self.summary.items()},
            "samples": [
                {
                    "stem": sample.stem,
                    "metrics": sample.metrics,
                    "failed": list(sample.failed),
                    "registration": sample.registration,
                    "refinement": sample.refinement,
                    "notes": list(sample.notes),
                }
                for sample in self.samples
            ],
            "skips": [asdict(skip) for skip in self.skips],
        }


def make_report(
    samples: Sequence[SampleResult], skips: Sequence[Skip], *, settings: dict[str, Any], seed: int
) -> Report:
    """Summarise: every metric over the samples that have it, or should have it."""
    found = {name for sample in samples for name in sample.metrics}
    known = [name for prefix in ("", "refined_") for name in (prefix + metric for metric in METRICS) if name in found]
    names = [*known, *sorted(found - set(known))]
    summary = {name: _summary(name, samples, seed) for name in names}
    return Report(settings, tuple(samples), tuple(sorted(skips, key=lambda skip: (skip.stem, skip.part))), summary)


def _summary(name: str, samples: Sequence[SampleResult], seed: int) -> Summary:
    estimate = bootstrap_mean([sample.metrics[name] for sample in samples if name in sample.metrics], seed=seed)
    measured = [s.metrics[name] for s in samples if name in s.metrics and name not in s.failed]
    return Summary(
        **vars(estimate),
        failed=sum(name in sample.failed for sample in samples),
        measured_mean=bootstrap_mean(measured, seed=seed, resamples=1).mean if measured else None,
    )
