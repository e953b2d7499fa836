"""A stock of targets on the device, from which training draws while it is renewed piece by piece.

Making a scene takes the device about as long as training on it a few times. So each target is used some ten to twenty
times, with other noise and times, before newer ones replace it, and scenes are made in pieces that fill the device.
"""

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor

from training_loop.batches import ENDLESS, seed_of
from training_loop.examples import Examples
from training_loop.scene_examples import SceneExamples

CHUNK = 2048


class TargetPool:
    """An endless example source over `chunks` pieces of `chunk` targets each.

    Args:
        scenes: asked for every piece, so that a bank that still grows is used as it is then; each target once.
        fresh_every: after so many rows the oldest piece is replaced.

    With scenes that do not change, what a row holds is a function of its index, the batch's size and the seed.
    """

    def __init__(
        self, scenes: Callable[[], SceneExamples], *, chunks: int, fresh_every: int, seed: int, chunk: int = CHUNK
    ) -> None:
        self.scenes, self.chunks, self.chunk, self.seed = scenes, chunks, chunk, seed
        self.fresh_every = fresh_every
        self.made = 0
        self._stock: dict[str, Tensor] = {}

    def __len__(self) -> int:
        """More than any training asks for."""
        return ENDLESS * 1024

    def gather(self, indices: Tensor) -> Examples:
        """Targets by chance of the pieces that are in stock when the first index is reached."""
        first, count = int(indices[0]), len(indices)
        self.fill(self.chunks + first // self.fresh_every)
        device = next(iter(self._stock.values())).device
        generator = torch.Generator(device).manual_seed(seed_of([self.seed, first, count]))
        rows = torch.randint(self.chunks * self.chunk, (count,), generator=generator, device=device)
        return Examples(**{name: value[rows] for name, value in self._stock.items()})

    def fill(self, made: int) -> None:
        """Make pieces until so many have been made; the stock holds the last ones."""
        self.made = max(self.made, made - self.chunks)
        while self.made < made:
            self._put(self.made % self.chunks, self._make(self.made))
            self.made += 1

    def _make(self, number: int) -> Examples:
        # An index of its own for every piece: it seeds the piece.
        return self.scenes().gather(torch.arange(self.chunk) + number * self.chunk)

    def _put(self, slot: int, piece: Examples) -> None:
        for name in (field.name for field in fields(Examples)):
            value = getattr(piece, name)
            # Points reach eight scene scales at most and are read in bf16: half precision holds them.
            value = value.half() if name.startswith("point_") else value
            if name not in self._stock:
                self._stock[name] = value.new_zeros(self.chunks * self.chunk, *value.shape[1:])
            self._stock[name][slot * self.chunk : (slot + 1) * self.chunk] = value
