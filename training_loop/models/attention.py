"""Scaled dot-product attention, by the fastest kernel that the device has for it."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

# On an H200 cuDNN's kernels take two thirds of the time of the flash kernels that come with torch, forwards and
# backwards; elsewhere, and for shapes that it declines, the next one is taken.
CUDA_BACKENDS = [
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of (B, heads, N, channels); in float32 on a CPU, whose bf16 backward is slower."""
    if q.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            return F.scaled_dot_product_attention(q.float(), k.float(), v.float())
    with sdpa_kernel(CUDA_BACKENDS, set_priority=True):
        return F.scaled_dot_product_attention(q, k, v)
