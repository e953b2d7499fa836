"""Conditioning encoders: crop and full image with their masks, and point maps, to tokens of one width.

Zero tokens mean "nothing known": a dropped condition, or a point map that is not there.

Source: paper section 2.2; released condition embedder.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training_loop.models.config import ConditioningConfig
from training_loop.models.layers import FeedForward


@dataclass(frozen=True)
class ViewBatch:
    """Views of T targets. `crop`, `full`: (T, 4, P, P) uint8. Points: (T, 4, Q, Q) float16; `has_points`: (T,) bool."""

    crop: Tensor
    full: Tensor
    point_crop: Tensor
    point_full: Tensor
    has_points: Tensor

    def to(self, device: torch.device) -> "ViewBatch":
        """Move all tensors."""
        return ViewBatch(**{name: value.to(device) for name, value in vars(self).items()})


def build_conditioner(config: ConditioningConfig) -> nn.Module:
    """Return the encoder named by the configuration."""
    return SmallConditioner(config) if config.encoder == "small" else DinoConditioner(config)


class SmallViewEncoder(nn.Module):
    """A few strided convolutions to a grid of tokens with learned positions."""

    def __init__(self, channels: tuple[int, ...], grid: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels_in = 4
        for channels_out in channels:
            layers += [
                nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1),
                nn.GroupNorm(8, channels_out),
                nn.SiLU(),
            ]
            channels_in = channels_out
        self.convolutions = nn.Sequential(*layers)
        self.grid = grid
        self.projection = nn.Linear(channels_in, width)
        self.pos_emb = nn.Parameter(torch.randn(grid * grid, width) * 0.02)

    def forward(self, view: Tensor) -> Tensor:
        """(T, 4, P, P) → (T, grid², width)."""
        features = F.adaptive_avg_pool2d(self.convolutions(view), self.grid)
        return self.projection(features.flatten(2).transpose(1, 2)) + self.pos_emb  # type: ignore[no-any-return]


class TokenMixer(nn.Module):
    """One pre-normalised self-attention block over the conditioning tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // 48
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_qkv, self.to_out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = FeedForward(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(T, M, width) → the same shape."""
        q, k, v = self.to_qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).float().unbind(2)
        mixed = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        x = x + self.to_out(mixed.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class SmallConditioner(nn.Module):
    """The encoder of the `mini` preset, trained along with the flow."""

    def __init__(self, config: ConditioningConfig) -> None:
        super().__init__()
        width, channels = config.width, config.channels
        self.crop = SmallViewEncoder(channels, config.crop_grid, width)
        self.full = SmallViewEncoder(channels, config.full_grid, width)
        self.point_crop = SmallViewEncoder(channels[:2], config.point_crop_grid, width)
        self.point_full = SmallViewEncoder(channels[:2], config.point_full_grid, width)
        self.mixer = nn.ModuleList(TokenMixer(width) for _ in range(config.mixer_blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, views: ViewBatch) -> Tensor:
        """T targets → (T, M, width)."""
        crop, full = views.crop.float() / 127.5 - 1.0, views.full.float() / 127.5 - 1.0
        known = views.has_points[:, None, None].float()
        tokens = torch.cat(
            [
                self.crop(crop),
                self.full(full),
                self.point_crop(views.point_crop.float()) * known,
                self.point_full(views.point_full.float()) * known,
            ],
            dim=1,
        )
        for block in self.mixer:
            tokens = block(tokens)
        return self.norm(tokens)  # type: ignore[no-any-return]


class SwiGLUProjection(nn.Module):
    """LayerNorm, then (silu(x·w1) * x·w3)·w2."""

    def __init__(self, channels_in: int, width: int) -> None:
        super().__init__()
        hidden = 256 * -(-(width * 8 // 3) // 256)
        self.norm = nn.LayerNorm(channels_in)
        self.w1 = nn.Linear(channels_in, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)
        self.w3 = nn.Linear(channels_in, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(T, M, C) → (T, M, width)."""
        x = self.norm(x)
        return self.w2(F.silu(self.w1(x)) * self.w3(x))  # type: ignore[no-any-return]


class PointPatchEmbed(nn.Module):
    """Patches of 8 × 8 points to tokens of 512 channels."""

    def __init__(self, size_px: int, patch: int = 8, channels: int = 512) -> None:
        super().__init__()
        self.projection = nn.Conv2d(4, channels, patch, stride=patch)
        self.pos_emb = nn.Parameter(torch.randn((size_px // patch) ** 2, channels) * 0.02)

    def forward(self, points: Tensor) -> Tensor:
        """(T, 4, Q, Q) → (T, (Q/8)², 512)."""
        return self.projection(points).flatten(2).transpose(1, 2) + self.pos_emb  # type: ignore[no-any-return]


def timm_backbone() -> nn.Module:
    """DINOv2-L/14 with registers, without weights (they come with the checkpoint, or by `load_state_dict`)."""
    try:
        import timm
    except ImportError as error:
        raise ImportError("the `full` preset's conditioning needs timm: pip install timm") from error
    model: nn.Module = timm.create_model("vit_large_patch14_reg4_dinov2", pretrained=False, num_classes=0)
    return model


class DinoConditioner(nn.Module):
    """The encoder of the `full` preset: one backbone for RGB, one for masks, each on crop and full image."""

    RGB_MEAN, RGB_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(self, config: ConditioningConfig, backbone: Callable[[], Any] = timm_backbone) -> None:
        super().__init__()
        self.rgb, self.mask = backbone(), backbone()
        self.points = PointPatchEmbed(config.point_map_px)
        self.projection_nets = nn.ModuleList(
            SwiGLUProjection(channels, config.width)
            for channels in (self.rgb.num_features, self.mask.num_features, 512)
        )
        self.idx_emb = nn.Parameter(torch.randn(3, config.width) * 0.02)

    @staticmethod
    def _tokens(backbone: Any, image: Tensor) -> Tensor:
        """Class token and patch tokens (T, 1 + patches, channels); registers are dropped."""
        features: Tensor = backbone.forward_features(image)
        return torch.cat([features[:, :1], features[:, backbone.num_prefix_tokens :]], dim=1)

    def forward(self, views: ViewBatch) -> Tensor:
        """T targets → (T, M, width); 4 × 1370 + 2 × 1024 tokens at the released sizes."""
        mean = torch.tensor(self.RGB_MEAN, device=views.crop.device)[:, None, None]
        std = torch.tensor(self.RGB_STD, device=views.crop.device)[:, None, None]
        groups: list[list[Tensor]] = [[], [], []]
        for view in (views.crop, views.full):
            image = view.float() / 255.0
            groups[0].append(self._tokens(self.rgb, (image[:, :3] - mean) / std))
            groups[1].append(self._tokens(self.mask, (image[:, 3:].expand(-1, 3, -1, -1) - mean) / std))
        groups[2] = [self.points(points.float()) for points in (views.point_crop, views.point_full)]
        known = views.has_points[:, None, None].float()
        tokens = []
        for index, group in enumerate(groups):
            projected = self.projection_nets[index](torch.cat(group, dim=1)) + self.idx_emb[index]
            tokens.append(projected * known if index == 2 else projected)
        return torch.cat(tokens, dim=1)
