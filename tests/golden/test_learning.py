"""What training must achieve on sets small enough for a test: sixteen objects by heart, and preferences learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.unit.training_loop.tiny import made_up_examples, tiny_config
from training_loop.library_examples import LibraryConfig, draw_examples
from training_loop.mini_recipes import mini_optimiser
from training_loop.models.config import SHAPE, ShapeVAEConfig
from training_loop.models.generator import GeometryModel
from training_loop.progress import ProgressLog
from training_loop.recipe import DPOConfig
from training_loop.recipes import find_recipe
from training_loop.regression import mean_solid_iou
from training_loop.runs import set_vae
from training_loop.sampling import SamplerConfig, sample_latents
from training_loop.stages import DPOStage, FlowStage, Part, PreferencePairs, VAEStage
from training_loop.trainer import Trainer

SAMPLER = SamplerConfig(steps=8, strength=0.0, rescale_t=1.0)
FEWEST_CELLS = 150  # thinner objects all but vanish in a grid of 16³ cells, and no decoder brings them back


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fit(stage, optimiser, steps):
    log = ProgressLog(None, None, total_steps=steps)
    return Trainer(stage, optimiser=optimiser, steps=steps, log=log, precision="fp32").fit()


def sampled(model, views, seeds):
    return sample_latents(model.eval(), views, seeds, SAMPLER, layout=False)[SHAPE]


def test_sixteen_objects_are_learned_by_heart():
    """Library shapes in 16³ voxels, from their pictures, through VAE and flow without the Gaussian head start."""
    base = tiny_config()
    vae = ShapeVAEConfig(
        resolution=16,
        latent_resolution=4,
        channels=(16, 16),
        blocks_per_level=1,
        middle_blocks=0,
        voxel_patch=2,
        edge_kernel=1,
        linear_path=True,
    )
    views = replace(base.conditioning, width=96, image_px=32, channels=(16, 32), crop_grid=4)
    flow = replace(base.flow, width=96, latent_patch=2, prior_rank=0, prior_landmarks=0)
    torch.manual_seed(0)
    model = GeometryModel(replace(base, vae=vae, conditioning=views, flow=flow))
    examples = draw_examples(LibraryConfig(image_px=48), views, seed=0, start=0, count=32)
    coarse = F.avg_pool3d(examples.occupancy().float(), 4).numpy() > 0.4
    solid = np.nonzero(coarse.reshape(32, -1).sum(axis=1) >= FEWEST_CELLS)[0][:16]
    examples, coarse = examples.gather(torch.from_numpy(solid)), coarse[solid]
    examples = replace(examples, occupancy_bits=torch.from_numpy(np.packbits(coarse.reshape(16, -1), axis=1)))

    recipe = replace(find_recipe("mini_pretrain"), batch_size=32, drop_condition=0.0, weights={SHAPE: 1.0})
    model.vae.start_from_principal_components(examples.occupancy())
    vae_recipe = replace(recipe.vae, batch_size=16)
    fit(VAEStage(model.vae, examples, vae_recipe, 0), vae_recipe.optimiser, 120)
    cells = examples.with_latents(model.vae).shape_latents.flatten(0, 1)
    set_vae(model, latent_mean=tuple(cells.mean(0).tolist()), latent_std=tuple(cells.std(0).tolist()))
    examples = examples.with_latents(model.vae)

    @torch.no_grad()
    def iou() -> float:
        logits = model.vae.decode(sampled(model, examples.views(), [5]))
        return mean_solid_iou(logits, examples.occupancy())

    assert iou() < 0.3
    fit(FlowStage(model.train(), recipe, 0, [Part(examples, 32)]), mini_optimiser(4e-3, warmup_steps=20), 450)
    assert iou() > 0.9


def test_preferences_make_preferred_samples_likelier_and_spoil_nothing():
    """Under one view two shapes are equally likely; people prefer the first."""
    base = tiny_config()
    torch.manual_seed(0)
    model = GeometryModel(replace(base, flow=replace(base.flow, prior_rank=0, prior_landmarks=0)))
    generator = torch.Generator().manual_seed(3)
    good, bad = (torch.randn(model.config.vae.latent_shape, generator=generator) for _ in range(2))
    one = made_up_examples(model.config, 1)
    both = replace(one.gather(torch.tensor([0, 0])), shape_latents=torch.stack([good, bad]))
    recipe = replace(find_recipe("mini_pretrain"), batch_size=16, drop_condition=0.0, weights={SHAPE: 1.0})
    fit(FlowStage(model, recipe, 0, [Part(both, 16)]), mini_optimiser(3e-3), 150)

    def wins() -> float:
        drawn = sampled(model, one.views(), range(32))
        nearer = (drawn - good).square().mean((1, 2)) < (drawn - bad).square().mean((1, 2))
        return nearer.float().mean().item()

    def flow_matching_loss() -> float:
        stage = FlowStage(model, recipe, 1, [Part(replace(one, shape_latents=good[None]), 64)])
        with torch.no_grad():
            return stage.loss(stage.draw(0, range(64)))[0].item()

    wins_before, loss_before = wins(), flow_matching_loss()
    assert 0.2 < wins_before < 0.8
    pairs = PreferencePairs(one.views(), good[None], bad[None])
    preferring = replace(find_recipe("mini_dpo"), batch_size=8, dpo=DPOConfig(beta=20.0))
    fit(DPOStage(model.train(), preferring, 0, pairs), mini_optimiser(3e-4, warmup_steps=5), 40)
    assert wins() > wins_before + 0.2
    assert flow_matching_loss() < 1.1 * loss_before
