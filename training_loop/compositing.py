"""Placed shapes in front of a backdrop, lit and looked at through a box: B pictures at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training_loop.backdrops import UNKNOWN, Backdrop, draw_tones
from training_loop.cameras_on_device import Camera, Dice, PlacedShapes, box_grid
from training_loop.shape_bank import ShapeBank
from training_loop.volume_rendering import colours, march, normals, object_rays, sample_grid, soften


@dataclass(frozen=True)
class Lighting:
    """One lamp and the light from everywhere. `direction` (B, 3) points to the lamp, camera frame.

    Source: paper B.3 and C.5 (random light in every view).
    """

    direction: Tensor
    lamp: Tensor
    ambient: Tensor
    gloss: Tensor

    @staticmethod
    def draw(dice: Dice, count: int) -> "Lighting":
        """From above and in front, of random strength."""
        azimuth, height = dice.uniform(-1.4, 1.4, count), dice.uniform(0.1, 1.2, count)
        ambient = dice.uniform(0.2, 0.65, count)
        return Lighting(
            direction=F.normalize(torch.stack([azimuth.sin(), -height, -azimuth.cos()], dim=1), dim=1),
            lamp=dice.uniform(0.3, 0.9, count) * (1.25 - ambient),
            ambient=ambient,
            gloss=torch.where(dice.chance(0.4, count), dice.uniform(0.0, 0.6, count), 0.0),
        )


@dataclass(frozen=True)
class Paint:
    """How a shape's own colours are changed: mixed with a tone, tinted, and mottled by noise in the object frame."""

    tone: Tensor
    mix: Tensor
    tint: Tensor
    noise: Tensor
    mottle: Tensor

    @staticmethod
    def draw(dice: Dice, count: int) -> "Paint":
        """A third of the shapes is repainted in one tone, many are mottled."""
        repainted = dice.chance(0.3, count)
        return Paint(
            tone=draw_tones(dice, count),
            mix=torch.where(repainted, dice.uniform(0.5, 1.0, count), dice.uniform(0, 0.25, count)),
            tint=(1 + 0.15 * dice.normal(count, 3)).clamp(0.5, 1.5),
            noise=dice.normal(count, 1, 10, 10, 10),
            mottle=torch.where(dice.chance(0.6, count), dice.uniform(0.0, 0.25, count), 0.0),
        )

    def apply(self, colour: Tensor, points: Tensor) -> Tensor:
        """(B, N, 3) colours at (B, N, 3) points, object frame."""
        colour = torch.lerp(colour, self.tone[:, None].expand_as(colour), self.mix[:, None, None]) * self.tint[:, None]
        return colour * (1 + self.mottle[:, None] * sample_grid(self.noise, points)[:, 0])[..., None]


@dataclass(frozen=True)
class Scene:
    """B pictures to be taken: shapes in `layers` with their `paints`, of which one is the `target` (B,)."""

    camera: Camera
    layers: Sequence[PlacedShapes]
    paints: Sequence[Paint]
    target: Tensor
    light: Lighting
    backdrop: Backdrop


@dataclass(frozen=True)
class Shot:
    """`colour` (B, 3, px, px) in 0..1; (B, px, px): `depth`, `UNKNOWN` in the void, `layer`, -1 behind, `inside`."""

    colour: Tensor
    depth: Tensor
    layer: Tensor
    inside: Tensor


def layer_depths(bank: ShapeBank, camera: Camera, layers: Sequence[PlacedShapes], box: Tensor, px: int) -> Tensor:
    """Depths (L, B, px, px) of each layer alone: cheap, for rules about who hides whom."""
    rays = camera.directions(box_grid(box, px))
    depths = []
    for layer in layers:
        hits = march(bank, layer.shapes, object_rays(rays, layer.rotation, layer.translation, layer.scale), None)
        depths.append(hits.depth.reshape(-1, px, px))
    return torch.stack(depths)


@torch.no_grad()
def take(bank: ShapeBank, scene: Scene, soft: Sequence[Tensor], box: Tensor, px: int, *, far: bool) -> Shot:
    """Look through boxes (B, 4); `soft` holds the layers' blurred occupancies."""
    uv = box_grid(box, px)
    rays = scene.camera.directions(uv)
    colour, depth = scene.backdrop.look(scene.camera, uv, far=far)
    layer_index = torch.full(depth.shape, -1, dtype=torch.int8, device=depth.device)
    for index, (layer, paint) in enumerate(zip(scene.layers, scene.paints, strict=True)):
        seen = object_rays(rays, layer.rotation, layer.translation, layer.scale)
        hits = march(bank, layer.shapes, seen, soft[index])
        points = seen.origin[:, None] + hits.depth.clamp(max=100.0)[..., None] * seen.direction
        points = torch.where(hits.hit[..., None], points, 0.0)
        lit = _shade(
            paint.apply(colours(bank, layer.shapes, points), points),
            normals(soft[index], points) @ layer.rotation.transpose(1, 2),
            F.normalize(rays, dim=-1),
            scene.light,
        )
        nearer = hits.hit & (hits.depth < depth)
        colour = torch.where(nearer[..., None], lit, colour)
        depth = torch.where(nearer, hits.depth, depth)
        layer_index = torch.where(nearer, layer_index.new_tensor(index), layer_index)
    inside = scene.camera.inside(uv)
    colour = torch.where(inside[..., None], colour, 0.0).clamp(0, 1)
    size = (-1, px, px)
    return Shot(
        colour=colour.transpose(1, 2).reshape(-1, 3, px, px),
        depth=torch.where(inside, depth, UNKNOWN).reshape(size),
        layer=torch.where(inside, layer_index, -1).reshape(size),
        inside=inside.reshape(size),
    )


def _shade(albedo: Tensor, normal: Tensor, ray: Tensor, light: Lighting) -> Tensor:
    """Lambert, light from above a little stronger than from below, and a highlight."""
    direction = light.direction[:, None]
    cosine = (normal * direction).sum(-1).clamp(min=0)
    sky = 1.0 - 0.25 * normal[..., 1]
    halfway = F.normalize(direction - ray, dim=-1)
    highlight = light.gloss[:, None] * (normal * halfway).sum(-1).clamp(min=0) ** 24
    brightness = light.ambient[:, None] * sky + light.lamp[:, None] * cosine
    return (albedo * brightness[..., None] + highlight[..., None]).clamp(0, 1)


def soften_layers(bank: ShapeBank, layers: Sequence[PlacedShapes]) -> list[Tensor]:
    """Blurred occupancies of all layers, for several shots of a scene."""
    return [soften(bank, layer.shapes) for layer in layers]
