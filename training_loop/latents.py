"""Stored latents: what a worker keeps of a sampled shape, so that training needs no encoder for it."""

import json
from dataclasses import dataclass

from safetensors.torch import load
from torch import Tensor


@dataclass(frozen=True)
class StoredLatent:
    """x₁ (cells, channels) and the fingerprint of the VAE that it belongs to, where the file names one."""

    x_1: Tensor
    latent_space: str | None

    def fits(self, shape: tuple[int, int], latent_space: str) -> bool:
        """Whether a model of this latent shape and space can use it; a file without a name is trusted by its shape."""
        same_space = self.latent_space in (None, latent_space)
        return same_space and tuple(self.x_1.shape) == shape and bool(self.x_1.isfinite().all())


def read_latent(content: bytes) -> StoredLatent:
    """Parse a latent's safetensors file.

    Raises:
        SafetensorError: the content is no such file.
        KeyError: it has no tensor `shape`.
    """
    x_1 = load(content)["shape"].float()
    # The file begins with the length of its JSON header, eight bytes, little-endian.
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return StoredLatent(x_1, header.get("__metadata__", {}).get("latent_space"))
