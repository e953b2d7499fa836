"""How large the miniature is, and what is left out of it in an ablation."""

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Settings:
    """One flywheel.

    Attributes:
        alphas: α_k of each iteration, on the scale of the oracle's rating (solid IoU).
        candidates: N. model_share: of the N, how many come from the current model; the rest is retrieved.
        searched: where the winner is below α_k, so many candidates of the model are ranked by the implicit reward of
            the last DPO and the best `candidates` shown anew (A.7); 0 searches nothing.
        artists_share: of the targets, the worst that the model cannot solve, which get their truth.
        use_alpha, use_dpo: False keeps every winner, leaves DPO out.
        agreement: how often two annotators give the same answer.
        sft, dpo: changed fields of the recipes `mini_sft` and `mini_dpo`.
    """

    alphas: tuple[float, ...] = (0.2, 0.25, 0.3, 0.35)
    targets: int = 256
    candidates: int = 8
    model_share: float = 0.75
    searched: int = 0
    artists_share: float = 0.0
    use_alpha: bool = True
    use_dpo: bool = True
    agreement: float = 0.75
    rating_noise: float = 0.04
    sampler_steps: int = 12
    shapes: int = 4000
    evaluated: int = 96
    measured_meshes: int = 32
    metric_points: int = 100_000
    matches: int = 1
    sft: dict[str, Any] = field(default_factory=lambda: {"steps": 200, "batch_size": 128})
    dpo: dict[str, Any] = field(default_factory=lambda: {"steps": 100, "batch_size": 48})


def tiny() -> Settings:
    """What two CPU cores turn in a minute: it shows the machinery, not a result."""
    return Settings(
        alphas=(0.02, 0.03),
        targets=3,
        candidates=3,
        sampler_steps=4,
        shapes=16,
        evaluated=2,
        measured_meshes=1,
        metric_points=2048,
        sft={"steps": 2, "batch_size": 4, "precision": "fp32"},
        dpo={"steps": 2, "batch_size": 2, "precision": "fp32"},
    )


def ablations(base: Settings) -> dict[str, Settings]:
    """The flywheel as it is, and with one thing changed."""
    return {
        "N = 8": base,
        "N = 2": replace(base, candidates=2),
        "N = 50 by reward": replace(base, searched=50),
        "no DPO": replace(base, use_dpo=False),
        "no ensemble": replace(base, model_share=1.0),
        "no α": replace(base, use_alpha=False),
        "artists on 2 %": replace(base, artists_share=0.02),
    }
