"""Training examples as stacked tensors in memory: views, shape latents and layout targets.

Everything is prepared once (images cut, poses encoded, shapes encoded to latents); a training step only indexes.
`Examples` is the in-memory `ExampleSource`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose
from training_loop.models.conditioning import ViewBatch
from training_loop.models.config import ROTATION, SCALE, SHAPE, TRANSLATION, TRANSLATION_SCALE, ConditioningConfig
from training_loop.models.generator import GeometryModel
from training_loop.models.geometry_flow import Latents
from training_loop.models.shape_vae import ShapeVAE
from training_loop.pose_codec import (
    PoseFrame,
    assumed_intrinsics,
    at_unit_depth,
    encode_pose,
    frame_of_point_map,
    frame_without_point_map,
)
from training_loop.views import Views, check_inputs, make_views

USUAL_LAYOUT = 6.0

LayoutStatistics = dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class PreparedTarget:
    """One target, ready to be stacked. `frame` undoes the layout's normalisation; `layout` is None without a pose.

    `placed` says whether translation and scale mean something in the photograph, not rotation alone.
    """

    views: Views
    frame: PoseFrame
    layout: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None
    placed: bool = True


def prepare_target(
    *,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    point_map: NDArray[np.float32] | None,
    intrinsics: Intrinsics | None,
    pose: Pose | None,
    config: ConditioningConfig,
) -> PreparedTarget:
    """Cut the views of (I, M, P) and encode its pose in the frame of P, or in that of a wall at depth 1 without P.

    Raises:
        ViewError, PoseCodecError: the inputs do not fit together.
    """
    check_inputs(image, mask, point_map)
    if point_map is not None and np.isfinite(point_map[mask]).all(axis=-1).any():
        frame = frame_of_point_map(point_map, mask)
    else:
        point_map = None
        frame = frame_without_point_map(mask, intrinsics or assumed_intrinsics(*mask.shape))
        pose = None if pose is None else at_unit_depth(pose)
    views = make_views(image=image, mask=mask, point_map=point_map, frame=frame, config=config)
    if pose is None:
        return PreparedTarget(views=views, frame=frame, layout=None)
    target = encode_pose(pose, frame)
    return PreparedTarget(views=views, frame=frame, layout=(target.rotation_6d, target.translation, target.log_scale))


def stack_views(views: Sequence[Views], config: ConditioningConfig) -> ViewBatch:
    """Views of T targets as one batch; absent points are zeros."""
    absent = np.zeros((4, config.point_map_px, config.point_map_px), dtype=np.float16)

    def stack(arrays: Sequence[NDArray[Any]]) -> Tensor:
        # Views come with the strides of their cut. Convolutions round differently for each memory layout.
        return torch.from_numpy(np.stack(arrays).copy(order="C"))

    return ViewBatch(
        crop=stack([view.crop for view in views]),
        full=stack([view.full for view in views]),
        point_crop=stack([absent if v.point_crop is None else v.point_crop for v in views]),
        point_full=stack([absent if v.point_full is None else v.point_full for v in views]),
        has_points=torch.tensor([view.point_crop is not None for view in views]),
    )


@dataclass(frozen=True)
class Examples:
    """N targets with what is known of them.

    `crop` … `has_points`: see `ViewBatch`. `occupancy_bits`: (N, R³/8) uint8, packed. `rotation_6d` (N, 6),
    valid where `has_rotation` (N,); `translation` (N, 3), `log_scale` (N, 3), valid where `has_placement` (N,).
    `shape_latents`: (N, cells, channels) x₁, or (0,) before encoding. `category`: (N,) index, -1 unknown.
    """

    crop: Tensor
    full: Tensor
    point_crop: Tensor
    point_full: Tensor
    has_points: Tensor
    occupancy_bits: Tensor
    rotation_6d: Tensor
    translation: Tensor
    log_scale: Tensor
    has_rotation: Tensor
    has_placement: Tensor
    category: Tensor
    shape_latents: Tensor

    def __len__(self) -> int:
        return self.crop.shape[0]

    def gather(self, indices: Tensor) -> "Examples":
        """Some of the examples, by (B,) int64 index on the CPU; they stay on the device where these are."""
        indices = indices.to(self.crop.device, non_blocking=True)
        latents = self.shape_latents[indices] if len(self.shape_latents) else self.shape_latents
        rows = {
            field.name: getattr(self, field.name)[indices] for field in fields(self) if field.name != "shape_latents"
        }
        return Examples(**rows, shape_latents=latents)

    def to(self, device: torch.device | str) -> "Examples":
        """Move all tensors, for example to train from the memory of a GPU."""
        return Examples(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def views(self) -> ViewBatch:
        """What the model looks at."""
        return ViewBatch(**{field.name: getattr(self, field.name) for field in fields(ViewBatch)})

    def occupancy(self) -> Tensor:
        """(N, R, R, R) bool."""
        return unpack_occupancy(self.occupancy_bits)

    def x_1(self, model: GeometryModel) -> tuple[Latents, dict[str, Tensor]]:
        """Data of every modality, and which samples have it. Layout comes as (N, 1, channels)."""
        layout = {
            ROTATION: self.rotation_6d[:, None],
            TRANSLATION: self.translation[:, None],
            SCALE: self.log_scale[:, None],
            # No decoder reads it; it rides along because the released layout stream has it.
            TRANSLATION_SCALE: self.log_scale.new_zeros(len(self), 1, 1),
        }
        x_1 = {SHAPE: self.shape_latents, **model.normalise_layout(layout)}
        # Layouts far outside of what was seen (a point map with a far background) would drown all others.
        usual = {name: value.abs().flatten(1).amax(1) < USUAL_LAYOUT for name, value in x_1.items() if name != SHAPE}
        placed = self.has_placement & usual[TRANSLATION] & usual[SCALE]
        return x_1, {ROTATION: self.has_rotation & usual[ROTATION], TRANSLATION: placed, SCALE: placed}

    def with_latents(self, vae: ShapeVAE, *, batch_size: int = 32) -> "Examples":
        """Encode every occupancy once."""
        device = next(vae.parameters()).device
        with torch.no_grad():
            chunks = [
                vae.encode(unpack_occupancy(bits.to(device))).to(self.occupancy_bits.device)
                for bits in torch.split(self.occupancy_bits, batch_size)
            ]
        return replace(self, shape_latents=torch.cat(chunks))

    def layout_statistics(self, names: Sequence[str]) -> tuple[LayoutStatistics, LayoutStatistics]:
        """Centre and spread of layout modalities by quantiles (16, 50, 84 %), which far backgrounds do not move."""
        known = {ROTATION: self.rotation_6d, TRANSLATION: self.translation, SCALE: self.log_scale}
        levels = torch.tensor([0.16, 0.5, 0.84])
        quantiles = {name: known[name][self.has_placement].quantile(levels, dim=0) for name in names}
        return (
            {name: tuple(value[1].tolist()) for name, value in quantiles.items()},
            {name: tuple(((value[2] - value[0]) / 2).clamp(min=1e-3).tolist()) for name, value in quantiles.items()},
        )

    def save(self, path: Path) -> None:
        """Write to a safetensors file, whole or not at all."""
        partial = path.with_suffix(".partial")
        save_file({field.name: getattr(self, field.name).contiguous() for field in fields(self)}, partial)
        partial.replace(path)

    @staticmethod
    def load(path: Path) -> "Examples":
        """Read what `save` wrote."""
        return Examples(**load_file(path))


def stack_examples(
    targets: Sequence[PreparedTarget],
    occupancies: Sequence[NDArray[np.bool_]],
    categories: Sequence[int],
    config: ConditioningConfig,
) -> Examples:
    """Stack prepared targets with their occupancies (R, R, R)."""
    batch = stack_views([target.views for target in targets], config)
    nothing = (np.zeros(6), np.zeros(3), np.zeros(3))
    layouts = [nothing if target.layout is None else target.layout for target in targets]
    rotation, translation, log_scale = (
        torch.from_numpy(np.stack([layout[part] for layout in layouts]).astype(np.float32)) for part in range(3)
    )
    return Examples(
        **vars(batch),
        occupancy_bits=torch.from_numpy(np.stack([np.packbits(grid.reshape(-1)) for grid in occupancies])),
        rotation_6d=rotation,
        translation=translation,
        log_scale=log_scale,
        has_rotation=torch.tensor([target.layout is not None for target in targets]),
        has_placement=torch.tensor([target.layout is not None and target.placed for target in targets]),
        category=torch.tensor(list(categories)),
        shape_latents=torch.zeros(0),
    )


def unpack_occupancy(bits: Tensor) -> Tensor:
    """(N, R³/8) uint8 as packed by numpy → (N, R, R, R) bool, on the same device."""
    edge = round((8 * bits.shape[1]) ** (1 / 3))
    return _bits_of_bytes(bits.device)[bits.int()].reshape(-1, edge, edge, edge)


@cache
def _bits_of_bytes(device: torch.device) -> Tensor:
    """(256, 8) bool, most significant bit first."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(bool)
    return torch.from_numpy(bits).to(device)


def concatenate(parts: Sequence[Examples]) -> Examples:
    """One set from several."""
    if len(parts) == 1:
        return parts[0]
    return Examples(
        **{field.name: torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Examples)}
    )
