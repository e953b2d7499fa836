"""Recipes for the small model: sized for two CPU cores and the length of a demonstration, or (`_gpu`) for one GPU."""

from dataclasses import replace
from typing import Any

from engine.contracts.snapshots import ExampleSource
from engine.contracts.training import TrainingStage
from training_loop.library_examples import LibraryConfig
from training_loop.models.config import ROTATION, SCALE, SHAPE, TRANSLATION
from training_loop.recipe import (
    SHAPE_AND_ROTATION,
    DPOConfig,
    OptimiserConfig,
    Recipe,
    RegressionConfig,
    TimeConfig,
    VAEConfig,
)

# z-scored by quantiles, the small model's translation has far outliers; at 1.0 it would drown the shape.
MINI_MODALITIES = {SHAPE: 1.0, ROTATION: 0.1, TRANSLATION: 0.1, SCALE: 0.1}
# `micro` has a closed-form head start for the early times.
MICRO_TIMES = TimeConfig(mean=0.0, std=1.0)
# Of a shape's 4,096 correlated numbers the noise hides the outline only early: 43 % of their variance can be read off
# x_τ at τ = 0.1, 82 % at 0.3. Later the photograph teaches nothing any more. Half of these times lie below 0.12.
MINI_TIMES = TimeConfig(mean=2.0, std=1.4)


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
        time=MICRO_TIMES,
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
        time=MINI_TIMES,
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
    return replace(
        mini_sft(),
        name="mini_dpo",
        stage=TrainingStage.DPO,
        steps=60,
        batch_size=12,
        optimiser=OptimiserConfig(learning_rate=2e-5, warmup_steps=5, schedule="cosine", ema_decay=0.9),
        weights={SHAPE: 1.0},
        train_conditioner=False,
        library=None,
        library_share=0.0,
        dpo=DPOConfig(beta=50.0),
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
        batch_size=512,
        draws=4,
        optimiser=OptimiserConfig(learning_rate=1e-3, betas=(0.9, 0.98), warmup_steps=200, ema_decay=0.998),
        time=MINI_TIMES,
        weights=dict(MINI_MODALITIES),
        vae=VAEConfig(steps=1500, batch_size=64, kl_weight=3e-4, optimiser=mini_optimiser(2e-3, ema_decay=0.99)),
        compile_blocks=True,
        cuda_graph=True,
        flush_every_steps=20,
    )


def mini_midtrain_fo_gpu() -> Recipe:
    """Flying Occlusions, nearly at the rate of pretraining."""
    return _after_pretraining("mini_midtrain_fo_gpu", TrainingStage.MIDTRAIN, learning_rate=8e-4)


def mini_midtrain_osr_gpu() -> Recipe:
    """Object Swap – Random; in the end the rate falls to nothing."""
    return _after_pretraining(
        "mini_midtrain_osr_gpu", TrainingStage.MIDTRAIN, learning_rate=8e-4, schedule="linear_end"
    )


def mini_distil_gpu() -> Recipe:
    """Shortcut distillation on scenes: 75 % flow matching, 25 % self-consistency (C.4)."""
    return _after_pretraining(
        "mini_distil_gpu", TrainingStage.DISTIL, learning_rate=3e-4, warmup_steps=50, schedule="cosine"
    )


def _after_pretraining(name: str, stage: TrainingStage, **optimiser: Any) -> Recipe:
    """A later stage on one GPU: as pretraining, but for these fields of the optimiser."""
    base = mini_pretrain_gpu()
    return replace(base, name=name, stage=stage, optimiser=replace(base.optimiser, **optimiser))
