"""The `full` preset must compute what the released structure computes from weights under released names.

Written a second time, as plain functions of a dictionary of weights, so that neither a renamed module nor a changed
order of tokens, norms or streams goes unseen. See docs/released_weights.md for what it was written from.
"""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from training_loop.models.conditioning import ViewBatch
from training_loop.models.config import SHAPE, full
from training_loop.models.dinov2 import DinoV2
from training_loop.models.generator import GeometryModel
from training_loop.released_weights import DECODER, GENERATOR, to_released

LAYOUT = "6drotation_normalized"
LAYOUT_TOKENS = (LAYOUT, "translation", "scale", "translation_scale")
BLOCKS, HEADS, BACKBONE_HEADS, PX, POINTS_PX, POINT_PATCH, EDGE = 2, 6, 4, 56, 32, 8, 8


class Weights:
    """Weights under a prefix, with the two layers that everything is made of."""

    def __init__(self, weights, prefix):
        self.weights, self.prefix = weights, prefix

    def __getitem__(self, name):
        return self.weights[self.prefix + name]

    def under(self, name):
        return Weights(self.weights, self.prefix + name)

    def linear(self, name, x):
        return F.linear(x, self[f"{name}.weight"], self.weights.get(f"{self.prefix}{name}.bias"))

    def norm(self, name, x, eps=1e-5):
        return F.layer_norm(x, x.shape[-1:], self[f"{name}.weight"], self[f"{name}.bias"], eps)


def attention(q, k, v):
    """(B, N, heads, channels) → (B, N, heads · channels)."""
    q, k, v = (value.transpose(1, 2) for value in (q, k, v))
    return ((q @ k.mT * q.shape[-1] ** -0.5).softmax(-1) @ v).transpose(1, 2).flatten(2)


def rms_norm(x, gamma):
    return x / x.norm(dim=-1, keepdim=True) * x.shape[-1] ** 0.5 * gamma


def scalar_embedding(w, x):
    angles = x[:, None] * 10000 ** (-torch.arange(128) / 128)
    return w.linear("mlp.2", F.silu(w.linear("mlp.0", torch.cat([angles.cos(), angles.sin()], -1))))


def flow_block(w, streams, embedding, tokens):
    modulation = w.linear("adaLN_modulation.1", F.silu(embedding))[:, None].chunk(6, -1)
    shift_attention, scale_attention, gate_attention, shift_mlp, scale_mlp, gate_mlp = modulation

    def modulated(x, scale, shift):
        return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift

    q, k, v = {}, {}, {}
    for name, x in streams.items():
        qkv = w.linear(f"self_attn.to_qkv.{name}", modulated(x, scale_attention, shift_attention))
        q[name], k[name], v[name] = qkv.unflatten(-1, (3, HEADS, -1)).unbind(2)
        q[name] = rms_norm(q[name], w[f"self_attn.q_rms_norm.{name}.gamma"])
        k[name] = rms_norm(k[name], w[f"self_attn.k_rms_norm.{name}.gamma"])
    attended = {
        SHAPE: attention(q[SHAPE], k[SHAPE], v[SHAPE]),
        LAYOUT: attention(q[LAYOUT], torch.cat([k[LAYOUT], k[SHAPE]], 1), torch.cat([v[LAYOUT], v[SHAPE]], 1)),
    }
    result = {}
    for name, x in streams.items():
        x = x + gate_attention * w.linear(f"self_attn.to_out.{name}", attended[name])
        cross = w.under(f"cross_attn.{name}.")
        query = cross.linear("to_q", w.norm(f"norm2.{name}", x, 1e-6)).unflatten(-1, (HEADS, -1))
        key, value = cross.linear("to_kv", tokens).unflatten(-1, (2, HEADS, -1)).unbind(2)
        x = x + cross.linear("to_out", attention(query, key, value))
        hidden = w.linear(f"mlp.{name}.mlp.0", modulated(x, scale_mlp, shift_mlp))
        result[name] = x + gate_mlp * w.linear(f"mlp.{name}.mlp.2", F.gelu(hidden, approximate="tanh"))
    return result


def released_flow(weights, latents, t, tokens, d):
    w = Weights(weights, "_base_models.generator.reverse_fn.backbone.")
    embedding = scalar_embedding(w.under("t_embedder."), 1000 * t) + scalar_embedding(w.under("d_embedder."), 1000 * d)
    mapped = {
        name: w.linear(f"latent_mapping.{name}.input_layer", latents[name]) + w[f"latent_mapping.{name}.pos_emb"]
        for name in (SHAPE, *LAYOUT_TOKENS)
    }
    streams = {SHAPE: mapped[SHAPE], LAYOUT: torch.cat([mapped[name] for name in LAYOUT_TOKENS], 1)}
    for index in range(BLOCKS):
        streams = flow_block(w.under(f"blocks.{index}."), streams, embedding, tokens)
    outputs = {SHAPE: streams[SHAPE]}
    outputs |= {name: streams[LAYOUT][:, place : place + 1] for place, name in enumerate(LAYOUT_TOKENS)}
    return {
        name: w.linear(f"latent_mapping.{name}.out_layer", F.layer_norm(x, x.shape[-1:])) for name, x in outputs.items()
    }


def transformer_block(w, x, heads):
    """Pre-normalised, with layer scales where there are weights for them."""
    scales = [w.weights.get(f"{w.prefix}ls{number}.gamma", 1.0) for number in (1, 2)]
    q, k, v = w.linear("attn.qkv", w.norm("norm1", x, 1e-6)).unflatten(-1, (3, heads, -1)).unbind(2)
    x = x + scales[0] * w.linear("attn.proj", attention(q, k, v))
    return x + scales[1] * w.linear("mlp.fc2", F.gelu(w.linear("mlp.fc1", w.norm("norm2", x, 1e-6))))


def backbone(w, image):
    image = (image - torch.tensor(DinoV2.MEAN)[:, None, None]) / torch.tensor(DinoV2.STD)[:, None, None]
    patches = F.conv2d(image, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=14)
    count = len(image)
    x = torch.cat([w["cls_token"].expand(count, -1, -1), patches.flatten(2).mT], 1) + w["pos_embed"]
    x = torch.cat([x[:, :1], w["register_tokens"].expand(count, -1, -1), x[:, 1:]], 1)
    for index in range(BLOCKS):
        x = transformer_block(w.under(f"blocks.{index}."), x, BACKBONE_HEADS)
    x = w.norm("norm", x, 1e-6)
    return torch.cat([x[:, :1], x[:, 5:]], 1)


def point_patches(w, points):
    """(T, 3, Q, Q) in PyTorch3D's camera, NaN unknown."""
    known = points.isfinite().all(1)
    embedded = w.linear("point_proj", points.nan_to_num().permute(0, 2, 3, 1))
    embedded = torch.where(known[..., None], embedded, w["invalid_xyz_token"])
    tokens = []
    for row in range(0, POINTS_PX, POINT_PATCH):
        for column in range(0, POINTS_PX, POINT_PATCH):
            patch = embedded[:, row : row + POINT_PATCH, column : column + POINT_PATCH].flatten(1, 2)
            x = torch.cat([w["cls_token"].expand(len(points), -1, -1), patch], 1) + w["pos_embed_window"]
            read = transformer_block(w.under("blocks.0."), x, 16)[:, 0]
            tokens.append(read + w["pos_embed"][0, :, row // POINT_PATCH, column // POINT_PATCH])
    return torch.stack(tokens, 1)


def released_condition(weights, views):
    w = Weights(weights, "_base_models.condition_embedder.")
    flip, tokens = torch.tensor([-1.0, -1.0, 1.0])[:, None, None], []
    for kind in range(3):
        for place, (picture, points) in enumerate(((views.crop, views.point_crop), (views.full, views.point_full))):
            if kind < 2:
                layers = picture[:, :3] if kind == 0 else picture[:, 3:].expand(-1, 3, -1, -1)
                features = backbone(w.under(f"module_list.{kind}.backbone."), layers / 255.0)
            else:
                known = points[:, 3:] > 0
                features = point_patches(w.under("module_list.2."), torch.where(known, points[:, :3] * flip, torch.nan))
            projection = w.under(f"projection_nets.{kind}.")
            x = projection.norm("0", features)
            x = projection.linear("1.w2", F.silu(projection.linear("1.w1", x)) * projection.linear("1.w3", x))
            x = x + w["idx_emb"][place]
            tokens.append(x if kind < 2 else x * views.has_points[:, None, None])
    return torch.cat(tokens, 1)


def released_decoder(w, latent):
    """(cells, 8) → logits on a grid of four times the edge, indexed [x, y, z], Z-up."""

    def convolve(name, x):
        return F.conv3d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=1)

    def activated(name, x):
        return F.silu(w.norm(name, x.movedim(1, -1)).movedim(-1, 1))

    def residual(name, x):
        return x + convolve(
            f"{name}.conv2", activated(f"{name}.norm2", convolve(f"{name}.conv1", activated(f"{name}.norm1", x)))
        )

    x = residual("middle_block.0", convolve("input_layer", latent.reshape(1, EDGE, EDGE, EDGE, 8).movedim(-1, 1)))
    for level in range(3):
        x = residual(f"blocks.{2 * level}", x)
        if level < 2:
            spread = convolve(f"blocks.{2 * level + 1}.conv", x).unflatten(1, (-1, 2, 2, 2))
            x = spread.permute(0, 1, 5, 2, 6, 3, 7, 4).flatten(6, 7).flatten(4, 5).flatten(2, 3)
    return convolve("out_layer.2", activated("out_layer.0", x))[0, 0]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = full()
    config = replace(
        config,
        vae=replace(
            config.vae,
            resolution=4 * EDGE,
            latent_resolution=EDGE,
            channels=(16, 8, 4),
            blocks_per_level=1,
            middle_blocks=1,
            encoder=False,
        ),
        conditioning=replace(
            config.conditioning,
            image_px=PX,
            point_map_px=POINTS_PX,
            width=96,
            backbone_blocks=BLOCKS,
            backbone_width=64,
            backbone_heads=BACKBONE_HEADS,
            point_width=64,
        ),
        flow=replace(config.flow, blocks=BLOCKS, width=96, heads=HEADS),
    )
    model = GeometryModel(config).eval()
    for weight in model.parameters():
        weight.data += 0.08 * torch.randn_like(weight)
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def views():
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(0, 256, (2, 2, 4, PX, PX), generator=generator, dtype=torch.uint8)
    points = torch.randn(2, 2, 4, POINTS_PX, POINTS_PX, generator=generator)
    points[:, :, 3] = (points[:, :, 3] > -0.5).float()
    points[:, :, :3] *= points[:, :, 3:]
    return ViewBatch(pictures[0], pictures[1], points[0], points[1], torch.tensor([True, False]))


def test_the_condition(model, views):
    expected = released_condition(to_released(model)[GENERATOR], views)
    assert torch.allclose(model.conditioner(views), expected, atol=1e-5)


@pytest.mark.parametrize("conditional", [True, False])
def test_the_flow(model, views, conditional):
    x = {name: torch.randn(2, *shape) for name, shape in model.latent_shapes().items()}
    t, d = torch.tensor([0.3, 0.8]), torch.tensor([0.0, 0.25])
    tokens = model.conditioner(views)
    found = model.velocity(x, t, model.condition(views) if conditional else None, d)
    tokens = tokens if conditional else torch.zeros_like(tokens)
    expected = released_flow(to_released(model)[GENERATOR], {**x, LAYOUT: x["rotation"]}, t, tokens, d)
    expected["rotation"] = expected[LAYOUT]
    for name in x:
        assert torch.allclose(found[name], expected[name], atol=2e-5), name


def test_the_decoder(model):
    latent = torch.randn(EDGE**3, 8)
    z_up = released_decoder(Weights(to_released(model)[DECODER], ""), latent)
    y_up = model.vae.decode(latent[None])[0]
    x, y, z = 11, 23, 30
    # (x, y, z) Z-up is (x, z, -y) Y-up.
    assert y_up[x, z, 4 * EDGE - 1 - y] == pytest.approx(z_up[x, y, z].item(), abs=1e-4)
    assert torch.allclose(y_up, z_up.flip(1).transpose(1, 2), atol=1e-4)
