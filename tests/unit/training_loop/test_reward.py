import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from training_loop.batches import Chance
from training_loop.recipe import TimeConfig
from training_loop.recipes import find_recipe
from training_loop.reward import dpo_times, implicit_rewards

UNIFORM = TimeConfig(distribution="uniform")
EARLY = TimeConfig(mean=2.0, std=1.4)


@pytest.mark.parametrize("config", [UNIFORM, EARLY])
def test_quantiles_are_those_of_the_times_that_training_draws(config):
    drawn = Chance(0, "sft", 0, [0], torch.device("cpu")).times(config, 20_000).double()
    shares = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    assert drawn.quantile(shares).tolist() == pytest.approx(config.quantiles(shares).tolist(), abs=0.01)


def times_asked(policy, reference, **options):
    """At which times the velocity of two candidates is looked at."""
    asked, velocity = [], policy.velocity

    def spy(x, t, condition, d=None):
        asked.append(t[0].item())
        return velocity(x, t, condition, d)

    policy.velocity = spy
    image = np.full((32, 32, 3), 128, dtype=np.uint8)
    mask = np.zeros((32, 32), dtype=bool)
    mask[8:24, 8:24] = True
    latents = [np.full(policy.config.vae.latent_shape, value, dtype=np.float32) for value in (0.0, 1.0)]
    implicit_rewards(policy=policy, reference=reference, image=image, mask=mask, latents=latents, draws=4, **options)
    return asked


def test_the_reward_looks_where_preferences_were_taught(tiny_model):
    shares = torch.tensor([0.125, 0.375, 0.625, 0.875], dtype=torch.float64)
    taught = find_recipe("mini_dpo").time.quantiles(shares).tolist()
    assert times_asked(copy.deepcopy(tiny_model), tiny_model) == pytest.approx(taught)
    assert times_asked(copy.deepcopy(tiny_model), tiny_model, time=UNIFORM) == pytest.approx(shares.tolist())


def test_the_full_model_is_asked_at_all_times_alike(tiny_model):
    assert dpo_times(tiny_model) == find_recipe("mini_dpo").time
    tiny_model.config = replace(tiny_model.config, preset="full")
    assert dpo_times(tiny_model).distribution == "uniform"
