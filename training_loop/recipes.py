"""Recipes: functions that return the complete configuration of a training run.

`full_*` follow the paper's Tables 5 and 6 (geometry model: batch 6 per GPU, AdamW without decay, constant rates);
`mini_*` are sized for two CPU cores and the length of a demonstration.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.contracts.serialisation import ContractError, from_json, to_json
from engine.contracts.training import TrainingStage
from training_loop.library_examples import LibraryConfig
from training_loop.models.config import PRESETS, ROTATION, SCALE, SHAPE, TRANSLATION


class RecipeError(ValueError):
    """An unknown recipe, or an override that fits no field."""


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW without weight decay. `schedule` is `constant` or `cosine` (to zero), after a linear warm-up."""

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
    """β absorbs T and the size of the latents. Inferred pairs and negatives of other generators are off (paper C.3)."""

    beta: float = 2000.0
    direct_pairs: bool = True
    inferred_pairs: bool = False
    only_sam3d_negatives: bool = True


@dataclass(frozen=True)
class DistilConfig:
    """Shortcut distillation: share of self-consistency samples, guidance distilled, smallest step 1 / `finest`."""

    consistency_share: float = 0.25
    w_cfg: float = 2.0
    finest: int = 128


@dataclass(frozen=True)
class Recipe:
    """One training run. Epochs where the paper counts them; `steps` wins where it is not 0."""

    name: str
    stage: TrainingStage
    preset: str
    steps: int = 0
    epochs: int = 0
    batch_size: int = 6
    precision: str = "auto"
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    time: TimeConfig = field(default_factory=TimeConfig)
    weights: dict[str, float] = field(default_factory=lambda: {SHAPE: 1.0, ROTATION: 0.1})
    drop_condition: float = 0.1
    train_conditioner: bool = True
    library: LibraryConfig | None = None
    library_share: float = 0.0
    vae: VAEConfig = field(default_factory=VAEConfig)
    dpo: DPOConfig = field(default_factory=DPOConfig)
    distil: DistilConfig = field(default_factory=DistilConfig)
    calibrate_surface: int = 0
    max_damaged_share: float = 0.01
    save_every_steps: int = 100
    threads: int = 0

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise RecipeError(f"unknown preset {self.preset!r}; known: {', '.join(PRESETS)}")
        if self.steps <= 0 and self.epochs <= 0:
            raise RecipeError(f"the recipe {self.name} needs steps or epochs")
        if self.batch_size < 1:
            raise RecipeError(f"batch_size must be at least 1, got {self.batch_size}")


ALL_MODALITIES = {SHAPE: 1.0, ROTATION: 0.1, TRANSLATION: 1.0, SCALE: 0.1}
# z-scored by quantiles, the small model's translation has far outliers; at 1.0 it would drown the shape.
MINI_MODALITIES = {SHAPE: 1.0, ROTATION: 0.1, TRANSLATION: 0.1, SCALE: 0.1}


def full_pretrain() -> Recipe:
    """Iso-3DO: object-centric crops, shape and rotation (Table 5)."""
    return Recipe(
        name="full_pretrain",
        stage=TrainingStage.PRETRAIN,
        preset="full",
        epochs=200,
        vae=VAEConfig(steps=200_000),
        library=LibraryConfig(count=50_000, image_px=518, point_map_share=0.0, processes=8),
    )


def full_midtrain() -> Recipe:
    """RP-3DO: full image and point map, all modalities (Table 5, last mid-training phase)."""
    return replace(
        full_pretrain(),
        name="full_midtrain",
        stage=TrainingStage.MIDTRAIN,
        epochs=12,
        weights=dict(ALL_MODALITIES),
        vae=VAEConfig(),
        library=LibraryConfig(count=50_000, image_px=518, point_map_share=0.9, processes=8),
    )


def full_sft() -> Recipe:
    """MITL-3DO, then Art-3DO: rate 1e-5 (Table 5)."""
    return Recipe(
        name="full_sft",
        stage=TrainingStage.SFT,
        preset="full",
        epochs=100,
        optimiser=OptimiserConfig(learning_rate=1e-5, ema_decay=0.999),
        weights=dict(ALL_MODALITIES),
        train_conditioner=False,
    )


def full_dpo() -> Recipe:
    """Preferences over shapes only: rate 2.5e-6, one epoch (Table 5)."""
    return Recipe(
        name="full_dpo",
        stage=TrainingStage.DPO,
        preset="full",
        epochs=1,
        optimiser=OptimiserConfig(learning_rate=2.5e-6, warmup_steps=100, ema_decay=0.99),
        weights={SHAPE: 1.0},
        train_conditioner=False,
    )


def full_distil() -> Recipe:
    """4,000 iterations, 75 % flow matching and 25 % shortcut, w_CFG = 2 (C.4)."""
    return Recipe(
        name="full_distil",
        stage=TrainingStage.DISTIL,
        preset="full",
        steps=4000,
        optimiser=OptimiserConfig(learning_rate=1e-5, ema_decay=0.999),
        time=TimeConfig(distribution="uniform"),
        weights=dict(ALL_MODALITIES),
        train_conditioner=False,
    )


def mini_pretrain() -> Recipe:
    """The shape library in two minutes of two cores: first the VAE, then all modalities of the flow."""
    return Recipe(
        name="mini_pretrain",
        stage=TrainingStage.PRETRAIN,
        preset="mini",
        steps=240,
        batch_size=32,
        optimiser=OptimiserConfig(
            learning_rate=1e-3, betas=(0.9, 0.98), warmup_steps=20, schedule="cosine", ema_decay=0.98
        ),
        time=TimeConfig(mean=0.0, std=1.0),
        weights=dict(MINI_MODALITIES),
        library=LibraryConfig(count=1600),
        calibrate_surface=48,
        vae=VAEConfig(
            steps=80,
            batch_size=12,
            optimiser=OptimiserConfig(
                learning_rate=4e-3, betas=(0.9, 0.98), warmup_steps=10, schedule="cosine", ema_decay=0.9
            ),
        ),
    )


def mini_sft() -> Recipe:
    """A snapshot with replay of the library, so that a handful of examples does not unlearn the rest."""
    return Recipe(
        name="mini_sft",
        stage=TrainingStage.SFT,
        preset="mini",
        steps=80,
        batch_size=32,
        optimiser=OptimiserConfig(
            learning_rate=2e-4, betas=(0.9, 0.98), warmup_steps=10, schedule="cosine", ema_decay=0.95
        ),
        time=TimeConfig(mean=0.0, std=1.0),
        weights=dict(MINI_MODALITIES),
        library=LibraryConfig(count=384),
        library_share=0.75,
    )


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
    )


def mini_distil() -> Recipe:
    """Four-step sampling of the small model."""
    return Recipe(
        name="mini_distil",
        stage=TrainingStage.DISTIL,
        preset="mini",
        steps=150,
        batch_size=32,
        optimiser=OptimiserConfig(
            learning_rate=3e-4, betas=(0.9, 0.98), warmup_steps=10, schedule="cosine", ema_decay=0.95
        ),
        time=TimeConfig(distribution="uniform"),
        weights=dict(MINI_MODALITIES),
        library=LibraryConfig(count=768),
        library_share=1.0,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (
        full_pretrain,
        full_midtrain,
        full_sft,
        full_dpo,
        full_distil,
        mini_pretrain,
        mini_sft,
        mini_dpo,
        mini_distil,
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
    for parent in parents:
        node = node.get(parent) if isinstance(node, dict) else None
    open_ended = parents == ["weights"]
    if not isinstance(node, dict) or (last not in node and not open_ended):
        known = ", ".join(sorted(node)) if isinstance(node, dict) else "none"
        raise RecipeError(f"the recipe {name} has no field {path!r}; fields there: {known}")
    node[last] = value
