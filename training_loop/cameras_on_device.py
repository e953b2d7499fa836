"""Cameras, poses and boxes of B pictures at once, as tensors; the rules are those of `synthetic`.

A picture spans [-1, 1] over its longer side in both coordinates (u right, v down); `aspect` (B, 2) says how far it
reaches. A ray through (u, v) is (u · tan, v · tan, 1) in the camera frame (OpenCV).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """`tan_half` (B,): tangent of half the field of view over the longer side. `aspect` (B, 2): reach in u and v."""

    tan_half: Tensor
    aspect: Tensor

    def directions(self, uv: Tensor) -> Tensor:
        """(B, N, 2) → (B, N, 3) rays with z = 1."""
        return torch.cat([uv * self.tan_half[:, None, None], torch.ones_like(uv[..., :1])], dim=-1)

    def inside(self, uv: Tensor) -> Tensor:
        """Whether (B, N, 2) lies in the picture."""
        return (uv.abs() <= self.aspect[:, None]).all(-1)


@dataclass(frozen=True)
class PlacedShapes:
    """B shapes of a bank with their poses: x_camera = rotation · (scale · x_object) + translation."""

    shapes: Tensor
    rotation: Tensor
    translation: Tensor
    scale: Tensor

    def select(self, rows: Tensor) -> "PlacedShapes":
        """Some of them."""
        return PlacedShapes(*(value[rows] for value in vars(self).values()))

    def where(self, condition: Tensor, other: "PlacedShapes") -> "PlacedShapes":
        """These where the condition (B,) holds, others elsewhere."""
        mine, theirs = vars(self), vars(other)
        return PlacedShapes(
            **{
                name: torch.where(condition.view(-1, *[1] * (mine[name].ndim - 1)), mine[name], theirs[name])
                for name in mine
            }
        )


class Dice:
    """Random tensors of one device and generator."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Between two numbers."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """N(0, 1)."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def integers(self, high: int, *shape: int) -> Tensor:
        """0 … high - 1."""
        return torch.randint(high, shape, generator=self.generator, device=self.device)

    def chance(self, probability: float, count: int) -> Tensor:
        """(count,) bool."""
        return self.uniform(0, 1, count) < probability


def box_grid(box: Tensor, px: int) -> Tensor:
    """Pixel centres of boxes (B, 4) left, top, right, bottom: (B, px², 2), row by row."""
    steps = (torch.arange(px, device=box.device) + 0.5) / px
    u = box[:, None, 0] + steps * (box[:, None, 2] - box[:, None, 0])
    v = box[:, None, 1] + steps * (box[:, None, 3] - box[:, None, 1])
    return torch.stack([u[:, None].expand(-1, px, -1), v[:, :, None].expand(-1, -1, px)], dim=-1).flatten(1, 2)


def whole_box(count: int, device: torch.device) -> Tensor:
    """The square about the whole picture."""
    return torch.tensor([-1.0, -1.0, 1.0, 1.0], device=device).expand(count, 4)


def box_of_mask(mask: Tensor, margin: float) -> Tensor:
    """(B, px, px) bool over the whole picture → (B, 4): the mask's box × margin, made square about its centre."""
    px = mask.shape[-1]
    index = torch.arange(px, device=mask.device)
    sides = []
    for axis in (1, 2):
        there = mask.any(dim=axis)
        first = torch.where(there, index, px).amin(1)
        last = torch.where(there, index, -1).amax(1) + 1
        sides.append((2 * first / px - 1, 2 * last / px - 1))
    (left, right), (top, bottom) = sides
    half = margin * torch.maximum(right - left, bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    return torch.stack([x - half, y - half, x + half, y + half], dim=1)


def draw_camera(dice: Dice, count: int) -> Camera:
    """Fields of view of 30 to 60 degrees; half of the pictures are square, the others up to 2 : 3 either way."""
    half = dice.uniform(math.radians(15), math.radians(30), count)
    short = torch.where(dice.chance(0.5, count), 1.0, dice.uniform(0.66, 1.0, count))
    wide = dice.chance(0.6, count)
    one = torch.ones_like(short)
    aspect = torch.stack([torch.where(wide, one, short), torch.where(wide, short, one)], dim=1)
    return Camera(half.tan(), aspect)


def upright_rotation(dice: Dice, count: int) -> Tensor:
    """Any azimuth, elevation about 18 ± 16° in -10 … 50°, a little roll: (B, 3, 3)."""
    azimuth = dice.uniform(0, 2 * math.pi, count)
    elevation = torch.deg2rad((18 + 16 * dice.normal(count)).clamp(-10, 50))
    roll = torch.deg2rad(4 * dice.normal(count))
    zero = torch.zeros_like(azimuth)
    towards = torch.stack([azimuth.sin() * elevation.cos(), elevation.sin(), azimuth.cos() * elevation.cos()], dim=1)
    right = torch.stack([azimuth.cos(), zero, -azimuth.sin()], dim=1)
    forward = -towards
    upright = torch.stack([right, torch.linalg.cross(forward, right), forward], dim=1)
    c, s, one = roll.cos(), roll.sin(), torch.ones_like(zero)
    turn = torch.stack([c, -s, zero, s, c, zero, zero, zero, one], dim=1).view(-1, 3, 3)
    return turn @ upright


def any_rotation(dice: Dice, count: int) -> Tensor:
    """Uniformly random rotations (B, 3, 3)."""
    q = torch.nn.functional.normalize(dice.normal(count, 4), dim=1)
    w, x, y, z = q.unbind(1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=1).view(-1, 3, 3)


def turned_extent(points: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Lowest and highest corner (B, 3) of surface points (B, P, 3) in the camera's axes, at scale 1."""
    turned = points.float() @ rotation.transpose(1, 2)
    return turned.amin(1), turned.amax(1)


def place_in_picture(
    points: Tensor, rotation: Tensor, camera: Camera, *, scale: Tensor, span: Tensor, position: Tensor
) -> Tensor:
    """Translation (B, 3) at which the turned object's longer side spans at most `span` of the picture's longer side.

    `position` (B, 2) shifts it right and down: ±0.5 brings it to the border.
    """
    low, high = turned_extent(points, rotation)
    extent, middle = scale[:, None] * (high - low), scale[:, None] * (high + low) / 2
    # The span holds at the depth of the nearest point, so perspective keeps the object inside.
    nearest = extent[:, :2].amax(1) / (2 * span * camera.tan_half)
    reach = nearest * camera.tan_half
    room = (2 * camera.aspect * reach[:, None] - extent[:, :2]).clamp(min=0)
    centre = position * room - middle[:, :2]
    return torch.cat([centre, (nearest - scale * low[:, 2])[:, None]], dim=1)
