"""Which precision a device computes fastest in."""

from contextlib import AbstractContextManager, nullcontext

import torch


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """bf16 autocast for `bf16`, none for `fp32`; `auto` takes bf16 where the device multiplies it natively."""
    if precision == "auto":
        precision = "bf16" if device.type == "cuda" or _cpu_multiplies_bf16() else "fp32"
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def _cpu_multiplies_bf16() -> bool:
    check = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(check is not None and check())
