"""The counts by hand must equal what torch counts of the model as it runs."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from training_loop import flops
from training_loop.models.conditioning import ViewBatch
from training_loop.models.config import LAYOUT_CHANNELS, SHAPE, full
from training_loop.models.generator import GeometryModel


@pytest.fixture(scope="module")
def model():
    config = full()
    small = replace(
        config,
        vae=replace(config.vae, channels=(8, 8, 8), blocks_per_level=0, middle_blocks=0),
        conditioning=replace(
            config.conditioning,
            image_px=28,
            point_map_px=16,
            width=64,
            backbone_blocks=2,
            backbone_width=32,
            backbone_heads=2,
            point_width=32,
        ),
        flow=replace(config.flow, width=64, heads=2, blocks=2),
    )
    with torch.device("meta"):
        return GeometryModel(small)


def counted(function):
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


def views_of(model, targets):
    px, points_px = model.config.conditioning.image_px, model.config.conditioning.point_map_px
    picture = torch.zeros(targets, 4, px, px, dtype=torch.uint8, device="meta")
    points = torch.zeros(targets, 4, points_px, points_px, device="meta")
    return ViewBatch(picture, picture, points, points, torch.zeros(targets, dtype=torch.bool, device="meta"))


def latents_of(model, batch, layout=True):
    names = [SHAPE, *(LAYOUT_CHANNELS if layout else ())]
    return {name: torch.zeros(batch, *model.latent_shapes()[name], device="meta") for name in names}


def test_encoding_the_condition(model):
    views = views_of(model, 3)
    by_torch = counted(lambda: model.conditioner(views))
    # Reading the patches is a sum of products, which torch does not count; it is nothing beside the rest.
    assert flops.conditioning_flops(model.config.conditioning, targets=3) == by_torch


@pytest.mark.parametrize("layout", [True, False])
def test_keys_and_values(model, layout):
    tokens = torch.zeros(3, flops.conditioning_tokens(model.config.conditioning), 64, device="meta")
    crop = views_of(model, 3).crop
    by_torch = counted(lambda: model.flow.condition(tokens, crop, layout=layout))
    assert flops.keys_values_flops(model.config, targets=3, layout=layout) == by_torch


@pytest.mark.parametrize("layout", [True, False])
@pytest.mark.parametrize("conditional", [True, False])
def test_the_flow(model, layout, conditional):
    condition = model.condition(views_of(model, 2)) if conditional else None
    x = latents_of(model, 4, layout)
    by_torch = counted(lambda: model.velocity(x, torch.zeros(4, device="meta"), condition))
    expected = flops.flow_flops(model.config, batch=4, conditional=conditional, layout=layout)
    # The zero-token condition is one product a block and stream for the whole batch.
    assert abs(expected / by_torch - 1) < (1e-9 if conditional else 1e-3)


def test_a_full_forward_pass_takes_what_is_known_of_the_released_one():
    """Measured on the released backbone: 68 ms at 122 TFLOP/s, keys and values of its one target included."""
    total = flops.flow_flops(full()) + flops.keys_values_flops(full())
    assert total / 1e12 == pytest.approx(0.068 * 122, rel=0.12)


def test_steps_add_up():
    config = full()
    encoding, keys = flops.conditioning_flops(config.conditioning), flops.keys_values_flops(config)
    # Gradients of the weights of keys and values, but not of the tokens, whose encoder is frozen.
    assert flops.sft_step_flops(config, batch=2) == 2 * encoding + 4 * keys + 3 * flops.flow_flops(config, batch=2)
    shape_only = flops.keys_values_flops(config, layout=False)
    policy = 2 * shape_only + 3 * flops.flow_flops(config, batch=2, layout=False)
    reference = shape_only + flops.flow_flops(config, batch=2, layout=False)
    assert flops.dpo_step_flops(config, pairs=1) == encoding + policy + reference
