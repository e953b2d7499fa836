"""Training examples drawn from the shape library, by several processes, cached in one file.

Processes are started as `python -m training_loop.library_examples`, which works where forking does not (workers).
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.contracts.serialisation import from_json, to_json
from training_loop.examples import Examples, concatenate, prepare_target, stack_examples
from training_loop.models.config import ConditioningConfig
from training_loop.shape_library import CATEGORIES
from training_loop.synthetic import synthetic_examples


class LibraryExamplesError(RuntimeError):
    """A process that draws examples failed."""


@dataclass(frozen=True)
class LibraryConfig:
    """Which examples to draw: `point_map_share` of them keep their point map, the others train without one."""

    count: int = 2000
    image_px: int = 96
    split: str = "train"
    point_map_share: float = 0.6
    processes: int = 2


def draw_examples(config: LibraryConfig, views: ConditioningConfig, *, seed: int, start: int, count: int) -> Examples:
    """Examples `start` … `start + count - 1` of (seed, split), drawn in this process."""
    targets, occupancies, categories = [], [], []
    split = "heldout" if config.split == "heldout" else "train"
    drawn = synthetic_examples(seed=seed, count=count, image_px=config.image_px, split=split, start=start)  # type: ignore[arg-type]
    for index, example in enumerate(drawn, start=start):
        keep_points = np.random.default_rng([seed, index, 7]).random() < config.point_map_share
        targets.append(
            prepare_target(
                image=example.image,
                mask=example.mask,
                point_map=example.point_map if keep_points else None,
                intrinsics=example.intrinsics,
                pose=example.pose,
                config=views,
            )
        )
        occupancies.append(example.occupancy)
        categories.append(CATEGORIES.index(example.category))
    return stack_examples(targets, occupancies, categories, views)


def library_examples(config: LibraryConfig, views: ConditioningConfig, *, seed: int, cache: Path | None) -> Examples:
    """Draw `config.count` examples, or read them from `cache` (a folder) where they were drawn before.

    Raises:
        LibraryExamplesError: a drawing process failed; its last words are in the message.
    """
    name = f"library-{config.split}-{config.count}-{config.image_px}px-{views.image_px}px-{seed}.safetensors"
    if cache is not None and (cache / name).exists():
        return Examples.load(cache / name)
    if config.processes <= 1 or config.count < 64:
        examples = draw_examples(config, views, seed=seed, start=0, count=config.count)
    else:
        examples = _draw_in_parallel(config, views, seed)
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        examples.save(cache / name)
    return examples


def _draw_in_parallel(config: LibraryConfig, views: ConditioningConfig, seed: int) -> Examples:
    bounds = np.linspace(0, config.count, config.processes + 1).astype(int).tolist()
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    with tempfile.TemporaryDirectory(prefix="library_examples_") as folder:
        runs = []
        for start, end in itertools.pairwise(bounds):
            path = Path(folder) / f"{start}.safetensors"
            job = {
                "config": to_json(config),
                "views": to_json(views),
                "seed": seed,
                "start": start,
                "count": end - start,
                "path": str(path),
            }
            command = [sys.executable, "-m", "training_loop.library_examples", json.dumps(job)]
            process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
            runs.append((process, path))
        outcomes = [(process.communicate()[1], process.returncode) for process, _ in runs]
        for words, code in outcomes:
            if code:
                raise LibraryExamplesError(f"drawing library examples failed (exit {code}): {words.strip()[-800:]}")
        return concatenate([Examples.load(path) for _, path in runs])


def _draw_job(text: str) -> None:
    job = json.loads(text)
    examples = draw_examples(
        from_json(LibraryConfig, job["config"]),
        from_json(ConditioningConfig, job["views"]),
        seed=job["seed"],
        start=job["start"],
        count=job["count"],
    )
    examples.save(Path(job["path"]))


if __name__ == "__main__":
    _draw_job(sys.argv[1])
