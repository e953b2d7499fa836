import math

import pytest
import torch

from training_loop.models.config import ROTATION, SHAPE
from training_loop.objectives import (
    consistency_target,
    dpo_loss,
    flow_matching_loss,
    implicit_reward,
    interpolate,
    shortcut_loss,
    vae_loss,
)


def constant_field(value: float):
    return lambda x, t, d: {name: torch.full_like(tensor, value) for name, tensor in x.items()}


def latents(seed: int, batch: int = 4) -> torch.Tensor:
    return torch.randn(batch, 6, 3, generator=torch.Generator().manual_seed(seed))


def test_the_path_runs_from_noise_to_data():
    x_0, x_1 = {SHAPE: latents(0)}, {SHAPE: latents(1)}
    assert torch.equal(interpolate(x_0, x_1, torch.zeros(4))[SHAPE], x_0[SHAPE])
    assert torch.equal(interpolate(x_0, x_1, torch.ones(4))[SHAPE], x_1[SHAPE])


def test_flow_matching_is_zero_for_the_true_velocity_and_counts_the_error_of_others():
    x_0, x_1 = {SHAPE: latents(0)}, {SHAPE: latents(1)}
    t = torch.rand(4)
    truth = flow_matching_loss(lambda x, t, d: {SHAPE: x_1[SHAPE] - x_0[SHAPE]}, x_0, x_1, t, {SHAPE: 1.0}, {})
    assert truth.total.item() == 0.0
    off_by_two = flow_matching_loss(
        lambda x, t, d: {SHAPE: x_1[SHAPE] - x_0[SHAPE] + 2.0}, x_0, x_1, t, {SHAPE: 0.5}, {}
    )
    assert off_by_two.total.item() == pytest.approx(0.5 * 4.0)
    assert off_by_two.per_modality[SHAPE].item() == pytest.approx(4.0)


def test_a_modality_counts_only_for_the_samples_that_have_it():
    x_0 = {SHAPE: torch.zeros(4, 6, 3), ROTATION: torch.zeros(4, 1, 6)}
    x_1 = {SHAPE: torch.zeros(4, 6, 3), ROTATION: torch.ones(4, 1, 6)}
    present = {ROTATION: torch.tensor([True, False, False, False])}
    result = flow_matching_loss(constant_field(0.0), x_0, x_1, torch.rand(4), {SHAPE: 1.0, ROTATION: 0.1}, present)
    assert result.per_modality[ROTATION].item() == pytest.approx(1.0)
    assert result.total.item() == pytest.approx(0.1 * 1.0 / 4)
    nobody = {ROTATION: torch.zeros(4, dtype=torch.bool)}
    result = flow_matching_loss(constant_field(0.0), x_0, x_1, torch.rand(4), {ROTATION: 0.1}, nobody)
    assert result.total.item() == 0.0


def test_dpo_is_log_2_where_policy_equals_reference():
    field = constant_field(0.3)
    result = dpo_loss(field, field, latents(0), latents(1), latents(2), torch.rand(4), beta=2000.0)
    assert result.total.item() == pytest.approx(math.log(2), abs=1e-6)
    assert torch.equal(result.reward_margin, torch.zeros(4))


def test_dpo_agrees_with_hand_arithmetic():
    # x_0 = 0, winner = 1, loser = -1; the policy says 0.5, the reference 0. Errors: winner 0.25 against 1, loser 2.25
    # against 1, so delta = (0.25 - 1) - (2.25 - 1) = -2.
    zero, one = torch.zeros(3, 6, 3), torch.ones(3, 6, 3)
    result = dpo_loss(constant_field(0.5), constant_field(0.0), zero, one, -one, torch.rand(3), beta=0.7)
    assert result.reward_margin.tolist() == pytest.approx([2.0] * 3)
    assert result.total.item() == pytest.approx(math.log(1 + math.exp(-0.7 * 2.0)))
    assert result.accuracy.item() == 1.0
    weighted = dpo_loss(constant_field(0.5), constant_field(0.0), zero, one, -one, torch.rand(3), 0.7, lambda t: 0 * t)
    assert weighted.total.item() == pytest.approx(math.log(2))


def test_dpo_prefers_moving_towards_the_winner():
    value = torch.zeros((), requires_grad=True)
    zero, one = torch.zeros(2, 6, 3), torch.ones(2, 6, 3)
    field = lambda x, t, d: {SHAPE: value.expand_as(x[SHAPE])}  # noqa: E731
    dpo_loss(field, constant_field(0.0), zero, one, -one, torch.rand(2), beta=1.0).total.backward()
    assert value.grad.item() < 0


def test_implicit_reward_is_the_gain_over_the_reference():
    reward, error = implicit_reward(
        constant_field(1.0), constant_field(0.0), torch.zeros(2, 6, 3), torch.ones(2, 6, 3), torch.rand(2)
    )
    assert reward.tolist() == [1.0, 1.0]
    assert error.tolist() == [0.0, 0.0]


def test_two_steps_of_a_constant_field_average_to_it():
    x_t = {SHAPE: latents(3)}
    half = torch.full((4,), 0.25)
    target = consistency_target(constant_field(0.4), constant_field(0.4), x_t, half, half, torch.full((4,), 2.0))
    assert torch.allclose(target[SHAPE], torch.full_like(x_t[SHAPE], 0.4))


def test_two_steps_of_a_linear_field_have_the_closed_form():
    # v = a·x: two Euler steps of size d give x (1 + a d)², so the mean velocity is x ((1 + a d)² - 1) / 2d.
    a, d = 0.8, 0.125
    x_t = {SHAPE: latents(4)}
    field = lambda x, t, told: {SHAPE: a * x[SHAPE]}  # noqa: E731
    target = consistency_target(field, field, x_t, torch.zeros(4), torch.full((4,), d), torch.ones(4))
    assert torch.allclose(target[SHAPE], x_t[SHAPE] * ((1 + a * d) ** 2 - 1) / (2 * d), atol=1e-6)


def test_guidance_of_the_target_extrapolates_from_the_unconditional_field():
    x_t = {SHAPE: latents(5)}
    d = torch.full((4,), 0.25)
    target = consistency_target(constant_field(1.0), constant_field(0.5), x_t, d, d, torch.tensor([2.0, 2.0, 1.0, 1.0]))
    assert target[SHAPE][:, 0, 0].tolist() == pytest.approx([1.5, 1.5, 1.0, 1.0])


def test_shortcut_loss_is_zero_when_both_terms_agree():
    x_0, x_1 = {SHAPE: torch.zeros(4, 6, 3)}, {SHAPE: torch.full((4, 6, 3), 0.4)}
    d = torch.tensor([0.0, 0.0, 0.0, 0.25])
    told = []

    def field(x, t, d_input):
        told.append(d_input)
        return {SHAPE: torch.full_like(x[SHAPE], 0.4)}

    target = {SHAPE: torch.full((1, 6, 3), 0.4)}
    taught = torch.tensor([3])
    result = shortcut_loss(field, x_0, x_1, torch.zeros(4), d, target, taught, {SHAPE: 1.0})
    assert result.total.item() == pytest.approx(0.0)
    assert told[0].tolist() == [0.0, 0.0, 0.0, 0.5]
    off = {SHAPE: torch.full((1, 6, 3), 1.4)}
    assert shortcut_loss(
        field, x_0, x_1, torch.zeros(4), d, off, taught, {SHAPE: 1.0}
    ).self_consistency.item() == pytest.approx(0.25)
    # A row that trains flow matching has no consistency term, even if the teacher looked at it.
    plain = shortcut_loss(field, x_0, x_1, torch.zeros(4), 0 * d, off, taught, {SHAPE: 1.0})
    assert plain.self_consistency.item() == 0.0


def test_shortcut_loss_asks_nothing_of_modalities_that_a_sample_lacks():
    x_0, x_1 = ({ROTATION: value * torch.ones(2, 1, 6)} for value in (0.0, 1.0))
    field = lambda x, t, d: {ROTATION: torch.zeros_like(x[ROTATION])}  # noqa: E731
    d, target = torch.tensor([0.0, 0.25]), {ROTATION: torch.ones(1, 1, 6)}
    losses = [
        shortcut_loss(
            field,
            x_0,
            x_1,
            torch.zeros(2),
            d,
            target,
            torch.tensor([1]),
            {ROTATION: 1.0},
            {ROTATION: torch.tensor(has)},
        ).total.item()
        for has in ([True, True], [True, False], [False, False])
    ]
    assert losses == [1.0, 0.5, 0.0]


def test_vae_loss_is_small_for_sure_and_right_logits():
    occupancy = (torch.arange(64).reshape(1, 4, 4, 4) % 2).float()
    nothing = torch.zeros(1, 2, 2, 2, 2)
    terms = vae_loss(40 * (occupancy - 0.5), occupancy, nothing, nothing, 1.0)
    assert terms["kl"].item() == 0.0
    assert terms["total"].item() < 1e-6
