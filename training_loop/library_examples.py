"""Training examples drawn from the shape library in one kind of scene, by several processes, cached in one file.

Processes are started as `python -m training_loop.library_examples`, which works where forking does not (workers).
"""

import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json, to_json
from training_loop.backdrops import Photographs
from training_loop.cameras_on_device import Dice
from training_loop.examples import Examples, concatenate, prepare_target, stack_examples
from training_loop.flying_occlusions import flying_occlusions
from training_loop.models.config import ROTATION, SCALE, TRANSLATION, ConditioningConfig
from training_loop.object_swaps import object_swaps
from training_loop.scenes import PointMaps, Targets, photograph
from training_loop.shape_bank import build_bank, library_work
from training_loop.shape_library import CATEGORIES
from training_loop.synthetic import Split, categories_of, noise_texture, synthetic_examples

SWAPS_AT_ONCE = 16
PICTURES = (".jpg", ".jpeg", ".png", ".webp")


class LibraryExamplesError(RuntimeError):
    """A process that draws examples failed."""


@dataclass(frozen=True)
class LibraryConfig:
    """Which examples to draw: `point_map_share` of them keep their point map, the others train without one.

    `scene` is one of `SCENES`. Scenes that paste into photographs take them from the folder `photographs`; without
    one they paste into made-up textures.
    """

    count: int = 2000
    image_px: int = 96
    split: str = "train"
    point_map_share: float = 0.6
    processes: int = 2
    scene: str = "isolated"
    photographs: str = ""


@dataclass(frozen=True)
class DrawnTarget:
    """One target of a scene; `placed` says whether its translation and scale mean something in the image."""

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    point_map: NDArray[np.float32] | None
    intrinsics: Intrinsics
    pose: Pose
    occupancy: NDArray[np.bool_]
    category: str
    placed: bool = True


def draw_isolated(config: LibraryConfig, *, seed: int, start: int, count: int) -> Iterator[DrawnTarget]:
    """One shape before a made-up background (B.1)."""
    drawn = synthetic_examples(seed=seed, count=count, image_px=config.image_px, split=split_of(config), start=start)
    for e in drawn:
        yield DrawnTarget(e.image, e.mask, e.point_map, e.intrinsics, e.pose, e.occupancy, e.category)


def draw_flying_occlusions(config: LibraryConfig, *, seed: int, start: int, count: int) -> Iterator[DrawnTarget]:
    """Two shapes pasted into a photograph, one in front of the other (B.2.1). Only rotation means something."""
    drawn = flying_occlusions(
        photographs_of(config, seed),
        seed=seed,
        count=count,
        image_px=config.image_px,
        split=split_of(config),
        start=start,
    )
    for e in drawn:
        yield DrawnTarget(e.image, e.mask, None, e.intrinsics, e.pose, e.occupancy, e.category, placed=False)


def split_of(config: LibraryConfig) -> Split:
    """The half of the library's instances to draw from."""
    return "heldout" if config.split == "heldout" else "train"


def photographs_of(config: LibraryConfig, seed: int) -> list[NDArray[np.uint8]]:
    """The photographs to paste into.

    Raises:
        LibraryExamplesError: the folder holds no picture.
    """
    if not config.photographs:
        rng = np.random.default_rng([seed, 13])
        return [noise_texture(rng, 2 * config.image_px, 2 * config.image_px) for _ in range(16)]
    paths = sorted(path for path in Path(config.photographs).iterdir() if path.suffix.lower() in PICTURES)
    if not paths:
        raise LibraryExamplesError(f"{config.photographs} holds no {', '.join(PICTURES)}")
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]


def prepare_drawn(
    drawn: Iterable[DrawnTarget], config: LibraryConfig, views: ConditioningConfig, *, seed: int, start: int
) -> Examples:
    """Cut the views of drawn targets and encode their poses."""
    targets, occupancies, categories = [], [], []
    for index, target in enumerate(drawn, start=start):
        keep_points = np.random.default_rng([seed, index, 7]).random() < config.point_map_share
        prepared = prepare_target(
            image=target.image,
            mask=target.mask,
            point_map=target.point_map if keep_points else None,
            intrinsics=target.intrinsics,
            pose=target.pose,
            config=views,
        )
        targets.append(replace(prepared, placed=target.placed))
        occupancies.append(target.occupancy)
        categories.append(CATEGORIES.index(target.category))
    return stack_examples(targets, occupancies, categories, views)


def draw_object_swaps(
    config: LibraryConfig, views: ConditioningConfig, *, seed: int, start: int, count: int
) -> Examples:
    """A shape where another object was, at its place and size (B.2.2); the point map is the scene's own."""
    device = torch.device("cpu")
    bank = build_bank(library_work(split_of(config), first=start, count=count), device=device)
    photographs = Photographs.of(photographs_of(config, seed), device) if config.photographs else None
    maps = PointMaps(true_share=config.point_map_share, prior_share=0.0)
    parts = []
    for first in range(0, count, SWAPS_AT_ONCE):
        dice = Dice(device, int(np.random.default_rng([seed, start + first, 19]).integers(2**62)))
        scene = object_swaps(bank, dice, photographs, min(SWAPS_AT_ONCE, count - first))
        parts.append(photograph(bank, dice, scene, views, maps))
    targets = Targets.joined(parts)
    grids = bank.occupancy(targets.shapes).reshape(count, -1).numpy()
    return Examples(
        **{name: value.half() if value.is_floating_point() else value for name, value in vars(targets.views).items()},
        occupancy_bits=torch.from_numpy(np.packbits(grids, axis=1)),
        rotation_6d=targets.layout[ROTATION][:, 0],
        translation=targets.layout[TRANSLATION][:, 0],
        log_scale=targets.layout[SCALE][:, 0],
        has_rotation=torch.ones(count, dtype=torch.bool),
        has_placement=torch.ones(count, dtype=torch.bool),
        category=bank.category[targets.shapes],
        shape_latents=torch.zeros(0),
    )


# Scenes of targets that are drawn one by one, on the CPU.
TARGETS: dict[str, Callable[..., Iterator[DrawnTarget]]] = {
    "isolated": draw_isolated,
    "flying_occlusions": draw_flying_occlusions,
}
SCENES = (*TARGETS, "object_swap")


def draw_examples(config: LibraryConfig, views: ConditioningConfig, *, seed: int, start: int, count: int) -> Examples:
    """Examples `start` … `start + count - 1` of (seed, split, scene), drawn in this process.

    Raises:
        LibraryExamplesError: an unknown scene.
    """
    if config.scene not in SCENES:
        raise LibraryExamplesError(f"unknown scene {config.scene!r}; known: {', '.join(SCENES)}")
    if config.scene == "object_swap":
        return draw_object_swaps(config, views, seed=seed, start=start, count=count)
    drawn = TARGETS[config.scene](config, seed=seed, start=start, count=count)
    return prepare_drawn(drawn, config, views, seed=seed, start=start)


def library_examples(config: LibraryConfig, views: ConditioningConfig, *, seed: int, cache: Path | None) -> Examples:
    """Draw `config.count` examples, or read them from `cache` (a folder) where they were drawn before.

    Raises:
        LibraryExamplesError: a drawing process failed; its last words are in the message.
    """
    # The categories belong to the key: what was drawn when others were held out must not be trained on.
    drawn_from = categories_of(split_of(config))
    key = hashlib.sha256(
        json.dumps([to_json(replace(config, processes=1)), to_json(views), seed, drawn_from]).encode()
    ).hexdigest()[:16]
    name = f"library-{config.scene}-{config.split}-{config.count}-{key}.safetensors"
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
