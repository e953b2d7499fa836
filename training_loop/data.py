"""Snapshots (WebDataset shards, `engine.contracts.snapshots`) as sources of examples and preference pairs.

Samples are decoded when a step wants them, by other processes where asked, and kept in a cache of limited size. A
damaged sample or shard is named, skipped and counted; more than the allowed share of them stops the run.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from engine.contracts.snapshots import PreferencePair, SnapshotExample
from training_loop.examples import Examples, PreparedTarget, stack_examples, stack_views
from training_loop.models.config import ModelConfig
from training_loop.recipe import DPOConfig
from training_loop.samples import DamagedSample, SnapshotEntry, SnapshotRow, load_shape, load_target, read_record
from training_loop.shards import ShardSample, index_shard
from training_loop.stages import PreferencePairs

logger = logging.getLogger(__name__)

SAM3D = "sam3d"

T = TypeVar("T")


class TooManyDamaged(RuntimeError):
    """More samples or shards are damaged than the recipe allows."""


@dataclass
class ReadReport:
    """What is there, and what was skipped with its reason. A damaged shard counts as the samples that it lacks."""

    allowed_share: float = 1.0
    samples: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    lost_in_shards: int = 0
    identical_pairs: set[str] = field(default_factory=set)
    filtered_pairs: int = 0

    def skip(self, name: str, reason: str) -> None:
        """Count and name one damaged sample or shard."""
        if name not in self.damaged:
            self.damaged[name] = reason
            logger.warning("skipped %s: %s", name, reason)

    def check(self) -> None:
        """Stop when too much is damaged.

        Raises:
            TooManyDamaged: naming the first few.
        """
        lost = sum(name.startswith("sample ") for name in self.damaged) + self.lost_in_shards
        total = self.samples + self.lost_in_shards
        if lost > self.allowed_share * total:
            listed = "; ".join(f"{name}: {reason}" for name, reason in list(self.damaged.items())[:5])
            raise TooManyDamaged(
                f"{lost} of {total} samples are damaged ({lost / total:.1%}, allowed {self.allowed_share:.1%}): "
                f"{listed}. Export the snapshot again, or raise max_damaged_share"
            )

    def state(self) -> dict[str, Any]:
        """What a resumed run must not forget."""
        return {"damaged": dict(self.damaged), "identical_pairs": sorted(self.identical_pairs)}

    def restore(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Add what was found before the interruption, or by other processes."""
        for state in states:
            self.damaged = {**state["damaged"], **self.damaged}
            self.identical_pairs |= set(state["identical_pairs"])


def open_snapshot(shards: Sequence[Path], report: ReadReport, *, sources: Sequence[str] = ()) -> list[SnapshotEntry]:
    """Index shards and read the record of every sample; `sources` keeps some makers (`ExampleSource`), () all.

    Raises:
        TooManyDamaged: see `ReadReport.check`.
    """
    entries = []
    for key, parts in read_raw_samples(shards, report):
        try:
            record = read_record(parts)
        except DamagedSample as error:
            report.skip(f"sample {key}", str(error))
            continue
        if not sources or record.source.value in sources:
            entries.append(SnapshotEntry(parts, record))
    report.check()
    return entries


def read_raw_samples(shards: Sequence[Path], report: ReadReport) -> Iterator[tuple[str, ShardSample]]:
    """Yield (key, extension → bytes) of every sample; a shard that breaks off gives what came before the break."""
    indexed = [(shard, *index_shard(shard)) for shard in shards]
    whole = [len(samples) for _, samples, problem in indexed if not problem]
    for shard, samples, problem in indexed:
        report.samples += len(samples)
        if problem:
            report.skip(f"shard {shard.name}", problem)
            # What a broken shard held is not known; the others say what is usual.
            report.lost_in_shards += max(1, round(sum(whole) / max(len(whole), 1)) - len(samples))
        for sample in samples:
            yield sample.key, sample


class SnapshotReader:
    """Turns entries into rows with latents.

    A candidate's latent is the stored x₁ where that is of the model's latent space; else its mesh is encoded.

    Args:
        encode: packed occupancies (n, R³/8) uint8 → latents (n, cells, channels), both on the CPU.
        latent_space: fingerprint of the VAE; a stored latent of another one would be noise to the model.
        executor: where to decode; None is here.
        cache_bytes: targets and latents are kept up to this size, so that a small snapshot is decoded once.
    """

    def __init__(
        self,
        config: ModelConfig,
        encode: Callable[[Tensor], Tensor],
        *,
        latent_space: str,
        executor: Executor | None,
        cache_bytes: int,
    ) -> None:
        self.config, self.encode, self.latent_space = config, encode, latent_space
        self.executor, self.cache_bytes = executor, cache_bytes
        # Targets have no index.
        self.cached: OrderedDict[tuple[Path, str, int | None], PreparedTarget | Tensor] = OrderedDict()
        self.used_bytes = 0

    def rows(self, wanted: Sequence[tuple[SnapshotEntry, tuple[int, ...]]]) -> list[SnapshotRow | str]:
        """Rows of (entry, candidates), each with the latents of its candidates; or the reason why there is none.

        A target and a candidate are each read once, however many pairs they are part of.
        """
        jobs = {
            (entry.parts.shard, entry.parts.key, index): entry
            for entry, candidates in wanted
            for index in (None, *candidates)
        }
        found: dict[tuple[Path, str, int | None], PreparedTarget | Tensor | str] = {
            key: self.cached[key] for key in jobs if key in self.cached
        }
        run = map if self.executor is None else self.executor.map
        missing = [key for key in jobs if key not in found]
        read = run(
            partial(_load, config=self.config, latent_space=self.latent_space),
            [jobs[k] for k in missing],
            [index for _, _, index in missing],
        )
        for key, part in zip(missing, read, strict=True):
            if isinstance(part, Tensor) and part.dtype == torch.uint8:
                # One at a time: a latent's last digits must not depend on what is encoded along with it.
                found[key] = self.encode(part[None])[0]
            else:
                found[key] = part
        for key, part in found.items():
            if not isinstance(part, str):
                self._keep(key, part)
        return [self._row(entry, candidates, found) for entry, candidates in wanted]

    @staticmethod
    def _row(
        entry: SnapshotEntry,
        candidates: tuple[int, ...],
        found: Mapping[tuple[Path, str, int | None], PreparedTarget | Tensor | str],
    ) -> SnapshotRow | str:
        target, *shapes = (found[entry.parts.shard, entry.parts.key, index] for index in (None, *candidates))
        reasons = [part for part in (target, *shapes) if isinstance(part, str)]
        if reasons:
            return reasons[0]
        return SnapshotRow(cast(PreparedTarget, target), cast(list[Tensor], shapes))

    def _keep(self, key: tuple[Path, str, int | None], part: PreparedTarget | Tensor) -> None:
        if key not in self.cached:
            self.used_bytes += size_bytes(part)
        self.cached[key] = part
        self.cached.move_to_end(key)
        while self.used_bytes > self.cache_bytes:
            _, oldest = self.cached.popitem(last=False)
            self.used_bytes -= size_bytes(oldest)


def size_bytes(part: PreparedTarget | Tensor) -> int:
    """What keeping a target or a latent costs."""
    if isinstance(part, Tensor):
        return int(part.nbytes)
    return sum(int(view.nbytes) for view in vars(part.views).values() if view is not None)


def _load(
    entry: SnapshotEntry, index: int | None, *, config: ModelConfig, latent_space: str
) -> PreparedTarget | Tensor | str:
    return load_target(entry, config) if index is None else load_shape(entry, index, config, latent_space)


class _SnapshotSource(Generic[T]):
    """Items that stand for (entry, candidates); a damaged one is replaced by the next that is whole."""

    def __init__(self, items: Sequence[T], reader: SnapshotReader, report: ReadReport) -> None:
        self.items, self.reader, self.report = items, reader, report

    def __len__(self) -> int:
        return len(self.items)

    def _wanted(self, item: T) -> tuple[SnapshotEntry, tuple[int, ...]]:
        raise NotImplementedError

    def _usable(self, item: T, row: SnapshotRow | str) -> bool:
        if isinstance(row, str):
            self.report.skip(f"sample {self._wanted(item)[0].parts.key}", row)
            self.report.check()
        return not isinstance(row, str)

    def _rows(self, indices: Tensor) -> list[SnapshotRow]:
        chosen: list[int] = indices.tolist()
        found: list[SnapshotRow | None] = [None] * len(chosen)
        for _ in range(len(self.items)):
            open_places = [place for place, row in enumerate(found) if row is None]
            rows = self.reader.rows([self._wanted(self.items[chosen[place]]) for place in open_places])
            for place, row in zip(open_places, rows, strict=True):
                if self._usable(self.items[chosen[place]], row) and isinstance(row, SnapshotRow):
                    found[place] = row
                else:
                    chosen[place] = (chosen[place] + 1) % len(self.items)
            whole = [row for row in found if row is not None]
            if len(whole) == len(found):
                return whole
        raise DamagedSample("none of the snapshot's samples can be used; the log names each with its reason")


class SnapshotExamples(_SnapshotSource[SnapshotEntry]):
    """D+ of every entry: the chosen candidate, with its pose where it has one."""

    def _wanted(self, item: SnapshotEntry) -> tuple[SnapshotEntry, tuple[int, ...]]:
        return item, (item.record.chosen,)

    def gather(self, indices: Tensor) -> Examples:
        """Examples with latents; their occupancy is not kept (zeros)."""
        rows, config = self._rows(indices), self.reader.config
        nothing = np.zeros((config.vae.resolution,) * 3, dtype=bool)
        examples = stack_examples(
            [row.target for row in rows], [nothing] * len(rows), [-1] * len(rows), config.conditioning
        )
        return replace(examples, shape_latents=torch.stack([row.shapes[0] for row in rows]))


class SnapshotPairs(_SnapshotSource[tuple[SnapshotEntry, PreferencePair]]):
    """Preference pairs of all entries. A pair with two equal sides says nothing: it is skipped and counted."""

    def __init__(
        self, entries: Sequence[SnapshotEntry], reader: SnapshotReader, report: ReadReport, dpo: DPOConfig
    ) -> None:
        pairs = [(entry, pair) for entry in entries for pair in _pairs_in_use(entry.record, dpo, report)]
        super().__init__(pairs, reader, report)

    def _wanted(self, item: tuple[SnapshotEntry, PreferencePair]) -> tuple[SnapshotEntry, tuple[int, ...]]:
        entry, pair = item
        return entry, (pair.winner, pair.loser)

    def _usable(self, item: tuple[SnapshotEntry, PreferencePair], row: SnapshotRow | str) -> bool:
        if not super()._usable(item, row):
            return False
        if isinstance(row, SnapshotRow) and torch.equal(*row.shapes):
            entry, pair = item
            self.report.identical_pairs.add(f"{entry.parts.key} {pair.winner} {pair.loser}")
            return False
        return True

    def gather(self, indices: Tensor) -> PreferencePairs:
        """Pairs with the views of their targets."""
        rows = self._rows(indices)
        return PreferencePairs(
            views=stack_views([row.target.views for row in rows], self.reader.config.conditioning),
            winner=torch.stack([row.shapes[0] for row in rows]),
            loser=torch.stack([row.shapes[1] for row in rows]),
        )


def _pairs_in_use(record: SnapshotExample, dpo: DPOConfig, report: ReadReport) -> Iterator[PreferencePair]:
    generators = {candidate.index: candidate.generator for candidate in record.candidates}
    pairs: list[Any] = [*(record.direct_pairs if dpo.direct_pairs else ())]
    pairs += record.inferred_pairs if dpo.inferred_pairs else ()
    for pair in pairs:
        if dpo.only_sam3d_negatives and generators.get(pair.loser) != SAM3D:
            report.filtered_pairs += 1
            continue
        yield pair
