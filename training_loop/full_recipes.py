"""The paper's recipes: Tables 5 and 6 and section C.7. A batch is the global one, samples per GPU times GPUs."""

from dataclasses import replace

from engine.contracts.snapshots import ExampleSource
from engine.contracts.training import TrainingStage
from training_loop.library_examples import LibraryConfig
from training_loop.models.config import SHAPE
from training_loop.recipe import (
    ALL_MODALITIES,
    CONDITION,
    SHAPE_AND_ROTATION,
    TEXTURE,
    OptimiserConfig,
    Recipe,
    RegressionConfig,
    TimeConfig,
    VAEConfig,
)

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
    """MITL preferences over shapes: rate 2.5e-6; τ uniform; 128 GPUs, one epoch (Table 5, Eq. 2, C.7)."""
    return replace(
        full_sft(),
        name="full_dpo",
        stage=TrainingStage.DPO,
        epochs=1,
        optimiser=OptimiserConfig(learning_rate=2.5e-6, warmup_steps=100, ema_decay=0.99),
        time=TimeConfig(distribution="uniform"),
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
