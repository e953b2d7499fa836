"""A model small enough to train within a test, and examples without any rendering."""

from dataclasses import replace

import numpy as np
import torch

from training_loop.examples import Examples
from training_loop.models.config import ModelConfig, micro
from training_loop.models.generator import GeometryModel
from training_loop.stages import PreferencePairs


def tiny_config() -> ModelConfig:
    config = micro()
    return replace(
        config,
        vae=replace(config.vae, latent_channels=4, channels=(8, 8)),
        conditioning=replace(
            config.conditioning,
            image_px=16,
            point_map_px=8,
            width=48,
            channels=(8, 16),
            crop_grid=2,
            full_grid=2,
            point_crop_grid=2,
            point_full_grid=1,
        ),
        flow=replace(config.flow, width=48, blocks=2, heads=2, latent_patch=4, prior_rank=4, prior_landmarks=6),
    )


def randomise_output(model: GeometryModel) -> None:
    """Zero-initialised layers say nothing; give them something to say."""
    generator = torch.Generator().manual_seed(1)
    for name, weight in model.flow.named_parameters():
        if "d_embedder" not in name and not weight.any():
            weight.data.copy_(0.05 * torch.randn(weight.shape, generator=generator))


def made_up_examples(config: ModelConfig, count: int, seed: int = 0) -> Examples:
    """Boxes of different sizes with noise for pictures."""
    rng = np.random.default_rng(seed)
    grids = np.zeros((count, 64, 64, 64), dtype=bool)
    for grid in grids:
        half = rng.integers(8, 30, size=3)
        grid[tuple(slice(32 - h, 32 + h) for h in half)] = True
    px, points_px = config.conditioning.image_px, config.conditioning.point_map_px
    return Examples(
        crop=torch.from_numpy(rng.integers(0, 256, (count, 4, px, px), dtype=np.uint8)),
        full=torch.from_numpy(rng.integers(0, 256, (count, 4, px, px), dtype=np.uint8)),
        point_crop=torch.zeros(count, 4, points_px, points_px, dtype=torch.float16),
        point_full=torch.zeros(count, 4, points_px, points_px, dtype=torch.float16),
        has_points=torch.zeros(count, dtype=torch.bool),
        occupancy_bits=torch.from_numpy(np.stack([np.packbits(grid.reshape(-1)) for grid in grids])),
        rotation_6d=torch.from_numpy(rng.normal(size=(count, 6)).astype(np.float32)),
        translation=torch.from_numpy(rng.normal(size=(count, 3)).astype(np.float32)),
        log_scale=torch.zeros(count, 3),
        has_rotation=torch.arange(count) % 2 == 0,
        has_placement=torch.arange(count) % 2 == 0,
        category=torch.full((count,), -1),
        shape_latents=torch.from_numpy(rng.normal(size=(count, *config.vae.latent_shape)).astype(np.float32)),
    )


def made_up_pairs(config: ModelConfig, count: int, *, seed: int = 2, apart: float = 0.0) -> PreferencePairs:
    """Winners around +apart, losers around -apart."""
    generator = torch.Generator().manual_seed(seed)
    shape, spread = (count, *config.vae.latent_shape), 0.1 if apart else 1.0
    winner, loser = (spread * torch.randn(shape, generator=generator) for _ in range(2))
    return PreferencePairs(made_up_examples(config, count).views(), winner + apart, loser - apart)
