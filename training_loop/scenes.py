"""Training targets made on the device: scenes of three kinds, photographed as production sees them.

`isolated`: one shape, object-centred (Iso-3DO). `flying_occlusions`: two shapes pasted into a photograph by the rules
of B.2.1. `object_swap` (module `object_swaps`): a shape put where another object was (B.2.2).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training_loop.backdrops import UNKNOWN, Photographs, draw_backdrop, draw_floor
from training_loop.cameras_on_device import (
    Camera,
    Dice,
    PlacedShapes,
    any_rotation,
    box_grid,
    box_of_mask,
    draw_camera,
    place_in_picture,
    turned_extent,
    upright_rotation,
    whole_box,
)
from training_loop.compositing import Lighting, Paint, Scene, Shot, layer_depths, soften_layers, take
from training_loop.flying_occlusions import (
    MAX_VISIBLE_SHARE,
    MIN_VISIBLE_IMAGE_SHARE,
    MIN_VISIBLE_SHARE,
    OCCLUDER_SELECTED_SHARE,
)
from training_loop.models.conditioning import ViewBatch
from training_loop.models.config import ROTATION, SCALE, TRANSLATION, ConditioningConfig
from training_loop.shape_bank import ShapeBank

PROBE_PX = 48
OVERSAMPLING = 2
# The engine's prior where no point map is known: 60° across, horizon a quarter down, nothing beyond 12 camera heights.
PRIOR_TAN = math.tan(math.radians(30))
PRIOR_HORIZON_SHARE = 0.25
PRIOR_FARTHEST = 12.0


@dataclass(frozen=True)
class Targets:
    """B training targets: what the model sees, which shape of the bank it is, and its layout (B, 1, channels)."""

    views: ViewBatch
    shapes: Tensor
    layout: dict[str, Tensor]
    visible_share: Tensor

    @staticmethod
    def joined(parts: "Sequence[Targets]") -> "Targets":
        """One batch from several."""
        views = {name: torch.cat([getattr(part.views, name) for part in parts]) for name in vars(parts[0].views)}
        return Targets(
            ViewBatch(**views),
            torch.cat([part.shapes for part in parts]),
            {name: torch.cat([part.layout[name] for part in parts]) for name in parts[0].layout},
            torch.cat([part.visible_share for part in parts]),
        )


@dataclass(frozen=True)
class PointMaps:
    """How many targets see a true point map and how many the engine's prior; the others see none."""

    true_share: float = 0.35
    prior_share: float = 0.4


def isolated(bank: ShapeBank, dice: Dice, photographs: Photographs | None, count: int) -> Scene:
    """One upright shape that fills 35 to 95 % of the picture, on a floor more often than not."""
    camera = draw_camera(dice, count)
    shapes = dice.integers(len(bank), count)
    rotation = upright_rotation(dice, count)
    points = bank.points[shapes]
    scale = dice.uniform(math.log(0.1), math.log(2.0), count).exp()
    span = dice.uniform(0.35, 0.95, count) * camera.aspect.amin(1)
    position = (0.25 * dice.normal(count, 2)).clamp(-0.5, 0.5)
    translation = place_in_picture(points, rotation, camera, scale=scale, span=span, position=position)
    placed = PlacedShapes(shapes, rotation, translation, scale)
    backdrop = draw_backdrop(dice, photographs, count, 0.4)
    up = rotation[:, :, 1]
    lowest = points[..., 1].float().amin(1)
    floor = draw_floor(
        dice,
        origin=translation + up * (lowest * scale)[:, None],
        normal=up,
        unit=scale,
        depth=translation[:, 2],
        share=0.6,
    )
    far = torch.where(dice.chance(0.5, count), floor.reach, UNKNOWN)
    backdrop = type(backdrop)(backdrop.close, backdrop.far, far, floor)
    return Scene(
        camera,
        [placed],
        [Paint.draw(dice, count)],
        torch.zeros(count, dtype=torch.int8, device=dice.device),
        Lighting.draw(dice, count),
        backdrop,
    )


def is_well_occluded(whole: Tensor, visible: Tensor, pixels: int) -> Tensor:
    """0.1 ≤ |M_vis| / |M_obj| ≤ 0.9 and |M_vis| / |I| ≥ 0.2 %, for pixel counts (B,).

    Source: paper B.2.1.
    """
    share = visible / whole.clamp(min=1)
    large = visible >= MIN_VISIBLE_IMAGE_SHARE * pixels
    return (share >= MIN_VISIBLE_SHARE) & (share <= MAX_VISIBLE_SHARE) & large


def first_true(valid: Tensor, count: int) -> Tensor:
    """Indices of the first `count` valid rows; valid ones repeat where there are fewer.

    Raises:
        RuntimeError: none is valid.
    """
    order = torch.argsort(~valid, stable=True)
    found = int(valid.sum())
    if not found:
        raise RuntimeError("no drawn scene satisfied its rules; draw more at once")
    return order[torch.arange(count, device=valid.device) % found]


def flying_occlusions(bank: ShapeBank, dice: Dice, photographs: Photographs | None, count: int) -> Scene:
    """Two freely turned shapes, one in front of the other; one time in three the one in front is the target.

    Half of the shapes stand upright: photographs of real objects mostly show them so.
    """
    drawn = max(5 * count // 2, 24)
    camera = draw_camera(dice, drawn)
    pair = [dice.integers(len(bank), drawn) for _ in range(2)]
    rotations = [
        torch.where(dice.chance(0.5, drawn)[:, None, None], upright_rotation(dice, drawn), any_rotation(dice, drawn))
        for _ in range(2)
    ]
    one = torch.ones(drawn, device=dice.device)
    span = dice.uniform(0.2, 0.85, drawn) * camera.aspect.amin(1)
    position = dice.uniform(-0.45, 0.45, drawn, 2)
    points = bank.points[pair[0]]
    at = place_in_picture(points, rotations[0], camera, scale=one, span=span, position=position)
    behind = PlacedShapes(pair[0], rotations[0], at, one)
    front = _in_front(bank, dice, camera, behind, pair[1], rotations[1], span * dice.uniform(0.4, 1.2, drawn))
    depths = layer_depths(bank, camera, [behind, front], whole_box(drawn, dice.device), PROBE_PX)
    inside = camera.inside(box_grid(whole_box(drawn, dice.device), PROBE_PX)).reshape(-1, PROBE_PX, PROBE_PX)
    masks = (depths < UNKNOWN) & inside
    whole, hidden = masks[0].sum((1, 2)), (masks[0] & masks[1]).sum((1, 2))
    pixels = inside.sum((1, 2))
    valid = is_well_occluded(whole, whole - hidden, 1) & (whole - hidden >= MIN_VISIBLE_IMAGE_SHARE * pixels)
    # Either may be the target, so the one in front must be large enough as well.
    valid &= masks[1].sum((1, 2)) >= 2 * MIN_VISIBLE_IMAGE_SHARE * pixels
    rows = first_true(valid, count)
    selected = [behind.select(rows), front.select(rows)]
    backdrop = draw_backdrop(dice, photographs, count, 0.85)
    far = torch.where(dice.chance(0.6, count), selected[0].translation[:, 2] * dice.uniform(1.3, 4.0, count), UNKNOWN)
    return Scene(
        Camera(camera.tan_half[rows], camera.aspect[rows]),
        selected,
        [Paint.draw(dice, count) for _ in range(2)],
        dice.chance(OCCLUDER_SELECTED_SHARE, count).to(torch.int8),
        Lighting.draw(dice, count),
        type(backdrop)(backdrop.close, backdrop.far, far),
    )


def _in_front(
    bank: ShapeBank, dice: Dice, camera: Camera, behind: PlacedShapes, shapes: Tensor, rotation: Tensor, span: Tensor
) -> PlacedShapes:
    """Throw a shape at a random surface point of the one behind, wholly nearer than it."""
    count = len(shapes)
    one, points = torch.ones_like(span), bank.points[shapes]
    zero = torch.zeros(count, 2, device=span.device)
    at = place_in_picture(points, rotation, camera, scale=one, span=span, position=zero)
    aim = bank.points[behind.shapes, dice.integers(bank.points.shape[1], count)].float()
    aimed = (behind.rotation @ (behind.scale[:, None] * aim)[..., None])[..., 0] + behind.translation
    offset = aimed[:, :2] / aimed[:, 2:] * at[:, 2:]
    low, _ = turned_extent(bank.points[behind.shapes], behind.rotation)
    _, high = turned_extent(points, rotation)
    nearest = behind.translation[:, 2] + behind.scale * low[:, 2]
    # Scaling the scene about the camera changes its depth and nothing in the picture.
    share = 0.95 * nearest / (at[:, 2] + high[:, 2])
    moved = torch.cat([at[:, :2] + offset, at[:, 2:]], dim=1) * share[:, None]
    return PlacedShapes(shapes, rotation, moved, share)


@torch.no_grad()
def photograph(
    bank: ShapeBank, dice: Dice, scene: Scene, config: ConditioningConfig, maps: PointMaps, *, augment: bool = True
) -> Targets:
    """Take the views of a scene as production would: whole picture, crop about the visible mask, point maps."""
    count, px = len(scene.target), OVERSAMPLING * config.image_px
    kind = dice.uniform(0, 1, count)
    prior = kind < maps.prior_share
    known = kind < maps.prior_share + maps.true_share
    soft = soften_layers(bank, scene.layers)
    whole = whole_box(count, dice.device)
    full = take(bank, scene, soft, whole, config.image_px, far=True)
    seen = full.layer == scene.target[:, None, None]
    box = box_of_mask(seen, config.crop_margin)
    # Hand-drawn masks and detectors are not exact to the pixel.
    if augment:
        box = box + 0.02 * dice.normal(count, 4).clamp(-2, 2) * (box[:, 2:3] - box[:, 0:1])
    crop = take(bank, scene, soft, box, px, far=False)
    seen_crop = crop.layer == scene.target[:, None, None]
    look = Look.draw(dice, count) if augment else None
    placed = _target_of(scene)
    points_crop, points_full = (
        _true_points(scene.camera, box, crop, config),
        _true_points(scene.camera, whole, full, config),
    )
    mask_crop, mask_full = (_nearest(mask, config.point_map_px) for mask in (seen_crop, seen))
    inside_full = _nearest(full.inside, config.point_map_px)
    guess_crop, guess_full, stretch = _prior_points(
        scene.camera, box, whole, mask_crop, mask_full, config.point_map_px, crop, seen_crop
    )
    rays_crop, rays_full = (scene.camera.directions(box_grid(b, config.point_map_px)) for b in (box, whole))
    pick = [prior[:, None, None], known[:, None, None]]
    points_crop = torch.where(pick[0], guess_crop, torch.where(pick[1], points_crop, rays_crop))
    points_full = torch.where(pick[0], guess_full, torch.where(pick[1], points_full, rays_full))
    frame = _frame(points_crop, mask_crop.flatten(1), points_full, inside_full.flatten(1))
    size = torch.where(prior, stretch, torch.where(known, 1.0, 1.0 / placed.translation[:, 2]))
    layout = _layout(placed, size, *frame)
    views = ViewBatch(
        crop=_view(dice, crop.colour, seen_crop, look, config.image_px),
        full=_view(dice, full.colour, seen, look, config.image_px),
        point_crop=_normalised(points_crop, _nearest(crop.inside, config.point_map_px), *frame),
        point_full=_normalised(points_full, inside_full, *frame),
        has_points=known,
    )
    return Targets(views, placed.shapes, layout, seen.flatten(1).float().mean(1))


def _target_of(scene: Scene) -> PlacedShapes:
    placed = scene.layers[0]
    for index, layer in enumerate(scene.layers[1:], start=1):
        placed = layer.where(scene.target == index, placed)
    return placed


def _nearest(grid: Tensor, px: int) -> Tensor:
    """Every so many-th pixel of (B, n, n), at the middle of its cell: (B, px, px)."""
    step = grid.shape[-1] / px
    index = ((torch.arange(px, device=grid.device) + 0.5) * step).floor().long()
    return grid[:, index][:, :, index]


def _true_points(camera: Camera, box: Tensor, shot: Shot, config: ConditioningConfig) -> Tensor:
    """(B, Q², 3) points of what is seen; unknown ones are NaN."""
    depth = _nearest(shot.depth, config.point_map_px).flatten(1)
    rays = camera.directions(box_grid(box, config.point_map_px))
    return torch.where((depth < UNKNOWN)[..., None], rays * depth[..., None], torch.nan)


def _prior_points(
    camera: Camera, box: Tensor, whole: Tensor, mask_crop: Tensor, mask_full: Tensor, px: int, crop: Shot, seen: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What the engine's prior would say: (B, Q², 3) twice, and by how much the true pose grows to fit into it.

    The prior assumes 60°; a picture taken with another lens is placed as the prior would place it.
    """
    reach = camera.aspect[:, 1:]
    rise = 2 * PRIOR_HORIZON_SHARE * reach * PRIOR_TAN
    rise = reach * PRIOR_TAN - rise
    pitch = torch.atan(rise)

    def ground(v: Tensor) -> Tensor:
        below = v * PRIOR_TAN * pitch.cos() + pitch.sin()
        return 1.0 / below.clamp(min=1.0 / PRIOR_FARTHEST)

    crop_uv, full_uv = box_grid(box, px), box_grid(whole, px)
    lowest = torch.where(mask_crop.flatten(1), crop_uv[..., 1], -torch.inf).amax(1, keepdim=True).clamp(-1, 1)
    slab = ground(lowest)
    to_edge = _distance_to_edge(mask_crop).flatten(1) * ((box[:, 2] - box[:, 0]) / px)[:, None]
    radius = to_edge.amax(1, keepdim=True).clamp(min=1e-4)
    bulge = (radius * PRIOR_TAN).clamp(max=0.5)
    relief = slab * (1 - bulge * (1 - (1 - to_edge / radius).square()).clamp(min=0).sqrt())
    crop_depth = torch.where(mask_crop.flatten(1), relief, ground(crop_uv[..., 1]))
    full_depth = torch.where(mask_full.flatten(1), slab * (1 - 0.7 * bulge), ground(full_uv[..., 1]))
    one = torch.ones_like(full_depth)

    def lifted(uv: Tensor, depth: Tensor) -> Tensor:
        return torch.cat([uv * PRIOR_TAN, one[..., None]], dim=-1) * depth[..., None]

    nearest = torch.where(seen, crop.depth, torch.inf).flatten(1).amin(1)
    stretch = (slab * (1 - bulge))[:, 0] / nearest.clamp(min=1e-3)
    return lifted(crop_uv, crop_depth), lifted(full_uv, full_depth), stretch


def _distance_to_edge(mask: Tensor) -> Tensor:
    """Steps to the outside of (B, Q, Q) masks, in pixels: squares and crosses in turn, which is nearly round."""
    inner = F.pad(mask, (1, 1, 1, 1)).float()[:, None]
    distance = torch.zeros_like(inner)
    for step in range(mask.shape[-1] // 2):
        distance = distance + inner
        outer = 1 - inner
        across = torch.maximum(F.max_pool2d(outer, (3, 1), 1, (1, 0)), F.max_pool2d(outer, (1, 3), 1, (0, 1)))
        inner = 1 - (across if step % 2 else F.max_pool2d(outer, 3, 1, 1))
    return distance[:, 0, 1:-1, 1:-1]


def _frame(points: Tensor, mask: Tensor, scene: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Shift (B, 3): median of the masked points. Scene scale (B,): median over the scene of max |p - shift|."""
    shift = torch.where(mask[..., None], points, torch.nan).nanmedian(dim=1).values
    distance = (scene - shift[:, None]).abs().amax(-1)
    scale = torch.where(inside, distance, torch.nan).nanmedian(dim=1).values
    return shift, scale.clamp(min=1e-3)


def _layout(placed: PlacedShapes, size: Tensor, shift: Tensor, scene_scale: Tensor) -> dict[str, Tensor]:
    """x₁ of the layout, not z-scored; the pose is scaled about the camera by `size` (B,) first."""
    translation = (placed.translation * size[:, None] - shift) / scene_scale[:, None]
    log_scale = (placed.scale * size / scene_scale).log()[:, None].expand(-1, 3)
    six = placed.rotation[:, :, :2].transpose(1, 2).flatten(1)
    return {ROTATION: six[:, None], TRANSLATION: translation[:, None], SCALE: log_scale[:, None]}


def _normalised(points: Tensor, inside: Tensor, shift: Tensor, scene_scale: Tensor) -> Tensor:
    """(B, 4, Q, Q): normalised xyz and validity."""
    px = inside.shape[-1]
    valid = points.isfinite().all(-1) & inside.flatten(1)
    value = ((points - shift[:, None]) / scene_scale[:, None, None]).clamp(-8, 8)
    value = torch.where(valid[..., None], value, 0.0)
    return torch.cat([value, valid[..., None].to(value.dtype)], dim=-1).transpose(1, 2).reshape(-1, 4, px, px)


@dataclass(frozen=True)
class Look:
    """How a photograph comes out: exposure, contrast, colour cast, grain, grey, blur and mask errors; all (B, …).

    `small` is the share to which a blurred picture is shrunk before it grows again; `grow` erodes (-) or dilates (+)
    the mask by pixels.

    Source: paper C.5 (mask and blur augmentation).
    """

    gain: Tensor
    contrast: Tensor
    grain: Tensor
    grey: Tensor
    blurred: Tensor
    small: int
    grow: Tensor

    @staticmethod
    def draw(dice: Dice, count: int) -> "Look":
        """A quarter is blurred (all of a batch to the same size), two fifths have a mask that is off."""
        cast = 1 + 0.06 * dice.normal(count, 3, 1, 1)
        return Look(
            gain=dice.uniform(0.7, 1.25, count, 1, 1, 1) * cast,
            contrast=dice.uniform(0.75, 1.25, count, 1, 1, 1),
            grain=dice.uniform(0.0, 0.025, count, 1, 1, 1),
            grey=dice.chance(0.12, count)[:, None, None, None],
            blurred=dice.chance(0.25, count)[:, None, None, None],
            small=int(dice.integers(3, 1).item()) + 2,
            grow=torch.where(dice.chance(0.4, count), dice.integers(5, count) - 2, 0)[:, None, None, None],
        )


def _view(dice: Dice, colour: Tensor, mask: Tensor, look: Look | None, px: int) -> Tensor:
    """(B, 4, px, px) uint8 from an oversampled shot."""
    silhouette = mask[:, None].float()
    if look is not None:
        for radius in (1, 2) if colour.shape[-1] > px else ():
            bigger = F.max_pool2d(silhouette, 2 * radius + 1, 1, radius)
            smaller = 1 - F.max_pool2d(1 - silhouette, 2 * radius + 1, 1, radius)
            silhouette = torch.where(look.grow == radius, bigger, silhouette)
            # Never lose the target altogether.
            keeps = smaller.flatten(1).any(1)[:, None, None, None]
            silhouette = torch.where((look.grow == -radius) & keeps, smaller, silhouette)
    step = colour.shape[-1] // px
    colour, silhouette = F.avg_pool2d(colour, step), F.avg_pool2d(silhouette, step)
    if look is not None:
        shrunk = F.interpolate(colour, scale_factor=1 / look.small, mode="area")
        grown = F.interpolate(shrunk, size=(px, px), mode="bilinear", align_corners=False)
        colour = torch.where(look.blurred, grown, colour)
        colour = (colour * look.gain - 0.5) * look.contrast + 0.5
        colour = colour + look.grain * dice.normal(*colour.shape)
        colour = torch.where(look.grey, colour.mean(1, keepdim=True), colour)
    return (torch.cat([colour.clamp(0, 1), silhouette], dim=1) * 255).round().to(torch.uint8)
