"""Shape VAE: dense convolutions between an occupancy grid and its latent grid. Grids are indexed [x, y, z], Y-up.

Source: paper section C.1 (64³ voxels in a 16³ × 8 latent space).
"""

import hashlib
import json

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training_loop.models.config import ShapeVAEConfig


class MissingEncoder(RuntimeError):
    """A shape was to be encoded by a VAE without encoder."""


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of (B, C, X, Y, Z)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 4, 1)).permute(0, 4, 1, 2, 3)


class ResidualBlock(nn.Module):
    """Two pre-normalised convolutions; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.norm2 = ChannelNorm(channels)
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, X, Y, Z) → the same shape."""
        h = self.conv1(F.silu(self.norm1(x)))
        residual: Tensor = self.conv2(F.silu(self.norm2(h)))
        return x + residual


def fold_patches(x: Tensor, patch: int) -> Tensor:
    """(B, C, X·p, Y·p, Z·p) → (B, C·p³, X, Y, Z)."""
    if patch == 1:
        return x
    b, c, nx, ny, nz = x.shape
    x = x.reshape(b, c, nx // patch, patch, ny // patch, patch, nz // patch, patch)
    return x.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, c * patch**3, nx // patch, ny // patch, nz // patch)


def unfold_patches(x: Tensor, patch: int) -> Tensor:
    """(B, C·p³, X, Y, Z) → (B, C, X·p, Y·p, Z·p); the inverse of `fold_patches`."""
    if patch == 1:
        return x
    b, c, nx, ny, nz = x.shape
    x = x.reshape(b, c // patch**3, patch, patch, patch, nx, ny, nz)
    return x.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, c // patch**3, nx * patch, ny * patch, nz * patch)


class Downsample(nn.Module):
    """One cell from each 2³."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels_out, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, X, Y, Z) → (B, C', X/2, Y/2, Z/2)."""
        return self.conv(x)  # type: ignore[no-any-return]


class Upsample(nn.Module):
    """Mix into 8 times the channels, then spread them over 2³ cells."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels_out * 8, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, X, Y, Z) → (B, C', 2X, 2Y, 2Z)."""
        return unfold_patches(self.conv(x), 2)


def z_up_from_y_up(grid: Tensor) -> Tensor:
    """Turn (..., X, Y, Z) so that what pointed along y points along z: the cell of (x, y, z) moves to (x, -z, y)."""
    return grid.transpose(-1, -2).flip(-2)


def y_up_from_z_up(grid: Tensor) -> Tensor:
    """The inverse of `z_up_from_y_up`."""
    return grid.flip(-2).transpose(-1, -2)


def start_at_zero(layer: nn.Module) -> None:
    """Zero a convolution, so that its branch begins by adding nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class ShapeEncoder(nn.Module):
    """Occupancy → mean and log-variance of the latent grid."""

    def __init__(self, config: ShapeVAEConfig) -> None:
        super().__init__()
        kernel, channels = config.edge_kernel, tuple(reversed(config.channels))
        self.voxel_patch, self.input_shift, self.z_up = config.voxel_patch, config.input_shift, config.up_axis == "z"
        self.input_layer = nn.Conv3d(config.voxel_patch**3, channels[0], kernel, padding=kernel // 2)
        blocks: list[nn.Module] = []
        for level, width in enumerate(channels):
            blocks += [ResidualBlock(width) for _ in range(config.blocks_per_level)]
            if level + 1 < len(channels):
                blocks.append(Downsample(width, channels[level + 1]))
        self.blocks = nn.ModuleList(blocks)
        self.middle_block = nn.ModuleList(ResidualBlock(channels[-1]) for _ in range(config.middle_blocks))
        self.out_layer = nn.Sequential(
            ChannelNorm(channels[-1]),
            nn.SiLU(),
            nn.Conv3d(channels[-1], 2 * config.latent_channels, kernel, padding=kernel // 2),
        )

        self.linear_path: nn.Conv3d | None = None
        if config.linear_path:
            self.cell = config.resolution // config.latent_resolution
            self.linear_path = nn.Conv3d(self.cell**3, config.latent_channels, 1)
            start_at_zero(self.out_layer[2])

    def forward(self, occupancy: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, R, R, R) float → two tensors (B, c, r, r, r)."""
        occupancy = z_up_from_y_up(occupancy) if self.z_up else occupancy
        x = fold_patches(occupancy - self.input_shift, self.voxel_patch)
        x = self.input_layer(x.contiguous(memory_format=torch.channels_last_3d))
        for block in [*self.blocks, *self.middle_block]:
            x = block(x)
        mean, log_variance = self.out_layer(x).chunk(2, dim=1)
        if self.linear_path is not None:
            mean = mean + self.linear_path(fold_patches(occupancy, self.cell))
            log_variance = log_variance - 4.0
        return mean, log_variance.clamp(-20.0, 10.0)


class NoShapeEncoder(ShapeEncoder):
    """Stands where a VAE came without encoder, and says so."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.linear_path = None

    def forward(self, occupancy: Tensor) -> tuple[Tensor, Tensor]:
        """Raises: MissingEncoder, always."""
        raise MissingEncoder(
            "this checkpoint's VAE has no encoder (the released one has none), so no mesh can become a latent: "
            "convert with --encoder, or train one for its decoder: python -m training_loop encoder"
        )


class ShapeDecoder(nn.Module):
    """Latent grid → occupancy logits, occupied where > 0."""

    def __init__(self, config: ShapeVAEConfig) -> None:
        super().__init__()
        kernel, channels = config.edge_kernel, config.channels
        self.voxel_patch, self.z_up = config.voxel_patch, config.up_axis == "z"
        self.input_layer = nn.Conv3d(config.latent_channels, channels[0], 3, padding=1)
        self.middle_block = nn.ModuleList(ResidualBlock(channels[0]) for _ in range(config.middle_blocks))
        blocks: list[nn.Module] = []
        for level, width in enumerate(channels):
            blocks += [ResidualBlock(width) for _ in range(config.blocks_per_level)]
            if level + 1 < len(channels):
                blocks.append(Upsample(width, channels[level + 1], kernel))
        self.blocks = nn.ModuleList(blocks)
        self.out_layer = nn.Sequential(
            ChannelNorm(channels[-1]),
            nn.SiLU(),
            nn.Conv3d(channels[-1], config.voxel_patch**3, kernel, padding=kernel // 2),
        )

        self.linear_path: nn.Conv3d | None = None
        if config.linear_path:
            self.cell = config.resolution // config.latent_resolution
            self.linear_path = nn.Conv3d(config.latent_channels, self.cell**3, 1)
            start_at_zero(self.out_layer[2])

    def forward(self, latent: Tensor) -> Tensor:
        """(B, c, r, r, r) → (B, 1, R, R, R) logits."""
        x = self.input_layer(latent.contiguous(memory_format=torch.channels_last_3d))
        for block in [*self.middle_block, *self.blocks]:
            x = block(x)
        logits = unfold_patches(self.out_layer(x), self.voxel_patch)
        if self.linear_path is not None:
            logits = logits + unfold_patches(self.linear_path(latent), self.cell)
        return y_up_from_z_up(logits) if self.z_up else logits


class ShapeVAE(nn.Module):
    """Encoder and decoder with the normalisation that the flow expects of its latents."""

    def __init__(self, config: ShapeVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ShapeEncoder(config) if config.encoder else NoShapeEncoder()
        self.decoder = ShapeDecoder(config)

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        channels = self.config.latent_channels
        mean = like.new_tensor(self.config.latent_mean or (0.0,) * channels)
        std = like.new_tensor(self.config.latent_std or (1.0,) * channels)
        return mean, std

    def encode(self, occupancy: Tensor) -> Tensor:
        """(B, R, R, R) bool or float → normalised latents x₁ of shape (B, cells, channels): the posterior's mean."""
        grid, _ = self.encoder(occupancy[:, None].float())
        cells: Tensor = grid.float().permute(0, 2, 3, 4, 1).flatten(1, 3)
        mean, std = self._statistics(cells)
        return (cells - mean) / std

    def decode(self, latents: Tensor) -> Tensor:
        """(B, cells, channels) normalised latents → (B, R, R, R) occupancy logits, full where > 0."""
        mean, std = self._statistics(latents)
        edge = self.config.latent_resolution
        grid = (latents * std + mean).reshape(-1, edge, edge, edge, self.config.latent_channels)
        logits: Tensor = self.decoder(grid.permute(0, 4, 1, 2, 3))
        return logits[:, 0].float() - self.config.surface_logit

    def fingerprint(self) -> str:
        """What tells latent spaces apart: decoder and statistics, in bf16, so that a file's precision does not matter.

        Two VAEs of one fingerprint turn the same latents into the same shapes.
        """
        config = self.config
        channels = config.latent_channels
        statistics = (config.latent_mean or (0.0,) * channels, config.latent_std or (1.0,) * channels, config.up_axis)
        digest = hashlib.sha256(json.dumps(statistics).encode())
        for name, value in sorted(self.decoder.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().to("cpu", torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes())
        return digest.hexdigest()[:16]

    @torch.no_grad()
    def start_from_principal_components(self, occupancy: Tensor) -> None:
        """Set both linear paths from (N, R, R, R) grids: the leading components of a cell's voxels, at unit scale.

        Logits start as a steep line through a threshold below one half, which keeps thin walls.
        """
        encode, decode = self.encoder.linear_path, self.decoder.linear_path
        if encode is None or decode is None:
            return
        steepness, threshold = 8.0, 0.4
        occupancy = z_up_from_y_up(occupancy) if self.config.up_axis == "z" else occupancy
        cells = fold_patches(occupancy[:, None].float(), self.encoder.cell).permute(0, 2, 3, 4, 1).flatten(0, 3)
        mean = cells.mean(0)
        covariance = (cells - mean).T @ (cells - mean) / len(cells)
        variance, components = torch.linalg.eigh(covariance.double())
        kept = components[:, -self.config.latent_channels :].flip(1).float()
        scale = variance[-self.config.latent_channels :].mean().sqrt().float()
        shape = encode.weight.shape
        encode.weight.copy_((kept.T / scale).reshape(shape))
        encode.bias.copy_(-(kept.T @ mean) / scale)  # type: ignore[union-attr]
        decode.weight.copy_((steepness * scale * kept).reshape(decode.weight.shape))
        decode.bias.copy_(steepness * (mean - threshold))  # type: ignore[union-attr]
