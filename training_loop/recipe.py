"""What a recipe is: the complete configuration of a training run."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.contracts.snapshots import ExampleSource
from engine.contracts.training import TrainingStage
from training_loop.library_examples import LibraryConfig
from training_loop.models.config import PRESETS, ROTATION, SCALE, SHAPE, TRANSLATION


class RecipeError(ValueError):
    """An unknown recipe, or an override that fits no field."""


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW without weight decay (C.2), after a linear warm-up.

    `schedule`: `constant`; `cosine` to zero; `linear_end`, constant and over the last two fifths in a line to zero.
    """

    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.95)
    warmup_steps: int = 1000
    schedule: str = "constant"
    gradient_clip: float = 1.0
    ema_decay: float = 0.9999


@dataclass(frozen=True)
class TimeConfig:
    """τ = 1 - sigmoid(N(mean, std)) for `logit_normal`, or `uniform`."""

    distribution: str = "logit_normal"
    mean: float = 1.0
    std: float = 1.0

    def quantiles(self, shares: Tensor) -> Tensor:
        """The times below which these shares of the distribution lie, all within (0, 1)."""
        if self.distribution == "uniform":
            return shares
        return torch.sigmoid(self.std * torch.special.ndtri(shares) - self.mean)


@dataclass(frozen=True)
class VAEConfig:
    """The shape VAE's share of pretraining; it is frozen afterwards."""

    steps: int = 0
    batch_size: int = 8
    kl_weight: float = 1e-3
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


@dataclass(frozen=True)
class DPOConfig:
    """β absorbs T and the size of the latents. Inferred pairs and negatives of other generators are off (paper C.3).

    With `flow_matching_weight` > 0 every pair brings an example of earlier data (library or replay), on which Eq. 1
    holds the policy.
    """

    beta: float = 2000.0
    direct_pairs: bool = True
    inferred_pairs: bool = False
    only_sam3d_negatives: bool = True
    flow_matching_weight: float = 0.0


@dataclass(frozen=True)
class DistilConfig:
    """Shortcut distillation: share of self-consistency samples, guidance distilled, smallest step 1 / `finest`."""

    consistency_share: float = 0.25
    w_cfg: float = 2.0
    finest: int = 128


@dataclass(frozen=True)
class RegressionConfig:
    """`count` held-out shapes of the library, and as many of the older snapshots that are replayed, are sampled before
    and after the stage; their mean solid IoU may fall by `tolerance`. 0 is no test.
    """

    count: int = 0
    tolerance: float = 0.02


@dataclass(frozen=True)
class Recipe:
    """One training run. Epochs where the paper counts them; `steps` wins where it is not 0.

    `batch_size` rows make one step, however many processes share them; each takes `micro_batch_size` at once (0: all
    of its own). Of the rows `library_share` come from the shape library and `replay_share` from older snapshots, where
    given; the rest from the snapshot. `sources` keeps examples of some makers (`mitl`, `art`); none named means all.
    `draws` is how many noises and times a row is trained with: its pictures are encoded once for all of them.
    `weights` are λ_m; without one for the shape the layout stream alone is trained and shapes stay as they are (C.1).
    `condition` names what the model sees: `crop`, `full`, `point_map`. `parallel` is `ddp` or `fsdp`. `read_processes`
    decode samples, which stay in memory up to `cache_mib`. `flush_every_steps` is how often the host looks at metrics.
    `compile_blocks` compiles what repeats, on a GPU; `cuda_graph` records a step there and replays it, where one
    process trains. `checkpoint_activations` computes the blocks' activations again for the gradients instead of keeping
    them: slower, in a fraction of the memory. `backbone_weights` is a file of public DINOv2 weights that pretraining of
    the `full` preset starts from.
    """

    name: str
    stage: TrainingStage
    preset: str
    steps: int = 0
    epochs: int = 0
    batch_size: int = 6
    micro_batch_size: int = 0
    parallel: str = "ddp"
    precision: str = "auto"
    compile_blocks: bool = False
    cuda_graph: bool = False
    checkpoint_activations: bool = False
    backbone_weights: str = ""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    time: TimeConfig = field(default_factory=TimeConfig)
    weights: dict[str, float] = field(default_factory=lambda: {SHAPE: 1.0, ROTATION: 0.1})
    condition: tuple[str, ...] = ("crop", "full", "point_map")
    drop_condition: float = 0.1
    draws: int = 1
    train_conditioner: bool = True
    sources: tuple[str, ...] = ()
    library: LibraryConfig | None = None
    library_share: float = 0.0
    replay_share: float = 0.0
    vae: VAEConfig = field(default_factory=VAEConfig)
    dpo: DPOConfig = field(default_factory=DPOConfig)
    distil: DistilConfig = field(default_factory=DistilConfig)
    regression: RegressionConfig = field(default_factory=RegressionConfig)
    calibrate_surface: int = 0
    max_damaged_share: float = 0.01
    read_processes: int = 0
    cache_mib: int = 1024
    save_every_steps: int = 100
    flush_every_steps: int = 1
    tensorboard: bool = True
    threads: int = 0

    def __post_init__(self) -> None:
        if self.preset not in (*PRESETS, TEXTURE):
            raise RecipeError(f"unknown preset {self.preset!r}; known: {', '.join(PRESETS)}")
        if self.steps <= 0 and self.epochs <= 0:
            raise RecipeError(f"the recipe {self.name} needs steps or epochs")
        if self.batch_size < 1 or self.draws < 1:
            raise RecipeError(f"batch_size and draws must be at least 1, got {self.batch_size} and {self.draws}")
        if min(self.library_share, self.replay_share) < 0 or self.library_share + self.replay_share > 1:
            shares = f"{self.library_share:g} + {self.replay_share:g}"
            raise RecipeError(f"library_share + replay_share must be within 0 and 1, got {shares}")
        for listed, known in (
            (self.condition, CONDITION),
            (self.sources, SOURCES),
            (self.weights, ALL_MODALITIES),
            ([self.parallel], PARALLEL),
            ([self.precision], PRECISIONS),
            ([self.optimiser.schedule, self.vae.optimiser.schedule], SCHEDULES),
            ([self.time.distribution], DISTRIBUTIONS),
        ):
            if unknown := sorted(set(listed) - set(known)):
                raise RecipeError(f"{unknown[0]!r} is none of {', '.join(known)}")


PARALLEL = ("ddp", "fsdp")
PRECISIONS = ("auto", "bf16", "fp32")
SCHEDULES = ("constant", "cosine", "linear_end")
DISTRIBUTIONS = ("logit_normal", "uniform")
CONDITION = ("crop", "full", "point_map")
SOURCES = tuple(source.value for source in ExampleSource)
TEXTURE = "texture"
SHAPE_AND_ROTATION = {SHAPE: 1.0, ROTATION: 0.1}
ALL_MODALITIES = {SHAPE: 1.0, ROTATION: 0.1, TRANSLATION: 1.0, SCALE: 0.1}
