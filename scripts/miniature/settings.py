"""How large the miniature is, and what is left out of it in an ablation."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from training_loop.models.config import SHAPE

FULL = "N = 8"
ON_A_GPU = {"cuda_graph": True, "flush_every_steps": 20}


@dataclass(frozen=True)
class Settings:
    """One flywheel.

    Attributes:
        iterations: turns. α of the first is the `alpha_quantile` of its ratings, and rises by `alpha_step` every turn.
        targets: judged in every turn.
        candidates: N. model_share: of the N, how many come from the current model; of the others half are retrieved,
            half made from the object's name.
        searched: where the winner is below α, so many candidates of the model are ranked by the implicit reward of
            the last DPO and the best `shown` put before people (A.7); 0 searches nothing.
        artists_share: of the targets, the worst that the model cannot solve, which get their truth.
        use_alpha, use_dpo, use_collected: False keeps every winner, leaves DPO out, fine-tunes for as many steps on
            replay alone. own_winners: DPO prefers samples of the model to others of it, and nothing that another
            generator made.
        agreement: how often two annotators give the same answer; 0.5 is picking at random.
        strengths: of guidance, of which the one is used that suits the base best.
        shapes: of the library that the base knows; `collected` are others, to collect on. replay: pieces of targets
            kept to replay, of `piece` each.
        evaluated: targets of the world that are measured (and a share more of what it never shows). Of `meshes` of them
            the surfaces are compared: of every stage, of the first and the last model, or of the last alone
            (`surfaces`); of these two, of `more_meshes` times as many.
        epochs: how often a turn's fine-tuning sees every outcome that was kept so far.
        sft, dpo: changed fields of the recipes `mini_sft` and `mini_dpo`.
    """

    iterations: int = 8
    alpha_quantile: float = 0.1
    alpha_step: float = 0.01
    targets: int = 1024
    candidates: int = 8
    model_share: float = 0.5
    searched: int = 0
    shown: int = 8
    artists_share: float = 0.0
    use_alpha: bool = True
    use_dpo: bool = True
    use_collected: bool = True
    own_winners: bool = False
    agreement: float = 0.75
    rating_noise: float = 0.04
    sampler_steps: int = 12
    strengths: tuple[float, ...] = (3.0, 0.5, 1.0, 2.0)
    shapes: int = 2400
    collected: int = 1500
    replay: int = 4
    piece: int = 1024
    evaluated: int = 1536
    meshes: int = 60
    more_meshes: int = 4
    surfaces: Literal["every stage", "ends", "last"] = "last"
    metric_points: int = 100_000
    epochs: float = 1.5
    sft: dict[str, Any] = field(
        default_factory=lambda: {
            "weights": {SHAPE: 1.0},
            "batch_size": 96,
            "draws": 4,
            "library_share": 0.75,
            "optimiser.learning_rate": 6e-5,
            **ON_A_GPU,
        }
    )
    dpo: dict[str, Any] = field(default_factory=lambda: {"steps": 60, "batch_size": 64, **ON_A_GPU})


def tiny() -> Settings:
    """What a core turns in half a minute: it shows the machinery, not a result."""
    return Settings(
        iterations=2,
        targets=2,
        candidates=4,
        sampler_steps=2,
        strengths=(1.0,),
        shapes=8,
        collected=6,
        replay=1,
        piece=4,
        evaluated=2,
        meshes=2,
        more_meshes=1,
        metric_points=2048,
        epochs=2.0,
        sft={"weights": {SHAPE: 1.0}, "batch_size": 4, "precision": "fp32"},
        dpo={"steps": 2, "batch_size": 2, "precision": "fp32"},
    )


def variants(base: Settings) -> dict[str, Settings]:
    """The flywheel as it is, and with one thing changed; in the order of what matters most."""
    two = replace(base, candidates=2)
    return {
        FULL: replace(base, surfaces="every stage"),
        "picked at random": replace(base, agreement=0.5),
        "N = 2": two,
        "N = 2, then 50 by reward": replace(two, searched=50),
        "no DPO": replace(base, use_dpo=False),
        "no ensemble": replace(base, model_share=1.0),
        "no α": replace(base, use_alpha=False),
        "artists on 2 %": replace(base, artists_share=0.02),
        # What more training on what the base knows would have done, without any of what was collected.
        "replay alone": replace(base, use_dpo=False, use_collected=False),
    }


def pilots(base: Settings) -> dict[str, Settings]:
    """Whole flywheels with one seed, to choose the settings by before the run that counts."""
    ends = replace(base, surfaces="ends")
    own = replace(ends, own_winners=True, dpo=base.dpo | {"steps": 120, "optimiser.learning_rate": 3e-5})
    return {
        "higher α": replace(ends, alpha_quantile=0.6, alpha_step=0.015),
        "less replay": replace(ends, sft=base.sft | {"library_share": 0.5}),
        "DPO among its own": own,
        "bolder": replace(own, sft=own.sft | {"optimiser.learning_rate": 8e-5}),
    }
