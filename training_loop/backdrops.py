"""What is behind the shapes: photographs, or made-up walls, with a floor where one is wanted; B pictures at once."""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from training_loop.cameras_on_device import Camera, Dice

CLOSE_PX = 256
FAR_PX = 96
TEXTURE_PX = 48
UNKNOWN = 1e4


@dataclass(frozen=True)
class Photographs:
    """N photographs squeezed to squares, (N, 3, P, P) in 0..1: `close` for crops, `far` for whole pictures."""

    close: Tensor
    far: Tensor

    @staticmethod
    def of(pictures: list[NDArray[np.uint8]], device: torch.device) -> "Photographs":
        """From pictures (H, W, 3) uint8.

        Raises:
            ValueError: no picture is given.
        """
        if not pictures:
            raise ValueError("give at least one photograph")

        def stacked(px: int) -> Tensor:
            sized = [
                np.asarray(Image.fromarray(p).convert("RGB").resize((px, px), Image.Resampling.LANCZOS))
                for p in pictures
            ]
            return torch.from_numpy(np.stack(sized)).permute(0, 3, 1, 2).float().to(device) / 255.0

        return Photographs(stacked(CLOSE_PX), stacked(FAR_PX))


@dataclass(frozen=True)
class Floor:
    """A plane with `normal` (B, 3) up through `origin` (B, 3), camera frame, to depth `reach` (B,), where `there` (B,).

    `unit` (B,) is the length of the object on it, `texture` (B, 3, T, T) and the rest its paint.
    """

    origin: Tensor
    normal: Tensor
    reach: Tensor
    there: Tensor
    unit: Tensor
    texture: Tensor
    zoom: Tensor
    checks: Tensor
    tile: Tensor
    shadow: Tensor


@dataclass(frozen=True)
class Backdrop:
    """`close` and `far` (B, 3, P, P) pictures over [-1, 1]²; `wall_depth` (B,), `UNKNOWN` where there is none."""

    close: Tensor
    far: Tensor
    wall_depth: Tensor
    floor: Floor | None = None
    depth_map: Tensor | None = field(default=None)

    def look(self, camera: Camera, uv: Tensor, *, far: bool) -> tuple[Tensor, Tensor]:
        """Colours (B, N, 3) and depths (B, N) at (B, N, 2)."""
        picture = self.far if far else self.close
        where = uv[:, :, None].to(picture.dtype)
        colour = F.grid_sample(picture, where, padding_mode="reflection", align_corners=False)[..., 0].transpose(1, 2)
        depth = self.wall_depth[:, None].expand(uv.shape[:2])
        if self.depth_map is not None:
            depth = F.grid_sample(self.depth_map, where, mode="nearest", padding_mode="border", align_corners=False)
            depth = depth[:, 0, :, 0]
        if self.floor is None:
            return colour, depth
        return _lay_floor(self.floor, camera.directions(uv), colour, depth)


def _lay_floor(floor: Floor, rays: Tensor, colour: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
    height = -(floor.origin * floor.normal).sum(1)
    falling = -(rays @ floor.normal[:, :, None])[..., 0]
    at = torch.where(falling > 1e-6, height[:, None] / falling.clamp(min=1e-6), UNKNOWN)
    on = (at < floor.reach[:, None]) & (height > 0)[:, None] & floor.there[:, None]
    points = rays * torch.where(on, at, 1.0)[..., None] - floor.origin[:, None]
    forward = torch.tensor([0.0, 0.0, 1.0], device=rays.device).expand_as(floor.normal)
    across = F.normalize(torch.linalg.cross(floor.normal, forward), dim=1)
    along = torch.linalg.cross(across, floor.normal)
    u = (points @ across[:, :, None])[..., 0] / floor.unit[:, None]
    v = (points @ along[:, :, None])[..., 0] / floor.unit[:, None]
    cycled = torch.stack([u, v], dim=-1) * floor.zoom[:, None, None]
    cycled = (cycled % 4.0 - 2.0).abs() - 1.0
    paint = F.grid_sample(floor.texture, cycled[:, :, None], align_corners=False)[..., 0].transpose(1, 2)
    squares = ((u / floor.tile[:, None]).floor() + (v / floor.tile[:, None]).floor()) % 2
    paint = paint * (1 - floor.checks[:, None] * squares)[..., None]
    shade = floor.shadow[:, None] * torch.exp(-(u.square() + v.square()) / 0.15)
    paint = paint * (1 - shade)[..., None]
    return torch.where(on[..., None], paint.clamp(0, 1), colour), torch.where(on, at, depth)


def draw_tones(dice: Dice, count: int) -> Tensor:
    """Colours (B, 3) as rooms and landscapes have: mostly muted."""
    grey = dice.uniform(0.12, 0.88, count, 1)
    return (grey + dice.normal(count, 3) * dice.uniform(0.01, 0.16, count, 1)).clamp(0, 1)


def draw_textures(dice: Dice, count: int, px: int) -> Tensor:
    """Cloudy colour noise in octaves, (B, 3, px, px): what plain walls, floors and cloth look like."""
    total = draw_tones(dice, count)[:, :, None, None].expand(-1, -1, px, px)
    for cells in (2, 4, 9, 24):
        noise = dice.normal(count, 1, cells, cells) + 0.3 * dice.normal(count, 3, cells, cells)
        strength = dice.uniform(0.0, 0.11, count, 1, 1, 1)
        total = total + F.interpolate(noise * strength, size=(px, px), mode="bilinear", align_corners=True)
    return total.clamp(0, 1)


def draw_backdrop(dice: Dice, photographs: Photographs | None, count: int, photograph_share: float) -> Backdrop:
    """Pieces of photographs (turned over at random, recoloured a little), or walls of colour noise."""
    walls = draw_textures(dice, count, FAR_PX)
    wall_depth = torch.full((count,), UNKNOWN, device=dice.device)
    if photographs is None or photograph_share <= 0:
        return Backdrop(walls, walls, wall_depth)
    chosen = dice.integers(len(photographs.close), count)
    zoom = dice.uniform(0.45, 1.0, count)
    flip = torch.where(dice.chance(0.5, count), 1.0, -1.0)
    shift = dice.uniform(-1, 1, count, 2) * (1 - zoom)[:, None]
    zero = torch.zeros_like(zoom)
    affine = torch.stack([zoom * flip, zero, shift[:, 0], zero, zoom, shift[:, 1]], dim=1).view(-1, 2, 3)
    gain = 1 + 0.15 * dice.normal(count, 3, 1, 1).clamp(-2, 2)
    is_photograph = dice.chance(photograph_share, count)[:, None, None, None]

    def piece(source: Tensor, px: int) -> Tensor:
        grid = F.affine_grid(affine.to(source.dtype), [count, 3, px, px], align_corners=False)
        cut = F.grid_sample(source[chosen], grid, padding_mode="reflection", align_corners=False)
        wall = walls if px == FAR_PX else F.interpolate(walls, size=(px, px), mode="bilinear", align_corners=False)
        return torch.where(is_photograph, (cut * gain).clamp(0, 1), wall)

    return Backdrop(piece(photographs.close, CLOSE_PX // 2), piece(photographs.far, FAR_PX), wall_depth)


def draw_floor(dice: Dice, *, origin: Tensor, normal: Tensor, unit: Tensor, depth: Tensor, share: float) -> Floor:
    """A floor through `origin` for a share of the pictures, reaching 1.5 to 4 times as far as the object."""
    count = len(unit)
    return Floor(
        origin=origin,
        normal=normal,
        reach=depth * dice.uniform(1.5, 4.0, count),
        there=dice.chance(share, count),
        unit=unit,
        texture=draw_textures(dice, count, TEXTURE_PX),
        zoom=dice.uniform(0.4, 2.0, count),
        checks=torch.where(dice.chance(0.4, count), dice.uniform(0.05, 0.4, count), 0.0),
        tile=dice.uniform(0.2, 0.7, count),
        shadow=dice.uniform(0.1, 0.55, count),
    )
