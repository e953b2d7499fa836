"""Pictures of occupancy grids, many at once and on the device: rays leap by the distance field, then find the surface.

Object frame [-0.5, 0.5]³ indexed [x, y, z]; rays are given in it, x = origin + depth · direction, so that the parameter
of a ray is the depth z in the camera when its direction has z = 1 there. It exists beside `rendering` (exact, one mesh,
numpy) because training needs thousands of pictures a second.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training_loop.shape_bank import RESOLUTION, ShapeBank

LEAPS = 32
BISECTIONS = 4
SURFACE_LEVEL = 0.45
_SHORTEST_LEAP = 0.7
_FAR = 1e4


@dataclass(frozen=True)
class Rays:
    """N rays of each of B pictures, object frame. `origin` (B, 3), `direction` (B, N, 3)."""

    origin: Tensor
    direction: Tensor


@dataclass(frozen=True)
class Hits:
    """Where rays meet a shape: `depth` (B, N), infinite where they miss; `hit` (B, N) bool."""

    depth: Tensor
    hit: Tensor


def object_rays(directions_camera: Tensor, rotation: Tensor, translation: Tensor, scale: Tensor) -> Rays:
    """Rays of a camera seen from the object: directions (B, N, 3) with z = 1, pose (B, 3, 3), (B, 3), (B,)."""
    turned = directions_camera @ rotation / scale[:, None, None]
    origin = -(translation[:, None] @ rotation)[:, 0] / scale[:, None]
    return Rays(origin, turned)


def _leap(
    field: Tensor, offset: Tensor, origin: Tensor, direction: Tensor, pace: Tensor, far: Tensor, state: Tensor
) -> Tensor:
    """Advance the rays once; `state` (3, B, N) is depth, the depth before it, and whether the ray has arrived."""
    depth, before, arrived = state.unbind(0)
    cell = ((origin[:, None] + depth[..., None] * direction + 0.5) * RESOLUTION).floor().clamp(0, RESOLUTION - 1).long()
    index = offset[:, None] + (cell[..., 0] * RESOLUTION + cell[..., 1]) * RESOLUTION + cell[..., 2]
    distance = field[index].float()
    inside = depth < far
    here = (distance == 0) & inside
    arrived = torch.maximum(arrived, here.float())
    advance = torch.where((arrived > 0) | ~inside, 0.0, (distance - 0.7).clamp(min=_SHORTEST_LEAP) * pace)
    return torch.stack([depth + advance, torch.where(advance > 0, depth, before), arrived])


def _trilinear(field: Tensor, row: Tensor, points: Tensor) -> Tensor:
    """Values of B stacked grids, flat as (B · R³,), at points (B, N, 3) of the object frame; `row` (B, 1) is b · R³."""
    at = ((points + 0.5) * RESOLUTION - 0.5).clamp(0, RESOLUTION - 1.001)
    low = at.floor()
    share, cell = at - low, low.long()
    base = row + (cell[..., 0] * RESOLUTION + cell[..., 1]) * RESOLUTION + cell[..., 2]
    value = torch.zeros_like(share[..., 0])
    for i in (0, 1):
        for j in (0, 1):
            for k in (0, 1):
                weight = torch.ones_like(value)
                for axis, upper in enumerate((i, j, k)):
                    weight = weight * (share[..., axis] if upper else 1 - share[..., axis])
                value = value + weight * field[base + (i * RESOLUTION + j) * RESOLUTION + k].float()
    return value


def _bisect(field: Tensor, row: Tensor, origin: Tensor, direction: Tensor, bracket: Tensor) -> Tensor:
    """Halve the bracket (2, B, N) of depths between outside and inside."""
    low, high = bracket.unbind(0)
    middle = (low + high) / 2
    full = _trilinear(field, row, origin[:, None] + middle[..., None] * direction) > SURFACE_LEVEL
    return torch.stack([torch.where(full, low, middle), torch.where(full, middle, high)])


def _slope(field: Tensor, row: Tensor, points: Tensor) -> Tensor:
    """Outward unit normals (B, N, 3): minus the gradient, from the corners of a small tetrahedron."""
    step = 1.2 / RESOLUTION
    gradient = torch.zeros_like(points)
    for corner in ((1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0), (1.0, 1.0, 1.0)):
        sides = [points[..., axis] + step * corner[axis] for axis in range(3)]
        value = _trilinear(field, row, torch.stack(sides, dim=-1))
        gradient = gradient + torch.stack([value * corner[axis] for axis in range(3)], dim=-1)
    return -gradient / gradient.square().sum(-1, keepdim=True).sqrt().clamp(min=1e-9)


_compiled: dict[str, Callable[..., Tensor]] = {}


def fused(function: Callable[..., Tensor], like: Tensor) -> Callable[..., Tensor]:
    """The function, compiled into few kernels where it runs on a GPU."""
    if not like.is_cuda:
        return function
    name = function.__name__
    if name not in _compiled:
        _compiled[name] = torch.compile(function, dynamic=True)
    return _compiled[name]


@torch.no_grad()
def march(bank: ShapeBank, shapes: Tensor, rays: Rays, soft: Tensor | None) -> Hits:
    """First meeting of rays with B shapes of the bank; `soft` (B, R, R, R) from `soften` refines it below a cell."""
    direction = torch.where(rays.direction.abs() < 1e-6, 1e-6, rays.direction)
    first, second = ((side - rays.origin[:, None]) / direction for side in (-0.5, 0.5))
    near = torch.minimum(first, second).amax(-1).clamp(min=1e-3)
    far = torch.maximum(first, second).amin(-1)
    pace = 1.0 / (RESOLUTION * direction.abs().amax(-1))
    state = torch.stack([near + 1e-3 * pace, near, torch.zeros_like(near)])
    leap = fused(_leap, near)
    field, offset = bank.distance.view(-1), shapes * RESOLUTION**3
    for _ in range(LEAPS):
        state = leap(field, offset, rays.origin, direction, pace, far, state)
    depth, before, arrived = state.unbind(0)
    if soft is not None:
        bisect, row = fused(_bisect, near), rows_of(soft)
        bracket = torch.stack([before, depth + 0.5 * pace])
        for _ in range(BISECTIONS):
            bracket = bisect(soft.view(-1), row, rays.origin, direction, bracket)
        depth = bracket.mean(0)
    hit = arrived > 0
    return Hits(torch.where(hit, depth, _FAR), hit)


def rows_of(grids: Tensor) -> Tensor:
    """Where each of B grids begins in their flat view, (B, 1)."""
    return torch.arange(len(grids), device=grids.device)[:, None] * RESOLUTION**3


def soften(bank: ShapeBank, shapes: Tensor) -> Tensor:
    """Blurred occupancy of B shapes, (B, R, R, R): what surface and normals are read from."""
    full = (bank.distance[shapes] == 0)[:, None].to(torch.float16 if bank.distance.is_cuda else torch.float32)
    for _ in range(2):
        full = F.avg_pool3d(full, 3, stride=1, padding=1)
    return full[:, 0].contiguous()


def normals(soft: Tensor, points: Tensor) -> Tensor:
    """Outward unit normals (B, N, 3), object frame, of the blurred occupancy at (B, N, 3) points."""
    return fused(_slope, points)(soft.view(-1), rows_of(soft), points)


def sample_grid(grid: Tensor, points: Tensor) -> Tensor:
    """Trilinear samples of (B, C, r, r, r) at (B, N, 3) points of the object frame: (B, C, N)."""
    where = (2 * points.flip(-1))[:, None, None].to(grid.dtype)
    return F.grid_sample(grid, where, mode="bilinear", padding_mode="border", align_corners=False)[:, :, 0, 0].float()


def colours(bank: ShapeBank, shapes: Tensor, points: Tensor) -> Tensor:
    """Colours (B, N, 3) in 0..1 of the shapes at surface points."""
    edge = bank.colour.shape[-1]
    cell = ((points + 0.5) * edge).floor().clamp(0, edge - 1).long()
    flat = (cell[..., 0] * edge + cell[..., 1]) * edge + cell[..., 2]
    chosen = bank.colour[shapes].flatten(2)
    return chosen.gather(2, flat[:, None].expand(-1, 3, -1)).transpose(1, 2).float() / 255.0
