"""A small network with real weights that stands in for ULIP or Uni3D."""

from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn


class FakeUni3D:
    """Cosine of pooled point features and of mean colour features."""

    def __init__(self, points: nn.Linear, image: nn.Linear) -> None:
        self.points, self.image = points, image

    @classmethod
    def load(cls, weights: Path, *, device: str) -> Self:
        tensors = load_file(weights, device=device)
        layers = {name: nn.Linear(3, 8) for name in ("points", "image")}
        for name, layer in layers.items():
            layer.load_state_dict({key: tensors[f"{name}.{key}"] for key in ("weight", "bias")})
        return cls(layers["points"], layers["image"])

    @staticmethod
    def save(path: Path, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        save_file(
            {
                f"{name}.{key}": torch.randn(shape, generator=generator)
                for name in ("points", "image")
                for key, shape in (("weight", (8, 3)), ("bias", (8,)))
            },
            path,
        )

    @torch.no_grad()
    def score(self, points: np.ndarray, image: np.ndarray) -> float:
        if not image.any():
            raise ValueError("a black picture has no features")
        shape = self.points(torch.from_numpy(points)).amax(0)
        picture = self.image(torch.from_numpy(image).float().mean((0, 1)) / 255)
        return float(torch.cosine_similarity(shape, picture, dim=0))
