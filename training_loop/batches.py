"""What one step needs of data and of chance, as a pure function of (seed, stage, step, row of the global batch).

A row's data and noise do not depend on how many processes share the batch, nor on where a run was interrupted: that is
why a resumed run equals an uninterrupted one, and two processes equal one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from training_loop.examples import Examples, concatenate
from training_loop.models.geometry_flow import Latents
from training_loop.recipe import TimeConfig

B = TypeVar("B")

# An order of as many examples takes 128 MB.
ENDLESS = 1 << 24


class ExampleSource(Protocol):
    """Examples by index. `gather` may return tensors on any device: rows that live on the GPU stay there."""

    def __len__(self) -> int:
        """How many examples make an epoch."""
        ...

    def gather(self, indices: Tensor) -> Examples:
        """Examples at (B,) int64 indices, in their order; called ahead of time, from another thread."""
        ...


class NoTrainingData(ValueError):
    """There is nothing to train on."""


@lru_cache(maxsize=16)
def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The order in which an epoch visits `count` examples."""
    return np.random.default_rng([seed, epoch, 11]).permutation(count)


def indices_at(positions: Sequence[int], count: int, seed: int) -> Tensor:
    """Indices at positions of the endless sequence of epochs, each in an order of its own.

    Sources longer than `ENDLESS` (which make their examples) are visited in their own order.
    """
    if count > ENDLESS:
        return torch.tensor([position % count for position in positions], dtype=torch.long)
    return torch.tensor(
        [int(epoch_order(count, seed, position // count)[position % count]) for position in positions], dtype=torch.long
    )


def batch_indices(count: int, batch_size: int, step: int, seed: int) -> Tensor:
    """Indices of a whole step; a batch may span two epochs."""
    return indices_at(range(step * batch_size, (step + 1) * batch_size), count, seed)


@dataclass(frozen=True)
class Part:
    """`size` rows of every global batch come from `source`."""

    source: ExampleSource
    size: int


class Mixture:
    """Global batches of fixed shares of several sources; each goes through epochs of its own."""

    def __init__(self, parts: Sequence[Part], seed: int) -> None:
        self.parts, self.seed = [part for part in parts if part.size], seed
        if not self.parts or not all(len(part.source) for part in self.parts):
            raise NoTrainingData("no example to train on; give shards, or a recipe with a library")
        self.batch_size = sum(part.size for part in self.parts)

    def gather(self, step: int, rows: Sequence[int]) -> Examples:
        """Examples of some rows (ascending) of a step's batch."""
        gathered, first = [], 0
        for number, part in enumerate(self.parts):
            own = [row - first for row in rows if first <= row < first + part.size]
            if own:
                positions = [step * part.size + row for row in own]
                gathered.append(part.source.gather(indices_at(positions, len(part.source), self.seed + number)))
            first += part.size
        # Where some rows live on an accelerator already, the others join them there.
        accelerated = [examples.crop.device for examples in gathered if examples.crop.device.type != "cpu"]
        return concatenate([examples.to(accelerated[0]) for examples in gathered] if accelerated else gathered)


class Chance:
    """Random numbers of some rows of a step.

    On the CPU every row has a generator of its own, so that it draws the same whoever computes it. On an accelerator
    one generator serves all rows: reproducible for the same number of processes.
    """

    def __init__(self, seed: int, stage: str, step: int, rows: Sequence[int], device: torch.device) -> None:
        self.device, self.count, self.by_row = device, len(rows), device.type == "cpu"
        keys = [[row] for row in rows] if self.by_row else [list(rows)]
        self.generators = [
            torch.Generator(device).manual_seed(seed_of([seed, *stage.encode(), step, *key])) for key in keys
        ]

    def uniform(self) -> Tensor:
        """(B,) in [0, 1)."""
        return self._draw(torch.rand, ())

    def normal(self, *shape: int) -> Tensor:
        """(B, *shape) of N(0, 1)."""
        return self._draw(torch.randn, shape)

    def noise_like(self, x_1: Latents, draws: int = 1) -> Latents:
        """x_0 for every modality of x_1, which holds each row `draws` times in a row."""
        return {name: self.normal(draws, *value.shape[1:]).flatten(0, 1) for name, value in x_1.items()}

    def times(self, config: TimeConfig, draws: int = 1) -> Tensor:
        """(B · draws,) times τ, those of a row next to each other."""
        if config.distribution == "uniform":
            return self._draw(torch.rand, (draws,)).flatten()
        return 1 - torch.sigmoid(config.mean + config.std * self.normal(draws).flatten())

    def _draw(self, kind: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        if self.by_row:
            return torch.stack([kind(shape, generator=generator) for generator in self.generators])
        return kind((self.count, *shape), generator=self.generators[0], device=self.device)


def seed_of(words: Sequence[int]) -> int:
    """One 63-bit seed from several numbers."""
    high, low = np.random.SeedSequence(words).generate_state(2, np.uint32)
    return int(high) >> 1 << 32 | int(low)


def map_tensors(value: B, change: Callable[[Tensor], Tensor]) -> B:
    """The same dataclass or dictionary with every tensor changed."""
    result: Any = value
    if isinstance(value, Tensor):
        result = change(value)
    elif isinstance(value, dict):
        result = {name: map_tensors(part, change) for name, part in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        result = replace(value, **{f.name: map_tensors(getattr(value, f.name), change) for f in fields(value)})
    return result  # type: ignore[no-any-return]


def to_device(batch: B, device: torch.device) -> B:
    """Move a batch without waiting for the copy."""
    return map_tensors(batch, lambda tensor: tensor.to(device, non_blocking=True))


def prefetch(
    draw: Callable[..., B], plan: Iterable[tuple[Any, ...]], device: torch.device, *, depth: int
) -> Iterator[B]:
    """Yield `draw(*arguments)` on `device` for each entry of the plan, drawing `depth` entries ahead.

    With depth 0 nothing runs in the background: the right thing on a CPU, whose cores are busy with training.
    """
    if depth == 0:
        for arguments in plan:
            yield to_device(draw(*arguments), device)
        return

    def ready(arguments: tuple[Any, ...]) -> B:
        batch = draw(*arguments)
        pin = device.type == "cuda"
        return map_tensors(batch, lambda t: t.pin_memory() if pin and t.device.type == "cpu" else t)

    entries = iter(plan)
    # One thread, so that batches come in order and sources need no locks.
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        waiting: deque[Future[B]] = deque(pool.submit(ready, entry) for entry in islice(entries, depth))
        try:
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(pool.submit(ready, entry) for entry in islice(entries, 1))
                yield to_device(batch, device)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
