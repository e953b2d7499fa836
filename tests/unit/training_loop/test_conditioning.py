from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from training_loop.models.conditioning import DinoConditioner, PatchBlock, PointPatchEmbed, ViewBatch
from training_loop.models.config import full
from training_loop.models.dinov2 import DinoV2


def small_full_conditioning():
    config = full().conditioning
    return replace(
        config,
        image_px=28,
        point_map_px=16,
        width=32,
        backbone_blocks=1,
        backbone_width=32,
        backbone_heads=2,
        point_width=32,
    )


@pytest.fixture
def views():
    generator = torch.Generator().manual_seed(0)
    return ViewBatch(
        crop=torch.randint(0, 256, (2, 4, 28, 28), generator=generator, dtype=torch.uint8),
        full=torch.randint(0, 256, (2, 4, 28, 28), generator=generator, dtype=torch.uint8),
        point_crop=torch.rand(2, 4, 16, 16, generator=generator),
        point_full=torch.rand(2, 4, 16, 16, generator=generator),
        has_points=torch.tensor([True, False]),
    )


def test_the_full_conditioning_has_the_promised_number_of_tokens():
    config = full().conditioning
    with torch.device("meta"):
        backbone, points = DinoV2(image_px=config.image_px), PointPatchEmbed(config.point_map_px, 8, 512)
    tokens = 4 * backbone.pos_embed.shape[1] + 2 * points.pos_embed[0, 0].numel()
    assert tokens == 7528
    assert abs(sum(weight.numel() for weight in backbone.parameters()) / 304.4e6 - 1) < 0.001


def test_an_absent_point_map_is_zero_tokens(views):
    tokens = DinoConditioner(small_full_conditioning())(views)
    assert tokens.shape == (2, 4 * 5 + 2 * 4, 32)
    assert tokens[0, 20:].abs().min() > 0
    assert not tokens[1, 20:].any()


def test_crop_and_full_image_are_told_apart_by_an_embedding(views):
    conditioner = DinoConditioner(small_full_conditioning())
    same = ViewBatch(**{**vars(views), "full": views.crop, "point_full": views.point_crop})
    tokens = conditioner(same)[0]
    difference = conditioner.idx_emb[1] - conditioner.idx_emb[0]
    for start, count in ((0, 5), (10, 5), (20, 4)):
        crop, full_image = tokens[start : start + count], tokens[start + count : start + 2 * count]
        assert torch.allclose(full_image - crop, difference.expand(count, -1), atol=1e-5)


def test_reading_only_the_first_token_equals_the_whole_block():
    torch.manual_seed(0)
    block = PatchBlock(32, heads=4)
    x = torch.randn(3, 9, 32)
    attended = x + block.attn(block.norm1(x))
    whole = attended + block.mlp(block.norm2(attended))
    assert torch.allclose(block(x), whole[:, 0], atol=1e-5)


def test_unknown_points_have_an_embedding_of_their_own():
    embed = PointPatchEmbed(16, 8, 32)
    points = torch.zeros(2, 4, 16, 16)
    points[1, :3] = 5.0  # whatever stands where nothing is known
    assert torch.allclose(embed(points)[0], embed(points)[1])
    points[1, 3] = 1.0
    assert not torch.allclose(embed(points)[0], embed(points)[1])


def test_registers_take_part_and_are_dropped():
    torch.manual_seed(0)
    model = DinoV2(image_px=28, width=32, blocks=2, heads=2).eval()
    image = torch.rand(1, 3, 28, 28)
    before = model(image)
    assert before.shape == (1, 1 + 4, 32)
    torch.nn.init.normal_(model.register_tokens)
    assert not torch.allclose(model(image), before)


def test_the_backbone_normalises_pictures_by_imagenet():
    model = DinoV2(image_px=14, width=32, blocks=1, heads=2).eval()
    seen = []
    model.patch_embed.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    model(torch.tensor(DinoV2.MEAN)[None, :, None, None].expand(1, 3, 14, 14))
    assert torch.allclose(seen[0], torch.zeros(1, 3, 14, 14), atol=1e-6)
    model(torch.ones(1, 3, 14, 14))
    mean, std = torch.tensor(DinoV2.MEAN), torch.tensor(DinoV2.STD)
    assert torch.allclose(seen[1][0, :, 0, 0], (1 - mean) / std)


def test_the_gated_projection_is_llama_s(views):
    projection = DinoConditioner(small_full_conditioning()).projection_nets[0]
    x = torch.randn(1, 2, 32)
    normed = F.layer_norm(x, (32,), projection[0].weight, projection[0].bias)
    gate = projection[1]
    by_hand = (F.silu(normed @ gate.w1.weight.T) * (normed @ gate.w3.weight.T)) @ gate.w2.weight.T
    assert torch.allclose(projection(x), by_hand, atol=1e-6)
    with torch.device("meta"):
        assert DinoConditioner(full().conditioning).projection_nets[2][1].w1.weight.shape == (2816, 512)
