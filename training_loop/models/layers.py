"""Small pieces of the transformer."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class HeadRMSNorm(nn.Module):
    """Root-mean-square normalisation of each head's vector, with a learned gain (heads, head channels)."""

    def __init__(self, heads: int, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(heads, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, heads, channels) → the same shape."""
        return (F.normalize(x.float(), dim=-1) * math.sqrt(x.shape[-1]) * self.gamma).to(x.dtype)


class FeedForward(nn.Module):
    """Linear, tanh-GELU, linear."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, width * ratio), nn.GELU(approximate="tanh"), nn.Linear(width * ratio, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) → the same shape."""
        return self.mlp(x)  # type: ignore[no-any-return]


class ScalarEmbedder(nn.Module):
    """Embed a number in [0, 1] (time τ or step size d): 256 cosines and sines of 1000·x, then an MLP."""

    FREQUENCIES = 128

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * self.FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B,) → (B, width)."""
        exponents = torch.arange(self.FREQUENCIES, device=x.device, dtype=torch.float32) / self.FREQUENCIES
        angles = 1000.0 * x.float()[:, None] * torch.exp(-math.log(10000.0) * exponents)
        return self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1))  # type: ignore[no-any-return]


def normal(*shape: int, std: float) -> Tensor:
    """Normal numbers for a new parameter; on the meta device nothing but their shape.

    A checkpoint's model is built there. Arithmetic would import torch's compiler and sympy: 1.5 s of every process.
    """
    empty = torch.empty(*shape)
    return empty if empty.is_meta else torch.randn(*shape).mul_(std)


def grid_position_embedding(edge: int, width: int) -> Tensor:
    """Fixed sine and cosine embedding of the cells of an edge³ grid, x major: (edge³, width) float32."""
    # As in `normal`: no arithmetic on the meta device.
    with torch.device("cpu"):
        channels_per_axis = width // 6 * 2
        frequencies = torch.exp(-math.log(10000.0) * torch.arange(channels_per_axis // 2) / (channels_per_axis // 2))
        cells = torch.cartesian_prod(*[torch.arange(edge, dtype=torch.float32)] * 3).reshape(edge**3, 3)
        angles = cells[:, :, None] * frequencies
        embedding = torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1)
        padded = F.pad(embedding, (0, width - embedding.shape[1]))
    return padded.to(torch.get_default_device())
