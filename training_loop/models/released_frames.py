"""Layouts between our frames and those of the released networks, as tensors; `pose_codec` has the same for poses.

Ours: OpenCV camera, Y-up object, column vectors. Released: PyTorch3D camera (x left, y up), Z-up object, row vectors.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from training_loop.models.config import ROTATION, SCALE, TRANSLATION
from training_loop.models.geometry_flow import Latents


def layout_to_released(layout: Latents) -> Latents:
    """Rotation (..., 6), translation (..., 3) and log scale (..., 3), before z-scoring; others pass."""
    changed = dict(layout)
    if ROTATION in layout:
        rows = _camera_flip(layout[ROTATION]) @ rotation_matrix(layout[ROTATION]) @ _y_up_from_z_up(layout[ROTATION])
        # A row vector is multiplied from the right, so the released columns are our rows.
        changed[ROTATION] = rows[..., :2, :].flatten(-2)
    return changed | _flip_translation_and_swap_scale(layout)


def layout_from_released(layout: Latents) -> Latents:
    """The inverse of `layout_to_released`; a rotation that is no exact one comes back orthonormal."""
    changed = dict(layout)
    if ROTATION in layout:
        rows = rotation_matrix(layout[ROTATION]).transpose(-1, -2)
        ours = _camera_flip(rows) @ rows @ _y_up_from_z_up(rows).T
        changed[ROTATION] = ours[..., :2].transpose(-1, -2).flatten(-2)
    return changed | _flip_translation_and_swap_scale(layout)


def rotation_matrix(six: Tensor) -> Tensor:
    """Two columns (..., 6) → (..., 3, 3) by Gram-Schmidt."""
    first, second = six[..., :3], six[..., 3:]
    x = F.normalize(first, dim=-1)
    y = F.normalize(second - (x * second).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def _flip_translation_and_swap_scale(layout: Latents) -> Latents:
    changed = {}
    if TRANSLATION in layout:
        changed[TRANSLATION] = layout[TRANSLATION] * layout[TRANSLATION].new_tensor([-1.0, -1.0, 1.0])
    if SCALE in layout:
        changed[SCALE] = layout[SCALE][..., [0, 2, 1]]
    return changed


def _camera_flip(like: Tensor) -> Tensor:
    return like.new_tensor([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]])


def _y_up_from_z_up(like: Tensor) -> Tensor:
    return like.new_tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
