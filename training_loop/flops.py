"""Floating-point operations of the geometry model, counted from its configuration: matrix products and attention alone.

A multiplication with its addition counts 2. Training counts what the gradients need once more, never what is
recomputed, so that utilisation compares across kernels and activation checkpointing.
"""

from training_loop.models.config import LAYOUT_CHANNELS, ConditioningConfig, ModelConfig

SCALAR_FREQUENCIES = 256


def conditioning_tokens(config: ConditioningConfig, *, patch: int = 14) -> int:
    """Tokens of one target: four pictures with a class token each, and two point maps."""
    return 4 * (1 + (config.image_px // patch) ** 2) + 2 * (config.point_map_px // config.point_patch) ** 2


def conditioning_flops(config: ConditioningConfig, *, targets: int = 1, patch: int = 14, registers: int = 4) -> int:
    """Forward pass of the DINOv2 conditioning encoder."""
    width, patches = config.backbone_width, (config.image_px // patch) ** 2
    tokens = 1 + registers + patches
    image = config.backbone_blocks * (2 * tokens * 12 * width**2 + 4 * tokens**2 * width)
    image += 2 * patches * 3 * patch**2 * width
    points, point_patches, wide = (
        config.point_patch**2,
        (config.point_map_px // config.point_patch) ** 2,
        config.point_width,
    )
    # One query reads each patch: keys and values of all its points, the rest for the class token alone.
    cell = 2 * points * 3 * wide + 2 * (1 + points) * 2 * wide**2 + 2 * 2 * wide**2 + 2 * 4 * wide**2
    hidden = 256 * -(-(config.width * 8 // 3) // 256)
    projections = sum(
        count * 2 * hidden * (2 * channels + config.width)
        for count, channels in ((4 * (1 + patches), width), (2 * point_patches, wide))
    )
    return targets * (4 * image + 2 * point_patches * cell + projections)


def keys_values_flops(config: ModelConfig, *, targets: int = 1, layout: bool = True) -> int:
    """Keys and values of the conditioning tokens, for every block and stream."""
    streams = 2 if layout else 1
    tokens, condition, width = conditioning_tokens(config.conditioning), config.conditioning.width, config.flow.width
    return targets * streams * config.flow.blocks * 2 * tokens * condition * 2 * width


def flow_flops(config: ModelConfig, *, batch: int = 1, conditional: bool = True, layout: bool = True) -> int:
    """Forward pass of the flow for `batch` latents; without condition there is no cross-attention."""
    flow, width = config.flow, config.flow.width
    shape_tokens, shape_channels = config.shape_tokens
    condition = conditioning_tokens(config.conditioning)
    streams = [(shape_tokens, shape_tokens)]
    if layout:
        streams.append((len(LAYOUT_CHANNELS), len(LAYOUT_CHANNELS) + shape_tokens))
    total = 0
    for tokens, keys in streams:
        # qkv, output and feed-forward; with a condition query and output of cross-attention.
        matrices = 4 + 2 * flow.mlp_ratio + (2 if conditional else 0)
        block = 2 * tokens * matrices * width**2 + 4 * tokens * keys * width
        block += 4 * tokens * condition * width if conditional else 2 * width**2 + 4 * config.conditioning.width * width
        total += flow.blocks * block
    total += flow.blocks * 2 * 6 * width**2
    total += 2 * 2 * (SCALAR_FREQUENCIES * width + width**2)
    total += 2 * 2 * shape_tokens * shape_channels * width
    total += 2 * 2 * sum(LAYOUT_CHANNELS.values()) * width if layout else 0
    return batch * total


def sft_step_flops(config: ModelConfig, *, batch: int) -> int:
    """One step with a frozen encoder: its forward pass, keys and values and their weights' gradients, 3 × the flow."""
    return (
        conditioning_flops(config.conditioning, targets=batch)
        + 2 * keys_values_flops(config, targets=batch)
        + 3 * flow_flops(config, batch=batch)
    )


def dpo_step_flops(config: ModelConfig, *, pairs: int) -> int:
    """One step on shapes: the policy on winners and losers with gradients, and the reference's forward pass."""
    keys_values = keys_values_flops(config, targets=pairs, layout=False)
    flow = flow_flops(config, batch=2 * pairs, layout=False)
    return conditioning_flops(config.conditioning, targets=pairs) + 3 * keys_values + 4 * flow


def sampling_flops(config: ModelConfig, *, candidates: int, steps: int, guided_steps: int) -> int:
    """All of sampling `candidates` of one target but decoding."""
    return (
        conditioning_flops(config.conditioning)
        + keys_values_flops(config)
        + steps * flow_flops(config, batch=candidates)
        + guided_steps * flow_flops(config, batch=candidates, conditional=False)
    )
