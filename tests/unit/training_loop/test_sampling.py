import pytest
import torch

from tests.unit.training_loop.tiny import made_up_examples
from training_loop.models.config import SHAPE
from training_loop.sampling import SamplerConfig, SamplingError, sample_latents, seeded_noise, time_grid

SAMPLER = SamplerConfig(steps=3, strength=2.0)


def one_view(model, index=0, count=3):
    return made_up_examples(model.config, count).gather(torch.tensor([index])).views()


def test_time_runs_from_noise_to_data_in_shorter_steps_at_the_noise():
    grid = time_grid(4, 3.0)
    assert grid[0] == 0.0
    assert grid[-1] == 1.0
    assert (grid.diff().diff() > 0).all()
    assert torch.allclose(time_grid(4, 1.0), torch.linspace(0, 1, 5, dtype=torch.float64))
    # τ / (1 + 2 (1 - τ)) at one half.
    assert grid[2].item() == pytest.approx(0.25)


def test_a_seed_gives_the_same_candidate_whatever_batch_it_rides_in(tiny_model):
    alone = sample_latents(tiny_model, one_view(tiny_model), [7], SAMPLER)
    in_company = sample_latents(tiny_model, one_view(tiny_model), [3, 7, 11], SAMPLER)
    for name in alone:
        assert torch.allclose(alone[name][0], in_company[name][1], atol=1e-5)
    assert not torch.allclose(in_company[SHAPE][0], in_company[SHAPE][1])


def test_the_same_call_gives_the_same_bits(tiny_model):
    first, second = (sample_latents(tiny_model, one_view(tiny_model), [1, 2], SAMPLER) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_several_targets_at_once_equal_one_at_a_time(tiny_model):
    both = made_up_examples(tiny_model.config, 3).gather(torch.tensor([0, 1])).views()
    together = sample_latents(tiny_model, both, [5, 6], SAMPLER)
    second = sample_latents(tiny_model, one_view(tiny_model, 1), [5, 6], SAMPLER)
    assert torch.allclose(together[SHAPE][2:], second[SHAPE], atol=1e-5)


def test_noise_belongs_to_its_seed(tiny_model):
    noise = seeded_noise(tiny_model, [4, 9, 4])
    assert torch.equal(noise[SHAPE][0], noise[SHAPE][2])
    assert not torch.equal(noise[SHAPE][0], noise[SHAPE][1])


def test_guidance_outside_of_its_interval_is_off(tiny_model):
    plain = SamplerConfig(steps=2, strength=0.0)
    never = SamplerConfig(steps=2, strength=5.0, guidance_interval=(2.0, 3.0))
    a, b = (sample_latents(tiny_model, one_view(tiny_model), [1], config) for config in (plain, never))
    assert torch.equal(a[SHAPE], b[SHAPE])


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_shortcut_mode_tells_each_step_its_size_and_guides_nothing(tiny_model, steps):
    told = []
    velocity = tiny_model.velocity

    def spy(x, t, condition, d=None):
        told.append((condition is None, None if d is None else d[0].item()))
        return velocity(x, t, condition, d)

    tiny_model.velocity = spy
    sample_latents(tiny_model, one_view(tiny_model), [1], SamplerConfig(steps=steps, shortcut=True))
    assert told == [(False, 1 / steps)] * steps


def count_calls(modules):
    """Calls of modules; a single row of zeros, which stands for the zero-token condition, is none."""
    counts = dict.fromkeys(modules, 0)
    for name, module in modules.items():

        def count(_, inputs, __, name=name):
            is_constant = isinstance(inputs[0], torch.Tensor) and len(inputs[0]) == inputs[0].ndim - 1 == 1
            counts[name] += not (is_constant and not inputs[0].any())

        module.register_forward_hook(count)
    return counts


def test_a_target_is_encoded_once_for_all_seeds_and_steps(tiny_model):
    attention = tiny_model.flow.blocks[0].cross_attn["shape"]
    counts = count_calls({"conditioner": tiny_model.conditioner, "to_kv": attention.to_kv, "to_q": attention.to_q})
    config = SamplerConfig(steps=4, strength=2.0, rescale_t=1.0)
    sample_latents(tiny_model, one_view(tiny_model), [1, 2, 3], config)
    # τ = 0, ¼, ½ are guided; the unconditional pass asks nothing of the condition.
    assert config.guided_steps == 3
    assert counts == {"conditioner": 1, "to_kv": 1, "to_q": 4}


def test_the_unconditional_pass_needs_no_cross_attention(tiny_model):
    counts = count_calls({name: module for name, module in tiny_model.flow.named_modules() if ".cross_attn." in name})
    noise = seeded_noise(tiny_model, [1, 2])
    with torch.no_grad():
        tiny_model.velocity(noise, torch.zeros(2), None)
    used = {name.rsplit(".", 1)[-1] for name, count in counts.items() if count}
    assert used <= {"shape", "layout", "to_out"}


def test_half_of_25_steps_are_guided_in_even_times_and_19_in_the_released_ones():
    assert SamplerConfig(steps=25, rescale_t=1.0).guided_steps == 13
    assert SamplerConfig().guided_steps == 19
    assert SamplerConfig(shortcut=True).guided_steps == 0


def test_no_steps_is_an_error():
    with pytest.raises(SamplingError, match="at least one step"):
        SamplerConfig(steps=0)
