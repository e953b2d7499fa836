"""Object Swap – Random: a shape put where another object was, at its place and size, hidden by what stands before it.

What is known of the picture is depth: centre and box of the object that leaves come from the points under its mask, and
the new shape is shown only where nothing is nearer.

Source: paper B.2.2.
"""

import math

import torch
from torch import Tensor

from training_loop.backdrops import UNKNOWN, Photographs, draw_backdrop, draw_floor
from training_loop.cameras_on_device import (
    Camera,
    Dice,
    PlacedShapes,
    any_rotation,
    box_grid,
    draw_camera,
    place_in_picture,
    turned_extent,
    upright_rotation,
    whole_box,
)
from training_loop.compositing import Lighting, Paint, Scene, layer_depths
from training_loop.shape_bank import ShapeBank

MIN_VISIBLE_SHARE = 0.2
OCCLUDED_PERIMETER_SHARE = 0.1
BOTTOM_SHARE = 0.1
NEARER_BY = 0.01
PROBE_PX = 48
DRAWN_FOR_EACH = 6


def swap_pose(points: Tensor, mask: Tensor, surface: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Translation (B, 3) and scale (B,) of a turned shape that takes the place of the object under a mask.

    Args:
        points: (B, N, 3) of the picture, camera frame; mask: (B, N) bool, whose points are all known.
        surface: (B, P, 3) of the new shape, object frame; rotation: (B, 3, 3).

    The box of what is seen of an object is its front: depth is not measured, so width and height decide the scale.
    """
    low = torch.where(mask[..., None], points, torch.inf).amin(1)
    high = torch.where(mask[..., None], points, -torch.inf).amax(1)
    first, last = turned_extent(surface, rotation)
    scale = ((high - low)[:, :2] / (last - first)[:, :2].clamp(min=1e-3)).amin(1)
    # The box's front is where the new shape's front goes.
    centre = (low + high) / 2
    middle = (first + last) / 2
    depth = low[:, 2] - scale * first[:, 2]
    return torch.cat([centre[:, :2] - scale[:, None] * middle[:, :2], depth[:, None]], dim=1), scale


def has_cue(new_depth: Tensor, scene_depth: Tensor) -> Tensor:
    """Whether depth order shows where the object is, (B,) bool: it is supported below, or something hides its border.

    Args:
        new_depth: (B, px, px) of the new shape alone, `UNKNOWN` beside it. scene_depth: (B, px, px) of all else.

    A border pixel is occluded where the pixel on its other side is nearer. Supported: so along the lowest tenth of the
    object; hidden: so along a tenth of the whole border.
    """
    whole = new_depth < UNKNOWN
    visible = whole & (new_depth <= scene_depth)
    px = new_depth.shape[-1]
    row = torch.arange(px, device=new_depth.device)[None, :, None].expand_as(whole)
    top = torch.where(visible, row, px).amin((1, 2))
    bottom = torch.where(visible, row, -1).amax((1, 2))
    border, occluded, low, supported = (torch.zeros(len(whole), device=whole.device) for _ in range(4))
    for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):
        beyond = torch.roll(visible, -step, dims=axis)
        depth_beyond = torch.roll(scene_depth, -step, dims=axis)
        edge = visible & ~beyond
        nearer = edge & (depth_beyond < new_depth * (1 - NEARER_BY))
        border, occluded = border + edge.sum((1, 2)), occluded + nearer.sum((1, 2))
        if (axis, step) == (1, 1):
            lowest = edge & (row >= (bottom - BOTTOM_SHARE * (bottom - top + 1)).floor()[:, None, None])
            resting = lowest & (depth_beyond < new_depth * (1 + 1e-3))
            low, supported = low + lowest.sum((1, 2)), supported + resting.sum((1, 2))
    physical_support = supported >= 0.5 * low.clamp(min=1)
    return physical_support | (occluded >= OCCLUDED_PERIMETER_SHARE * border.clamp(min=1))


def object_swaps(bank: ShapeBank, dice: Dice, photographs: Photographs | None, count: int) -> Scene:
    """A floor, an object on it and often another before it; a random shape, turned at random, takes its place.

    Raises:
        RuntimeError: no drawn scene satisfied the rules.
    """
    from training_loop.scenes import first_true

    drawn = max(DRAWN_FOR_EACH * count, 48)
    camera = draw_camera(dice, drawn)
    rotation = upright_rotation(dice, drawn)
    leaving = dice.integers(len(bank), drawn)
    scale = dice.uniform(math.log(0.2), math.log(2.0), drawn).exp()
    span = dice.uniform(0.2, 0.7, drawn) * camera.aspect.amin(1)
    position = (0.3 * dice.normal(drawn, 2)).clamp(-0.5, 0.5)
    points = bank.points[leaving]
    at = place_in_picture(points, rotation, camera, scale=scale, span=span, position=position)
    original = PlacedShapes(leaving, rotation, at, scale)
    up = rotation[:, :, 1]
    foot = at + up * (points[..., 1].float().amin(1) * scale)[:, None]
    floor = draw_floor(dice, origin=foot, normal=up, unit=scale, depth=at[:, 2], share=0.85)
    before = _standing_before(bank, dice, original, up, foot)
    box = whole_box(drawn, dice.device)
    uv = box_grid(box, PROBE_PX)
    backdrop = draw_backdrop(dice, photographs, drawn, 0.5)
    wall = torch.where(dice.chance(0.7, drawn), floor.reach, UNKNOWN)
    backdrop = type(backdrop)(backdrop.close, backdrop.far, wall, floor)
    square = (PROBE_PX, PROBE_PX)
    inside = camera.inside(uv).reshape(-1, *square)
    ground = backdrop.look(camera, uv, far=True)[1].reshape(-1, *square)
    old_depth, front_depth = layer_depths(bank, camera, [original, before], box, PROBE_PX)
    mask = (old_depth < UNKNOWN) & (old_depth <= torch.minimum(front_depth, ground)) & inside
    seen = camera.directions(uv) * old_depth.clamp(max=100.0).flatten(1)[..., None]
    new_shapes = dice.integers(len(bank), drawn)
    turned = torch.where(dice.chance(0.5, drawn)[:, None, None], any_rotation(dice, drawn), rotation)
    translation, size = swap_pose(seen, mask.flatten(1), bank.points[new_shapes], turned)
    placeable = mask.any(2).any(1) & torch.isfinite(translation).all(1) & (size > 1e-3) & (translation[:, 2] > 0)
    safe = placeable[:, None]
    new = PlacedShapes(new_shapes, turned, torch.where(safe, translation, at), torch.where(placeable, size, scale))
    new_depth = layer_depths(bank, camera, [new], box, PROBE_PX)[0]
    new_depth = torch.where(inside, new_depth, UNKNOWN)
    around = torch.minimum(front_depth, ground)
    whole = new_depth < UNKNOWN
    visible = whole & (new_depth <= around)
    share = visible.sum((1, 2)) / whole.sum((1, 2)).clamp(min=1)
    large = visible.sum((1, 2)) >= 0.004 * inside.sum((1, 2))
    valid = placeable & (share >= MIN_VISIBLE_SHARE) & large & has_cue(new_depth, around)
    rows = first_true(valid, count)
    chosen = type(floor)(**{name: value[rows] for name, value in vars(floor).items()})
    return Scene(
        Camera(camera.tan_half[rows], camera.aspect[rows]),
        [new.select(rows), before.select(rows)],
        [Paint.draw(dice, count) for _ in range(2)],
        torch.zeros(count, dtype=torch.int8, device=dice.device),
        Lighting.draw(dice, count),
        type(backdrop)(backdrop.close[rows], backdrop.far[rows], wall[rows], chosen),
    )


def _standing_before(bank: ShapeBank, dice: Dice, original: PlacedShapes, up: Tensor, foot: Tensor) -> PlacedShapes:
    """Another shape on the same floor, nearer and a little aside; far behind the camera's back where there is none."""
    count = len(foot)
    shapes = dice.integers(len(bank), count)
    spin = dice.uniform(0, 2 * math.pi, count)
    c, s, zero, one = spin.cos(), spin.sin(), torch.zeros_like(spin), torch.ones_like(spin)
    about_up = torch.stack([c, zero, s, zero, one, zero, -s, zero, c], dim=1).view(-1, 3, 3)
    rotation = original.rotation @ about_up
    scale = original.scale * dice.uniform(0.3, 0.8, count)
    forward = torch.tensor([0.0, 0.0, 1.0], device=foot.device).expand_as(up)
    across = torch.nn.functional.normalize(torch.linalg.cross(up, forward), dim=1)
    towards = torch.linalg.cross(across, up)
    towards = torch.where(towards[:, 2:] < 0, towards, -towards)
    shift = towards * (original.scale * dice.uniform(0.6, 1.2, count))[:, None]
    shift = shift + across * (original.scale * dice.uniform(-0.6, 0.6, count))[:, None]
    lowest = bank.points[shapes][..., 1].float().amin(1)
    at = foot + shift - up * (lowest * scale)[:, None]
    there = dice.chance(0.65, count) & (at[:, 2] > 1.2 * scale)
    away = torch.tensor([0.0, 0.0, -50.0], device=foot.device)
    return PlacedShapes(shapes, rotation, torch.where(there[:, None], at, away), scale)
