"""Which photographs people get to see at all: resolution, sharpness, contrast, artefacts (paper A.1).

Limits are `LATHE_SCREENING`; a limit of 0 switches its filter off. Near-duplicates and photographs without a salient
object are found elsewhere and refused by the same rows (`refusals.py`).
"""

from dataclasses import dataclass

from engine.sourcing.models import RefusalReason
from engine.sourcing.quality import Quality


@dataclass(frozen=True)
class Limits:
    """What passes: at least, or for blockiness at most, this much."""

    min_side_px: float
    min_sharpness: float
    min_contrast: float
    max_blockiness: float
    near_duplicate_bits: float


@dataclass(frozen=True)
class Finding:
    """A reason to refuse, with what was measured and what would have passed."""

    reason: RefusalReason
    value: float
    limit: float


def screen(*, width_px: int, height_px: int, quality: Quality, limits: Limits) -> list[Finding]:
    """Everything that speaks against a photograph; nothing where it passes."""
    least = [
        (RefusalReason.LOW_RESOLUTION, float(min(width_px, height_px)), limits.min_side_px),
        (RefusalReason.BLURRED, quality.sharpness, limits.min_sharpness),
        (RefusalReason.LOW_CONTRAST, quality.contrast, limits.min_contrast),
    ]
    findings = [Finding(reason, value, limit) for reason, value, limit in least if value < limit]
    if 0 < limits.max_blockiness < quality.blockiness:
        findings.append(Finding(RefusalReason.ARTEFACTS, quality.blockiness, limits.max_blockiness))
    return findings
