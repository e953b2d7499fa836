"""What an evaluation says: samples, what was skipped, means with intervals; and its JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from training_loop.evaluation.bootstrap import Estimate, bootstrap_mean
from training_loop.evaluation.pairing import Skip

FORMAT = "lathe.evaluation/1"


@dataclass(frozen=True)
class MetricInfo:
    """How a metric is called in tables, which way is better, and how many decimals say something."""

    label: str
    higher_is_better: bool
    decimals: int = 4


# In the order of the paper's tables.
METRICS = {
    "f1_at_0p01": MetricInfo("F1@0.01", True),
    "voxel_iou": MetricInfo("vIoU", True),
    "chamfer_l2": MetricInfo("Chamfer", False),
    "emd": MetricInfo("EMD", False),
    "solid_iou": MetricInfo("solid IoU", True),
    "iou_3d": MetricInfo("3D IoU", True),
    "icp_rot_deg": MetricInfo("ICP-Rot °", False, 2),
    "add_s": MetricInfo("ADD-S", False),
    "add_s_at_0p1": MetricInfo("ADD-S@0.1", True),
    "iou_2d": MetricInfo("2D IoU", True),
}


def metric_info(name: str) -> MetricInfo:
    """Known metrics; refined ones are those of refined poses, others come from plug-ins, where more is better."""
    if name.startswith("refined_"):
        base = metric_info(name.removeprefix("refined_"))
        return MetricInfo(f"{base.label}, refined", base.higher_is_better, base.decimals)
    return METRICS.get(name, MetricInfo(name, True))


@dataclass(frozen=True)
class SampleResult:
    """One measured sample.

    Attributes:
        metrics: by name; only those that could be measured.
        registration: rotation in degrees, residual with and without it, and the start it came from (D.3.1's ICP).
        refinement: `accepted` or the reason why a refined pose was refused; None where none was tried.
        notes: what is unusual about the meshes.
        pictures: name → WebP, for the page; not part of the JSON.
    """

    stem: str
    metrics: dict[str, float]
    registration: dict[str, float] | None = None
    refinement: str | None = None
    notes: tuple[str, ...] = ()
    pictures: dict[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Report:
    """A whole evaluation."""

    settings: dict[str, Any]
    samples: tuple[SampleResult, ...]
    skips: tuple[Skip, ...]
    summary: dict[str, Estimate]

    @property
    def unmeasured(self) -> int:
        """Stems of which nothing at all was measured."""
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
                "measured": len(self.samples),
                "unmeasured": self.unmeasured,
                "skips": len(self.skips),
                **{f"refinements_{name}": count for name, count in self.refinements.items()},
            },
            "summary": {name: asdict(estimate) for name, estimate in self.summary.items()},
            "samples": [
                {
                    "stem": sample.stem,
                    "metrics": sample.metrics,
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
    """Summarise: every metric over the samples that have it."""
    found = {name for sample in samples for name in sample.metrics}
    known = [name for prefix in ("", "refined_") for name in (prefix + metric for metric in METRICS) if name in found]
    names = [*known, *sorted(found - set(known))]
    summary = {
        name: bootstrap_mean([sample.metrics[name] for sample in samples if name in sample.metrics], seed=seed)
        for name in names
    }
    return Report(settings, tuple(samples), tuple(sorted(skips, key=lambda skip: (skip.stem, skip.part))), summary)
