"""Conditioning encoders: crop and full image with their masks, and point maps, to tokens of one width.

Zero tokens mean "nothing known": a dropped condition, or a point map that is not there.

Source: paper section 2.2; released condition embedder.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training_loop.models.attention import attend
from training_loop.models.config import ConditioningConfig
from training_loop.models.dinov2 import MLP, Attention, DinoV2
from training_loop.models.layers import FeedForward, normal


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
        self.pos_emb = nn.Parameter(normal(grid * grid, width, std=0.02))

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
        q, k, v = self.to_qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).unbind(2)
        mixed = attend(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
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


class GatedFeedForward(nn.Module):
    """(silu(x·w1) * x·w3)·w2."""

    def __init__(self, channels_in: int, width: int) -> None:
        super().__init__()
        hidden = 256 * -(-(width * 8 // 3) // 256)
        self.w1 = nn.Linear(channels_in, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)
        self.w3 = nn.Linear(channels_in, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(T, M, C) → (T, M, width)."""
        return self.w2(F.silu(self.w1(x)) * self.w3(x))  # type: ignore[no-any-return]


class PatchBlock(nn.Module):
    """A transformer block of which only the first token's outcome is wanted: one query, all keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = Attention(width, heads), MLP(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) → the first token after the block, (B, width)."""
        normed, width = self.norm1(x), x.shape[-1]
        weight, bias = self.attn.qkv.weight, self.attn.qkv.bias
        q = F.linear(normed[:, :1], weight[:width], bias[:width]).unflatten(-1, (self.attn.heads, -1))  # type: ignore[no-untyped-call]
        keys_values = F.linear(normed, weight[width:], bias[width:])
        k, v = keys_values.unflatten(-1, (2, self.attn.heads, -1)).unbind(2)  # type: ignore[no-untyped-call]
        # One query a patch: multiplying and summing beats a kernel made for many queries.
        scores = (q * k).sum(-1, keepdim=True).float() * (width // self.attn.heads) ** -0.5
        attended = (scores.softmax(dim=1).to(v.dtype) * v).sum(1)
        first = x[:, 0] + self.attn.proj(attended.flatten(1))
        return first + self.mlp(self.norm2(first))  # type: ignore[no-any-return]


class PointPatchEmbed(nn.Module):
    """One token for each patch of points: every point embedded, then read by a class token of the patch.

    Unknown points have an embedding of their own. Parameter names are those of the released model.
    """

    def __init__(self, size_px: int, patch: int, width: int) -> None:
        super().__init__()
        self.patch, grid = patch, size_px // patch
        self.point_proj = nn.Linear(3, width)
        self.invalid_xyz_token = nn.Parameter(normal(width, std=0.02))
        self.pos_embed = nn.Parameter(normal(1, width, grid, grid, std=0.02))
        self.pos_embed_window = nn.Parameter(normal(1, 1 + patch * patch, width, std=0.02))
        self.cls_token = nn.Parameter(normal(1, 1, width, std=0.02))
        self.blocks = nn.ModuleList([PatchBlock(width, heads=16)])
        nn.init.xavier_uniform_(self.point_proj.weight, gain=0.02)
        nn.init.zeros_(self.point_proj.bias)

    def forward(self, points: Tensor) -> Tensor:
        """(T, 4, Q, Q), xyz and validity → (T, patches, width)."""
        count, p = len(points), self.patch
        rows = points.unflatten(3, (-1, p)).unflatten(2, (-1, p))  # type: ignore[no-untyped-call]
        patches = rows.permute(0, 2, 4, 3, 5, 1).reshape(-1, p * p, 4)
        embedded = torch.where(patches[..., 3:] > 0.5, self.point_proj(patches[..., :3]), self.invalid_xyz_token)
        tokens = torch.cat([self.cls_token.expand(len(embedded), -1, -1), embedded], dim=1) + self.pos_embed_window
        read = self.blocks[0](tokens).reshape(count, -1, tokens.shape[-1])
        return read + self.pos_embed.flatten(2).transpose(1, 2)  # type: ignore[no-any-return]


class DinoConditioner(nn.Module):
    """The encoder of the `full` preset: one backbone for RGB, one for masks, each on crop and full image.

    Every kind of input has a projection of its own; `idx_emb` says crop (0) or full image (1). The released parameter
    has a third row that nothing reads.
    """

    def __init__(self, config: ConditioningConfig) -> None:
        super().__init__()
        sizes = {"width": config.backbone_width, "blocks": config.backbone_blocks, "heads": config.backbone_heads}
        self.rgb, self.mask = (DinoV2(image_px=config.image_px, **sizes) for _ in range(2))
        self.points = PointPatchEmbed(config.point_map_px, config.point_patch, config.point_width)
        channels = (config.backbone_width, config.backbone_width, config.point_width)
        self.projection_nets = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(c), GatedFeedForward(c, config.width)) for c in channels
        )
        self.idx_emb = nn.Parameter(normal(3, config.width, std=config.width**-0.5))
        # Points come in the OpenCV camera; PyTorch3D's has x and y the other way round.
        self.flip = config.camera == "pytorch3d"

    def forward(self, views: ViewBatch) -> Tensor:
        """T targets → (T, M, width); 4 × 1370 + 2 × 1024 tokens at the released sizes."""
        pictures = torch.cat([views.crop, views.full]).float() / 255.0
        points = torch.cat([views.point_crop, views.point_full]).float()
        if self.flip:
            points = points * points.new_tensor([-1.0, -1.0, 1.0, 1.0])[:, None, None]
        features = (
            self.rgb(pictures[:, :3]),
            self.mask(pictures[:, 3:].expand(-1, 3, -1, -1)),
            self.points(points),
        )
        tokens = []
        for index, (projection, feature) in enumerate(zip(self.projection_nets, features, strict=True)):
            crop, full = projection(feature).chunk(2)
            known = 1.0 if index < 2 else views.has_points[:, None, None].to(crop.dtype)
            tokens += [(crop + self.idx_emb[0]) * known, (full + self.idx_emb[1]) * known]
        return torch.cat(tokens, dim=1)
