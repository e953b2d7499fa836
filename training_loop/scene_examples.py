"""Examples that are made when they are asked for, on the device: what pretraining, mid-training and distillation see.

`SceneExamples` is an example source like any other, except that it never ends and holds no picture. Every target is
handed out several times in a row, so that a picture costs once what several draws of noise and time teach of it.

Source: paper sections C.2, B.1, B.2, Table 5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from training_loop.backdrops import Photographs
from training_loop.batches import ENDLESS, seed_of
from training_loop.cameras_on_device import Dice
from training_loop.compositing import Scene
from training_loop.examples import Examples
from training_loop.models.config import ROTATION, SCALE, TRANSLATION, ConditioningConfig
from training_loop.models.shape_vae import ShapeVAE
from training_loop.object_swaps import object_swaps
from training_loop.scenes import PointMaps, Targets, flying_occlusions, isolated, photograph
from training_loop.shape_bank import ShapeBank

SceneMaker = Callable[[ShapeBank, Dice, Photographs | None, int], Scene]
SCENES: dict[str, SceneMaker] = {
    "isolated": isolated,
    "flying_occlusions": flying_occlusions,
    "object_swap": object_swaps,
}


@dataclass(frozen=True)
class SceneConfig:
    """`shares`: scene kind → share of a batch. `repeats`: how often each target is handed out in a row."""

    shares: Mapping[str, float]
    repeats: int = 4
    maps: PointMaps = field(default_factory=PointMaps)


class SceneExamples:
    """Endless examples over the shapes of a bank, whose latents (N, cells, channels) are known."""

    def __init__(
        self,
        bank: ShapeBank,
        latents: Tensor,
        photographs: Photographs | None,
        scenes: SceneConfig,
        views: ConditioningConfig,
        seed: int,
    ) -> None:
        self.bank, self.latents, self.photographs = bank, latents, photographs
        self.scenes, self.views, self.seed = scenes, views, seed

    def __len__(self) -> int:
        """More than any training asks for."""
        return ENDLESS * 1024

    def gather(self, indices: Tensor) -> Examples:
        """Examples for (B,) indices: a function of the first index, of how many there are, and of the seed.

        Rows of one target are adjacent; shuffling a batch is of no use.
        """
        count, device = len(indices), self.bank.device
        dice = Dice(device, seed_of([self.seed, int(indices[0]), count]))
        targets = self.targets(dice, -(-count // self.scenes.repeats))
        rows = torch.arange(len(targets.shapes), device=device).repeat_interleave(self.scenes.repeats)[:count]
        everywhere = torch.ones(count, dtype=torch.bool, device=device)
        return Examples(
            **{name: value[rows] for name, value in vars(targets.views).items()},
            # The bank has the shapes; training asks for their latents alone.
            occupancy_bits=torch.zeros(count, 1, dtype=torch.uint8, device=device),
            rotation_6d=targets.layout[ROTATION][rows, 0],
            translation=torch.nan_to_num(targets.layout[TRANSLATION][rows, 0]),
            log_scale=torch.nan_to_num(targets.layout[SCALE][rows, 0]),
            has_rotation=everywhere,
            has_placement=targets.layout[TRANSLATION][rows, 0].isfinite().all(1),
            category=self.bank.category[targets.shapes[rows]],
            shape_latents=self.latents[targets.shapes[rows]].float(),
        )

    @torch.no_grad()
    def targets(self, dice: Dice, count: int, *, augment: bool = True) -> Targets:
        """`count` targets, the kinds of scenes by their shares."""
        shares = self.scenes.shares
        bounds = np.round(np.cumsum([0.0, *shares.values()]) / sum(shares.values()) * count).astype(int)
        parts = []
        # Geometry wants all its digits, whatever precision the model trains in.
        with torch.autocast(self.bank.device.type, enabled=False):
            for name, size in zip(shares, np.diff(bounds).tolist(), strict=True):
                if size:
                    scene = SCENES[name](self.bank, dice, self.photographs, size)
                    parts.append(photograph(self.bank, dice, scene, self.views, self.scenes.maps, augment=augment))
        return Targets.joined(parts)


def encode_bank(bank: ShapeBank, vae: ShapeVAE, *, batch_size: int = 64) -> Tensor:
    """Latents (N, cells, channels) of all shapes, half precision on a GPU."""
    chunks = []
    with torch.no_grad():
        for rows in torch.split(torch.arange(len(bank), device=bank.device), batch_size):
            latents = vae.encode(bank.occupancy(rows))
            chunks.append(latents.half() if latents.is_cuda else latents)
    return torch.cat(chunks)
