from dataclasses import replace

import pytest
import torch

from tests.unit.training_loop.tiny import made_up_examples, randomise_output, tiny_config
from training_loop.models.config import LAYOUT_CHANNELS, SHAPE, full, mini
from training_loop.models.gaussian_prior import GaussianPrior
from training_loop.models.generator import GeometryModel
from training_loop.models.geometry_flow import GeometryFlow
from training_loop.models.shape_vae import ShapeVAE, fold_patches, unfold_patches


def random_latents(model, batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(batch, *shape, generator=generator) for name, shape in model.latent_shapes().items()}


def condition_of(model, targets=2):
    views = made_up_examples(model.config, targets).views()
    return views, model.condition(views)


def test_velocities_have_the_shapes_of_their_latents(tiny_model):
    x = random_latents(tiny_model)
    _, condition = condition_of(tiny_model)
    v = tiny_model.velocity(x, torch.tensor([0.2, 0.7]), condition)
    assert {name: value.shape for name, value in v.items()} == {name: value.shape for name, value in x.items()}


def test_shape_does_not_depend_on_layout_but_layout_on_shape(tiny_model):
    x, t = random_latents(tiny_model), torch.tensor([0.3, 0.6])
    _, condition = condition_of(tiny_model)
    both = tiny_model.velocity(x, t, condition)
    alone = tiny_model.velocity({SHAPE: x[SHAPE]}, t, condition)
    assert torch.allclose(both[SHAPE], alone[SHAPE], atol=1e-6)
    other = tiny_model.velocity({**x, SHAPE: x[SHAPE] + 1.0}, t, condition)
    assert not torch.allclose(both["rotation"], other["rotation"])


def test_layout_losses_leave_shape_weights_alone(tiny_model):
    x = random_latents(tiny_model)
    _, condition = condition_of(tiny_model)
    v = tiny_model.velocity(x, torch.tensor([0.3, 0.6]), condition)
    sum(v[name].square().sum() for name in LAYOUT_CHANNELS).backward()
    moved = {
        name for name, weight in tiny_model.flow.named_parameters() if weight.grad is not None and weight.grad.any()
    }
    assert any(".layout." in name for name in moved)
    assert not any("to_qkv.shape" in name or "mlp.shape" in name for name in moved)
    # Modulation is shared by the streams.
    assert any("adaLN_modulation" in name for name in moved)


def test_a_frozen_shape_leaves_the_layout_stream_to_train(tiny_model):
    tiny_model.flow.freeze_shape()
    trained = {name for name, weight in tiny_model.flow.named_parameters() if weight.requires_grad}
    assert {"latent_mapping.rotation.pos_emb", "blocks.0.mlp.layout.mlp.0.weight"} <= trained
    x, t = random_latents(tiny_model), torch.tensor([0.3, 0.6])
    _, condition = condition_of(tiny_model)
    before = tiny_model.velocity(x, t, condition)
    with torch.no_grad():
        for name, weight in tiny_model.flow.named_parameters():
            if name in trained:
                weight.add_(0.1)
    _, condition = condition_of(tiny_model)
    after = tiny_model.velocity(x, t, condition)
    assert torch.equal(before[SHAPE], after[SHAPE])
    assert all(not torch.allclose(before[name], after[name]) for name in LAYOUT_CHANNELS)


def test_no_condition_equals_zero_tokens(tiny_model):
    x, t = random_latents(tiny_model), torch.tensor([0.3, 0.6])
    views, _ = condition_of(tiny_model)
    dropped = tiny_model.condition(views, torch.zeros(2, dtype=torch.bool))
    with torch.no_grad():
        for block in tiny_model.flow.blocks:
            for attention in block.cross_attn.values():
                attention.to_kv.bias.normal_()
        dropped = tiny_model.condition(views, torch.zeros(2, dtype=torch.bool))
        zero, none = tiny_model.velocity(x, t, dropped), tiny_model.velocity(x, t, None)
    assert all(torch.allclose(zero[name], none[name], atol=1e-5) for name in x)


def test_candidates_of_a_target_share_its_keys_and_values(tiny_model):
    _, condition = condition_of(tiny_model, targets=2)
    x, t = random_latents(tiny_model, batch=6), torch.full((6,), 0.4)
    shared = tiny_model.velocity(x, t, condition)
    repeated = tiny_model.velocity(x, t, condition.select(torch.tensor([0, 0, 0, 1, 1, 1])))
    assert all(torch.allclose(shared[name], repeated[name], atol=1e-5) for name in x)


def test_the_step_size_changes_nothing_before_distillation():
    torch.manual_seed(0)
    model = GeometryModel(tiny_config())
    x, t = random_latents(model), torch.tensor([0.3, 0.6])
    _, condition = condition_of(model)
    plain = model.velocity(x, t, condition)
    told = model.velocity(x, t, condition, torch.tensor([0.5, 0.25]))
    assert all(torch.equal(plain[name], told[name]) for name in x)


def test_activation_checkpointing_gives_the_same_gradients(tiny_model):
    x, t = random_latents(tiny_model), torch.tensor([0.3, 0.6])
    gradients = []
    for checkpointed in (False, True):
        tiny_model.flow.checkpoint_activations = checkpointed
        tiny_model.zero_grad()
        _, condition = condition_of(tiny_model)
        tiny_model.velocity(x, t, condition)[SHAPE].square().sum().backward()
        gradients.append(tiny_model.flow.blocks[0].mlp[SHAPE].mlp[0].weight.grad.clone())
    assert torch.allclose(gradients[0], gradients[1], atol=1e-5)


def test_halved_weights_give_the_same_bits_under_autocast(tiny_model):
    x, t = random_latents(tiny_model), torch.tensor([0.3, 0.6])
    found = []
    for _ in range(2):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            _, condition = condition_of(tiny_model)
            found.append(tiny_model.velocity(x, t, condition))
            found.append(tiny_model.velocity(x, t, None))
        tiny_model.halve_linear_weights()
    assert tiny_model.flow.blocks[0].self_attn.to_qkv[SHAPE].weight.dtype == torch.bfloat16
    for name in x:
        assert torch.equal(found[0][name], found[2][name])
        assert torch.equal(found[1][name], found[3][name])


@pytest.mark.parametrize("conditional", [True, False])
def test_a_block_compiles_in_one_piece(tiny_model, conditional):
    block = tiny_model.flow.blocks[0]
    with torch.no_grad():
        condition = condition_of(tiny_model)[1].keys_values[0] if conditional else None
    inputs = {SHAPE: torch.randn(2, 8, 48), "layout": torch.randn(2, 4, 48)}, torch.randn(2, 48), condition
    compiled = torch.compile(block, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        expected, found = block(*inputs), compiled(*inputs)
    assert all(torch.allclose(found[stream], expected[stream], atol=1e-6) for stream in expected)


def test_folding_cells_to_tokens_and_voxels_to_channels_is_undone():
    flow = GeometryFlow(tiny_config())
    cells = torch.randn(2, 512, 4)
    assert torch.equal(flow._unfold(flow._fold(cells, 4), 4), cells)
    grid = torch.randn(2, 3, 8, 8, 8)
    assert torch.equal(unfold_patches(fold_patches(grid, 4), 4), grid)


def test_the_presets_have_the_sizes_that_they_promise():
    with torch.device("meta"):
        small, backbone = GeometryModel(mini()), GeometryFlow(full())
        vae = ShapeVAE(full().vae)
    state = sum(value.numel() for value in small.state_dict().values())
    assert 2 * state <= 16 * 2**20
    # The released backbone has 960 M parameters, its shape decoder 74 M.
    assert abs(sum(p.numel() for p in backbone.parameters()) / 960e6 - 1) < 0.02
    assert abs(sum(p.numel() for p in vae.decoder.parameters()) / 74e6 - 1) < 0.02
    assert full().shape_tokens == (4096, 8)


def test_the_vae_keeps_the_promised_shapes_and_scale():
    config = tiny_config().vae
    vae = ShapeVAE(replace(config, latent_mean=(1.0,) * 4, latent_std=(2.0,) * 4)).eval()
    occupancy = torch.rand(2, 64, 64, 64) > 0.5
    with torch.no_grad():
        latents = vae.encode(occupancy)
        plain = ShapeVAE(config).eval()
        plain.load_state_dict(vae.state_dict())
        assert torch.allclose(latents, (plain.encode(occupancy) - 1.0) / 2.0, atol=1e-6)
        assert torch.allclose(vae.decode(latents), plain.decode(latents * 2.0 + 1.0), atol=1e-5)
    assert latents.shape == (2, *config.latent_shape)


def test_principal_components_reconstruct_what_they_span():
    vae = ShapeVAE(tiny_config().vae).eval()
    occupancy = torch.zeros(3, 64, 64, 64, dtype=torch.bool)
    for index, axis in enumerate(range(3)):
        occupancy[(index, *[slice(0, 32) if a == axis else slice(None) for a in range(3)])] = True
    vae.start_from_principal_components(occupancy)
    with torch.no_grad():
        assert torch.equal(vae.decode(vae.encode(occupancy)) > 0, occupancy)


def test_the_gaussian_head_start_carries_noise_to_its_gaussian():
    torch.manual_seed(0)
    mixing = 0.5 * torch.randn(20, 6)
    data = torch.randn(1500, 6) @ mixing.T + 1.0 + 0.1 * torch.randn(1500, 20)
    prior = GaussianPrior(20, 6, 8)
    prior.fit(data, torch.zeros(1500, 4, 16, 16, dtype=torch.uint8))
    x = torch.randn(1500, 20, 1)
    for step in range(100):
        x = x + prior(x, torch.full((1500,), step / 100), None, None)[0] / 100
    assert (x[:, :, 0].mean(0) - data.mean(0)).abs().max() < 0.15
    assert (torch.cov(x[:, :, 0].T) - torch.cov(data.T)).abs().max() < 0.3


def test_a_model_with_random_output_layers_is_not_silent(tiny_model):
    silent = GeometryModel(tiny_config()).eval()
    x, t = random_latents(silent), torch.tensor([0.3, 0.6])
    _, condition = condition_of(silent)
    before = silent.velocity(x, t, condition)
    randomise_output(silent)
    assert not torch.allclose(before[SHAPE], silent.velocity(x, t, condition)[SHAPE])
