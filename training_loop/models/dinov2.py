"""DINOv2 with registers, under the public names of its weights, so that they load as they are.

Source: Oquab et al. 2023, Darcet et al. 2024; sizes of ViT-L/14-reg at 518 px by default.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training_loop.models.attention import attend
from training_loop.models.layers import normal


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) → the same shape."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(attend(q, k, v).transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class MLP(nn.Module):
    """Linear, GELU, linear."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) → the same shape."""
        return self.fc2(F.gelu(self.fc1(x)))  # type: ignore[no-any-return]


class LayerScale(nn.Module):
    """A learned gain for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) → the same shape."""
        return x * self.gamma


class Block(nn.Module):
    """Pre-normalised attention and feed-forward, each with a layer scale."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = Attention(width, heads), MLP(width, 4 * width)
        self.ls1, self.ls2 = LayerScale(width), LayerScale(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) → the same shape."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))  # type: ignore[no-any-return]


class PatchEmbed(nn.Module):
    """One token for each patch."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, stride=patch)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, P, P) → (B, patches, width)."""
        return self.proj(image).flatten(2).transpose(1, 2)  # type: ignore[no-any-return]


class DinoV2(nn.Module):
    """Vision transformer on images of exactly `image_px`, so that positions need no interpolation."""

    MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(
        self,
        *,
        image_px: int = 518,
        patch: int = 14,
        width: int = 1024,
        blocks: int = 24,
        heads: int = 16,
        registers: int = 4,
    ) -> None:
        super().__init__()
        patches = (image_px // patch) ** 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.register_tokens = nn.Parameter(torch.zeros(1, registers, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))  # of its pretraining; rides along with the weights
        self.pos_embed = nn.Parameter(normal(1, 1 + patches, width, std=0.02))
        self.patch_embed = PatchEmbed(patch, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, image: Tensor) -> Tensor:
        """Images (B, 3, P, P) in [0, 1] → class token and patch tokens (B, 1 + patches, width); no registers."""
        image = (image - image.new_tensor(self.MEAN)[:, None, None]) / image.new_tensor(self.STD)[:, None, None]
        patches = self.patch_embed(image)
        x = torch.cat([self.cls_token.expand(len(patches), -1, -1).to(patches.dtype), patches], dim=1) + self.pos_embed
        x = torch.cat([x[:, :1], self.register_tokens.expand(len(x), -1, -1), x[:, 1:]], dim=1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return torch.cat([x[:, :1], x[:, 1 + self.register_tokens.shape[1] :]], dim=1)
