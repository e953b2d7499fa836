"""Recipes: functions that return the complete configuration of a training run.

`full_*` follow the paper's Tables 5 and 6 and section C.7; `mini_*` are sized for two CPU cores and the length of a
demonstration. A batch is the global one: the same recipe gives the same training on one process and on many.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.contracts.serialisation import ContractError, from_json, to_json
from engine.contracts.snapshots import ExampleSource
from engine.contracts.training import TrainingStage
from training_loop.library_examples import LibraryConfig
from training_loop.models.config import PRESETS, ROTATION, SCALE, SHAPE, TRANSLATION


class RecipeError(ValueError):
    """An unknown recipe, or an override that fits no field."""


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW without weight decay (C.2). `schedule` is `constant` or `cosine` (to zero), after a linear warm-up."""

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
    `condition` names what the model sees: `crop`, `full`, `point_map`. `parallel` is `ddp` or `fsdp`. `read_processes`
    decode samples, which stay in memory up to `cache_mib`. `flush_every_steps` is how often the host looks at metrics.
    `compile_blocks` compiles what repeats, on a GPU and in one process. `checkpoint_activations` computes the blocks'
    activations again for the gradients instead of keeping them: slower, in a fraction of the memory. `backbone_weights`
    is a file of public DINOv2 weights that pretraining of the `full` preset starts from.
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
    checkpoint_activations: bool = False
    backbone_weights: str = ""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    time: TimeConfig = field(default_factory=TimeConfig)
    weights: dict[str, float] = field(default_factory=lambda: {SHAPE: 1.0, ROTATION: 0.1})
    condition: tuple[str, ...] = ("crop", "full", "point_map")
    drop_condition: float = 0.1
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
        if self.batch_size < 1:
            raise RecipeError(f"batch_size must be at least 1, got {self.batch_size}")
        if not 0 <= self.library_share + self.replay_share <= 1:
            shares = f"{self.library_share:g} + {self.replay_share:g}"
            raise RecipeError(f"library_share + replay_share must be within 0 and 1, got {shares}")
        for listed, known in ((self.condition, CONDITION), (self.sources, SOURCES), (self.weights, ALL_MODALITIES)):
            if unknown := sorted(set(listed) - set(known)):
                raise RecipeError(f"{unknown[0]!r} is none of {', '.join(known)}")


CONDITION = ("crop", "full", "point_map")
SOURCES = tuple(source.value for source in ExampleSource)
TEXTURE = "texture"
SHAPE_AND_ROTATION = {SHAPE: 1.0, ROTATION: 0.1}
ALL_MODALITIES = {SHAPE: 1.0, ROTATION: 0.1, TRANSLATION: 1.0, SCALE: 0.1}
# z-scored by quantiles, the small model's translation has far outliers; at 1.0 it would drown the shape.
MINI_MODALITIES = {SHAPE: 1.0, ROTATION: 0.1, TRANSLATION: 0.1, SCALE: 0.1}
# Batches in the paper: samples per GPU times GPUs (C.7).
PER_GPU = 6


def full_pretrain() -> Recipe:
    """Iso-3DO: object-centric crop; shape and rotation; 512 GPUs, 200 epochs (Tables 1 and 5, C.7)."""
    return Recipe(
        name="full_pretrain",
        stage=TrainingStage.PRETRAIN,
        preset="full",
        epochs=200,
        batch_size=PER_GPU * 512,
        micro_batch_size=PER_GPU,
        parallel="fsdp",
        compile_blocks=True,
        weights=dict(SHAPE_AND_ROTATION),
        condition=("crop",),
        vae=VAEConfig(steps=200_000),
        library=LibraryConfig(count=50_000, image_px=518, point_map_share=0.0, processes=8),
        save_every_steps=1000,
        flush_every_steps=20,
    )


def full_midtrain() -> Recipe:
    """RP-3DO (FO): the full image comes in; shape and rotation; 320 GPUs, 50 epochs (Table 5, C.7)."""
    return replace(
        full_pretrain(),
        name="full_midtrain",
        stage=TrainingStage.MIDTRAIN,
        epochs=50,
        batch_size=PER_GPU * 320,
        condition=("crop", "full"),
        vae=VAEConfig(),
        library=LibraryConfig(scene="flying_occlusions", count=50_000, image_px=518, point_map_share=0.0, processes=8),
        regression=RegressionConfig(count=256),
    )


def full_midtrain_further() -> Recipe:
    """RP-3DO (FO) for 50 epochs more, on 128 GPUs (C.7)."""
    return replace(full_midtrain(), name="full_midtrain_further", batch_size=PER_GPU * 128)


def full_midtrain_swap() -> Recipe:
    """RP-3DO (OS-R) and ProcThor: point maps come in; all modalities; 256 GPUs, 12 epochs (Table 5, C.7)."""
    return replace(
        full_midtrain(),
        name="full_midtrain_swap",
        epochs=12,
        batch_size=PER_GPU * 256,
        weights=dict(ALL_MODALITIES),
        condition=CONDITION,
        library=LibraryConfig(scene="object_swap", count=50_000, image_px=518, point_map_share=0.9, processes=8),
    )


def full_sft() -> Recipe:
    """MITL-3DO: rate 1e-5; 128 GPUs, 100 epochs (Table 5, C.7)."""
    return Recipe(
        name="full_sft",
        stage=TrainingStage.SFT,
        preset="full",
        epochs=100,
        batch_size=PER_GPU * 128,
        micro_batch_size=PER_GPU,
        parallel="fsdp",
        compile_blocks=True,
        optimiser=OptimiserConfig(learning_rate=1e-5, ema_decay=0.999),
        weights=dict(ALL_MODALITIES),
        train_conditioner=False,
        sources=(ExampleSource.MITL.value,),
        regression=RegressionConfig(count=256),
        read_processes=8,
        save_every_steps=1000,
        flush_every_steps=20,
    )


def full_sft_art() -> Recipe:
    """Art-3DO, after MITL-3DO (3.2.2)."""
    return replace(full_sft(), name="full_sft_art", sources=(ExampleSource.ART.value,))


def full_dpo() -> Recipe:
    """MITL preferences over shapes: rate 2.5e-6; 128 GPUs, one epoch (Table 5, C.7)."""
    return replace(
        full_sft(),
        name="full_dpo",
        stage=TrainingStage.DPO,
        epochs=1,
        optimiser=OptimiserConfig(learning_rate=2.5e-6, warmup_steps=100, ema_decay=0.99),
        weights={SHAPE: 1.0},
    )


def full_dpo_art() -> Recipe:
    """Preferences that involve artists' meshes, for snapshots that hold them."""
    return replace(full_dpo(), name="full_dpo_art", sources=(ExampleSource.ART.value,))


def full_distil() -> Recipe:
    """4,000 iterations, 75 % flow matching and 25 % shortcut, w_CFG = 2 (C.4)."""
    return replace(
        full_sft(),
        name="full_distil",
        stage=TrainingStage.DISTIL,
        steps=4000,
        epochs=0,
        time=TimeConfig(distribution="uniform"),
        sources=(),
    )


def full_texture_pretrain() -> Recipe:
    """Trellis500K: 256 GPUs, batch 4, 245 epochs (Table 6, C.7)."""
    return _texture("full_texture_pretrain", TrainingStage.PRETRAIN, 245, 4 * 256, 1e-4, 0.9999)


def full_texture_midtrain() -> Recipe:
    """RP-3DO (FO, OS-A): 256 GPUs, batch 4, 80 epochs (Table 6, C.7)."""
    return _texture("full_texture_midtrain", TrainingStage.MIDTRAIN, 80, 4 * 256, 1e-4, 0.9999)


def full_texture_sft() -> Recipe:
    """MITL: 192 GPUs, batch 4, 89 epochs (Table 6, C.7)."""
    return _texture("full_texture_sft", TrainingStage.SFT, 89, 4 * 192, 1e-5, 0.999)


def full_texture_dpo() -> Recipe:
    """MITL preference: 128 GPUs, batch 3, 2 epochs (Table 6, C.7)."""
    return _texture("full_texture_dpo", TrainingStage.DPO, 2, 3 * 128, 1e-6, 0.99)


def _texture(
    name: str, stage: TrainingStage, epochs: int, batch_size: int, learning_rate: float, ema_decay: float
) -> Recipe:
    """Table 6 for the texture and refinement model, which this package does not have: `run_training` refuses these."""
    return Recipe(
        name=name,
        stage=stage,
        preset=TEXTURE,
        epochs=epochs,
        batch_size=batch_size,
        micro_batch_size=3 if stage == TrainingStage.DPO else 4,
        parallel="fsdp",
        optimiser=OptimiserConfig(learning_rate=learning_rate, ema_decay=ema_decay),
        condition=("crop",) if stage == TrainingStage.PRETRAIN else ("crop", "full"),
    )


def mini_optimiser(learning_rate: float, *, warmup_steps: int = 10, ema_decay: float = 0.95) -> OptimiserConfig:
    """Short runs: a cosine to zero, and averages that forget fast."""
    return OptimiserConfig(
        learning_rate=learning_rate,
        betas=(0.9, 0.98),
        warmup_steps=warmup_steps,
        schedule="cosine",
        ema_decay=ema_decay,
    )


def mini_pretrain() -> Recipe:
    """`micro` from nothing in two minutes of two cores: first the VAE, then all modalities of the flow."""
    return Recipe(
        name="mini_pretrain",
        stage=TrainingStage.PRETRAIN,
        preset="micro",
        steps=240,
        batch_size=32,
        optimiser=mini_optimiser(1e-3, warmup_steps=20, ema_decay=0.98),
        time=TimeConfig(mean=0.0, std=1.0),
        weights=dict(MINI_MODALITIES),
        library=LibraryConfig(count=1600),
        calibrate_surface=48,
        vae=VAEConfig(steps=80, batch_size=12, optimiser=mini_optimiser(4e-3, ema_decay=0.9)),
    )


def mini_midtrain() -> Recipe:
    """Flying Occlusions: shape and rotation of what is partly hidden."""
    return replace(
        mini_pretrain(),
        name="mini_midtrain",
        stage=TrainingStage.MIDTRAIN,
        steps=120,
        optimiser=mini_optimiser(4e-4),
        weights=dict(SHAPE_AND_ROTATION),
        library=LibraryConfig(scene="flying_occlusions", count=768, point_map_share=0.0),
        vae=VAEConfig(),
        calibrate_surface=0,
    )


def mini_midtrain_swap() -> Recipe:
    """Object Swap, after Flying Occlusions: all modalities, with point maps."""
    return replace(
        mini_midtrain(),
        name="mini_midtrain_swap",
        weights=dict(MINI_MODALITIES),
        library=LibraryConfig(scene="object_swap", count=384),
    )


def mini_sft() -> Recipe:
    """A snapshot with replay of the library, so that a handful of examples does not unlearn the rest."""
    return Recipe(
        name="mini_sft",
        stage=TrainingStage.SFT,
        preset="mini",
        steps=80,
        batch_size=32,
        optimiser=mini_optimiser(2e-4),
        time=TimeConfig(mean=0.0, std=1.0),
        weights=dict(MINI_MODALITIES),
        library=LibraryConfig(count=384),
        library_share=0.75,
        regression=RegressionConfig(count=16),
        tensorboard=False,
    )


def mini_sft_art() -> Recipe:
    """Artists' meshes, after the others."""
    return replace(mini_sft(), name="mini_sft_art", steps=40, sources=(ExampleSource.ART.value,))


def mini_dpo() -> Recipe:
    """Preferences over shapes, the encoder fixed."""
    return Recipe(
        name="mini_dpo",
        stage=TrainingStage.DPO,
        preset="mini",
        steps=60,
        batch_size=12,
        optimiser=OptimiserConfig(learning_rate=2e-5, warmup_steps=5, schedule="cosine", ema_decay=0.9),
        time=TimeConfig(mean=0.0, std=1.0),
        weights={SHAPE: 1.0},
        train_conditioner=False,
        dpo=DPOConfig(beta=50.0),
        regression=RegressionConfig(count=16),
        tensorboard=False,
    )


def mini_dpo_art() -> Recipe:
    """Preferences that involve artists' meshes."""
    return replace(mini_dpo(), name="mini_dpo_art", steps=30, sources=(ExampleSource.ART.value,))


def mini_distil() -> Recipe:
    """Four-step sampling of the small model."""
    return replace(
        mini_sft(),
        name="mini_distil",
        stage=TrainingStage.DISTIL,
        steps=150,
        optimiser=mini_optimiser(3e-4),
        time=TimeConfig(distribution="uniform"),
        library=LibraryConfig(count=768),
        library_share=1.0,
    )


def mini_pretrain_gpu() -> Recipe:
    """`mini` on one H200 with scenes made on the device (`training_loop.mini_training` sets the steps by the clock)."""
    return Recipe(
        name="mini_pretrain_gpu",
        stage=TrainingStage.PRETRAIN,
        preset="mini",
        steps=2000,
        batch_size=2048,
        optimiser=OptimiserConfig(learning_rate=1e-3, betas=(0.9, 0.98), warmup_steps=200, ema_decay=0.998),
        time=TimeConfig(mean=0.4, std=1.0),
        weights=dict(MINI_MODALITIES),
        vae=VAEConfig(steps=1500, batch_size=64, kl_weight=3e-4, optimiser=mini_optimiser(2e-3, ema_decay=0.99)),
        compile_blocks=True,
        flush_every_steps=20,
    )


def mini_midtrain_fo_gpu() -> Recipe:
    """Flying Occlusions, nearly at the rate of pretraining."""
    base = mini_pretrain_gpu()
    return replace(
        base,
        name="mini_midtrain_fo_gpu",
        stage=TrainingStage.MIDTRAIN,
        optimiser=replace(base.optimiser, learning_rate=8e-4),
    )


def mini_midtrain_osr_gpu() -> Recipe:
    """Object Swap – Random; the rate falls to nothing."""
    base = mini_midtrain_fo_gpu()
    return replace(base, name="mini_midtrain_osr_gpu", optimiser=replace(base.optimiser, schedule="cosine"))


def mini_distil_gpu() -> Recipe:
    """Shortcut distillation on scenes: 75 % flow matching, 25 % self-consistency (C.4)."""
    base = mini_midtrain_osr_gpu()
    return replace(
        base,
        name="mini_distil_gpu",
        stage=TrainingStage.DISTIL,
        optimiser=replace(base.optimiser, learning_rate=3e-4, warmup_steps=50),
        time=TimeConfig(distribution="uniform"),
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (
        full_pretrain,
        full_midtrain,
        full_midtrain_further,
        full_midtrain_swap,
        full_sft,
        full_sft_art,
        full_dpo,
        full_dpo_art,
        full_distil,
        full_texture_pretrain,
        full_texture_midtrain,
        full_texture_sft,
        full_texture_dpo,
        mini_pretrain,
        mini_midtrain,
        mini_midtrain_swap,
        mini_sft,
        mini_sft_art,
        mini_dpo,
        mini_dpo_art,
        mini_distil,
        mini_pretrain_gpu,
        mini_midtrain_fo_gpu,
        mini_midtrain_osr_gpu,
        mini_distil_gpu,
    )
}


def find_recipe(name: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Return the named recipe with single fields changed by dotted path, e.g. {"optimiser.learning_rate": 1e-4}.

    Raises:
        RecipeError: unknown recipe or field, or a value of another type; known names are listed.
    """
    if name not in RECIPES:
        raise RecipeError(f"unknown recipe {name!r}; known: {', '.join(sorted(RECIPES))}")
    recipe = RECIPES[name]()
    if not overrides:
        return recipe
    data = to_json(recipe)
    for path, value in overrides.items():
        _set(data, path, value, name)
    try:
        return from_json(Recipe, data)
    except ContractError as error:
        raise RecipeError(f"overrides of {name}: {error}") from error


def _set(data: dict[str, Any], path: str, value: Any, name: str) -> None:
    *parents, last = path.split(".")
    node: Any = data
    for part in path.split("."):
        open_ended = parents == ["weights"] and part == last
        if not isinstance(node, dict) or (part not in node and not open_ended):
            known = f"fields there: {', '.join(sorted(node))}" if isinstance(node, dict) else "it has no fields"
            raise RecipeError(f"the recipe {name} has no field {path!r} (no {part!r}; {known})")
        parent, node = node, node.get(part)
    parent[last] = value
