"""Training objectives as pure functions, in the paper's letters: x_0 noise, x_1 data, x_τ between, v velocity.

τ = 0 is noise and τ = 1 is data. Squared norms are means over tokens and channels, so that weights do not depend on
latent sizes; β of the DPO loss absorbs that factor and T.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training_loop.models.config import SHAPE
from training_loop.models.geometry_flow import Latents

VelocityField = Callable[[Latents, Tensor, Tensor | None], Latents]
"""(x_τ, τ (B,), d (B,) or None) → velocities, the condition being fixed."""


@dataclass(frozen=True)
class FlowMatchingLoss:
    """Σ λ_m L_m, and each L_m (over the samples that have m) for the log."""

    total: Tensor
    per_modality: dict[str, Tensor]


@dataclass(frozen=True)
class PreferenceLoss:
    """The DPO loss, implicit rewards (B, 2) of winner and loser, their difference (B,), and the share above zero."""

    total: Tensor
    reward: Tensor
    reward_margin: Tensor
    accuracy: Tensor
    winner_error: Tensor


@dataclass(frozen=True)
class ShortcutLoss:
    """Eq. 4 and its two terms."""

    total: Tensor
    flow_matching: Tensor
    self_consistency: Tensor


def interpolate(x_0: Latents, x_1: Latents, t: Tensor) -> Latents:
    """x_τ = τ x_1 + (1 - τ) x_0 for every modality; t is (B,)."""
    return {name: t[:, None, None] * x_1[name] + (1 - t[:, None, None]) * x_0[name] for name in x_1}


def squared_error(v: Tensor, v_theta: Tensor) -> Tensor:
    """(B, N, C), (B, N, C) → (B,) mean squared difference."""
    return (v - v_theta).square().flatten(1).mean(dim=1)


def flow_matching_loss(
    field: VelocityField,
    x_0: Latents,
    x_1: Latents,
    t: Tensor,
    weights: Mapping[str, float],
    present: Mapping[str, Tensor],
) -> FlowMatchingLoss:
    """L_CFM = Σ_m λ_m E ‖(x_1 - x_0) - v_θ(x_τ, c, τ)‖² over the modalities that a sample has.

    Args:
        field: v_θ under the batch's condition.
        x_0, x_1: modality → (B, N, C). t: (B,).
        weights: λ_m; a modality without weight is generated but not trained.
        present: modality → (B,) bool; a modality without entry is present in every sample.

    Source: Eq. 1.
    """
    v_theta = field(interpolate(x_0, x_1, t), t, None)
    per_modality, total = {}, t.new_zeros(())
    for name, weight in weights.items():
        if name not in x_1:
            continue
        error = squared_error(x_1[name] - x_0[name], v_theta[name])
        has = present.get(name, torch.ones_like(t, dtype=torch.bool)).to(error.dtype)
        # Divided by the batch, not by the samples present: a sample weighs the same whoever shares its batch.
        per_modality[name] = (error * has).sum() / has.sum().clamp(min=1.0)
        total = total + weight * (error * has).mean()
    return FlowMatchingLoss(total=total, per_modality=per_modality)


def implicit_reward(
    field: VelocityField, reference: VelocityField, x_0: Tensor, x_1: Tensor, t: Tensor
) -> tuple[Tensor, Tensor]:
    """How much better than the reference the policy explains x_1, ‖v - v_ref‖² - ‖v - v_θ‖², and ‖v - v_θ‖²; (B,) each.

    Shapes only: x_0, x_1 are (B, cells, channels). The reference is not differentiated.
    """
    x_t = interpolate({SHAPE: x_0}, {SHAPE: x_1}, t)
    v = x_1 - x_0
    error = squared_error(v, field(x_t, t, None)[SHAPE])
    with torch.no_grad():
        reference_error = squared_error(v, reference(x_t, t, None)[SHAPE])
    return reference_error - error, error


def dpo_loss(
    field: VelocityField,
    reference: VelocityField,
    x_0: Tensor,
    x_1_winner: Tensor,
    x_1_loser: Tensor,
    t: Tensor,
    beta: float,
    w: Callable[[Tensor], Tensor] = torch.ones_like,
) -> PreferenceLoss:
    """-E log σ(-β w(τ) Δ), Δ = (‖v^w - v_θ‖² - ‖v^w - v_ref‖²) - (‖v^l - v_θ‖² - ‖v^l - v_ref‖²).

    Both sides of a pair share noise and time. The fields see 2B samples, winner and loser of a pair adjacent, under the
    conditions of B targets.

    Args:
        x_0, x_1_winner, x_1_loser: (B, cells, channels). t: (B,).

    Source: Eq. 2 and 3.
    """
    x_1 = torch.stack([x_1_winner, x_1_loser], dim=1).flatten(0, 1)
    reward, error = implicit_reward(field, reference, x_0.repeat_interleave(2, 0), x_1, t.repeat_interleave(2))
    margin = reward[0::2] - reward[1::2]
    return PreferenceLoss(
        total=-F.logsigmoid(beta * w(t) * margin).mean(),
        reward=reward.detach().reshape(-1, 2),
        reward_margin=margin.detach(),
        accuracy=(margin.detach() > 0).float().mean(),
        winner_error=error.detach()[0::2].mean(),
    )


def consistency_target(
    conditional: VelocityField,
    unconditional: VelocityField,
    x_t: Latents,
    t: Tensor,
    d: Tensor,
    w_cfg: Tensor,
    d_input: Tensor | None = None,
) -> Latents:
    """Average velocity of two guided steps of size d; no gradient.

    Args:
        d: (B,) step size. d_input: what the model is told, d itself if None. w_cfg: (B,) guidance weight.

    Source: Algorithm 2.
    """
    told = d if d_input is None else d_input

    def guided(x: Latents, at: Tensor) -> Latents:
        with_condition, without = conditional(x, at, told), unconditional(x, at, told)
        return {name: without[name] + weight * (with_condition[name] - without[name]) for name in x}

    step, weight = d[:, None, None], w_cfg[:, None, None]
    with torch.no_grad():
        first = guided(x_t, t)
        halfway = {name: x_t[name] + step * first[name] for name in x_t}
        second = guided(halfway, t + d)
        return {name: (first[name] + second[name]) / 2 for name in x_t}


def shortcut_loss(
    field: VelocityField,
    x_0: Latents,
    x_1: Latents,
    t: Tensor,
    d: Tensor,
    target: Latents,
    rows: Tensor,
    weights: Mapping[str, float],
    present: Mapping[str, Tensor] | None = None,
) -> ShortcutLoss:
    """Flow matching on the samples with d = 0; on the others, ‖v_consistency - v_θ(x_τ, c, τ, 2d)‖².

    Args:
        d: (B,) step size of the two teacher steps; 0 marks a flow-matching sample.
        target: modality → (C, N, C'), `consistency_target` of the samples `rows`.
        rows: (C,) indices of every sample with d > 0; one with d = 0 among them is left out of the second term.
        present: as in `flow_matching_loss`.

    Source: Eq. 4.
    """
    v_theta = field(interpolate(x_0, x_1, t), t, 2 * d)
    flow_matching, self_consistency = t.new_zeros(()), t.new_zeros(())
    for name, weight in weights.items():
        if name not in x_1:
            continue
        has = (present or {}).get(name, torch.ones_like(t, dtype=torch.bool))
        error = squared_error(x_1[name] - x_0[name], v_theta[name])
        flow_matching = flow_matching + weight * (error * (has & (d == 0))).mean()
        error = squared_error(target[name], v_theta[name][rows])
        self_consistency = self_consistency + weight * (error * (has & (d > 0))[rows]).sum() / len(t)
    return ShortcutLoss(
        total=flow_matching + self_consistency,
        flow_matching=flow_matching.detach(),
        self_consistency=self_consistency.detach(),
    )


def vae_loss(
    logits: Tensor, occupancy: Tensor, mean: Tensor, log_variance: Tensor, kl_weight: float
) -> dict[str, Tensor]:
    """Binary cross-entropy and Dice of the occupancy, plus KL to N(0, I), each a mean over its own elements.

    Args:
        logits, occupancy: (B, R, R, R). mean, log_variance: (B, c, r, r, r).
    """
    entropy = F.binary_cross_entropy_with_logits(logits, occupancy)
    probability = torch.sigmoid(logits).flatten(1)
    target = occupancy.flatten(1)
    overlap = 2 * (probability * target).sum(1) + 1.0
    dice = (1 - overlap / (probability.sum(1) + target.sum(1) + 1.0)).mean()
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    return {"total": entropy + dice + kl_weight * kl, "entropy": entropy, "dice": dice, "kl": kl}
