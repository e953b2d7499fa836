"""The implicit reward of DPO as a reward model: which of many candidates people would prefer, without asking them.

Source: paper sections A.7.1 and E.7 (pre-filter for best-of-N search); Eq. 2 and 3.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from training_loop.examples import prepare_target, stack_views
from training_loop.models.generator import GeometryModel
from training_loop.objectives import implicit_reward
from training_loop.recipe import TimeConfig
from training_loop.recipes import find_recipe
from training_loop.stages import field_of


class RewardError(ValueError):
    """Policy, reference and candidates do not belong together."""


@torch.no_grad()
def implicit_rewards(
    *,
    policy: GeometryModel,
    reference: GeometryModel,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    point_map: NDArray[np.float32] | None = None,
    intrinsics: Intrinsics | None = None,
    latents: Sequence[NDArray[np.float32]],
    draws: int = 8,
    time: TimeConfig | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """How much better than before DPO the model explains each candidate: E_τ [‖v - v_ref‖² - ‖v - v_θ‖²], (N,).

    The expectation is that of Eq. 2, over the times that DPO was trained with: it raised this very figure for winners.
    Noise and times are the same for all candidates, times at evenly spaced quantiles of their distribution, so that
    differences between candidates show after a few draws. Only differences within one target mean something.

    Args:
        policy: the model after DPO. reference: the model before.
        image, mask, point_map, intrinsics: the target, as for `sample_candidates`.
        latents: x₁ (cells, channels) of N candidates of this target. draws: (noise, τ) pairs to average over.
        time: the distribution of τ in the training of the policy; None is that of the preset's DPO recipe.

    Raises:
        RewardError: a latent does not fit, or the two models have different latent spaces.
        ViewError: image, mask and point map do not fit together, or the mask is empty.
    """
    shape = policy.config.vae.latent_shape
    if wrong := [candidate.shape for candidate in latents if candidate.shape != shape]:
        raise RewardError(f"latents must be {shape}, got {wrong[0]}; were they made by another preset?")
    if policy.vae.fingerprint() != reference.vae.fingerprint():
        raise RewardError(
            "policy and reference have different shape VAEs: the reference must be the parent of the policy"
        )
    target = prepare_target(
        image=image,
        mask=mask,
        point_map=point_map,
        intrinsics=intrinsics,
        pose=None,
        config=policy.config.conditioning,
    )
    views = stack_views([target.views], policy.config.conditioning).to(policy.device)
    fields = [field_of(model, model.condition(views)) for model in (policy, reference)]
    x_1 = torch.from_numpy(np.stack(latents)).to(policy.device)
    shares = (torch.arange(draws, dtype=torch.float64) + 0.5) / draws
    times = (time or dpo_times(policy)).quantiles(shares)
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(len(x_1), device=policy.device)
    for at in times.tolist():
        x_0 = torch.randn(shape, generator=generator).to(policy.device).expand_as(x_1)
        t = torch.full((len(x_1),), at, device=policy.device)
        total += implicit_reward(fields[0], fields[1], x_0, x_1, t)[0]
    return (total / draws).cpu().numpy()


def dpo_times(policy: GeometryModel) -> TimeConfig:
    """How the DPO recipe of a model's preset draws τ: uniformly for `full` (Eq. 2), mostly early for the small ones."""
    return find_recipe("full_dpo" if policy.config.preset == "full" else "mini_dpo").time
