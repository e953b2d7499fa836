"""The shape library as retrieval sees it: descriptors of rendered views, and words. Built once, kept on disk."""

import hashlib
import json
import math
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, quaternion_from_rotation
from engine.contracts.taxonomy import find_category
from model_workers.generators.descriptors import LENGTH, describe_view, mirrored
from model_workers.generators.wording import tokens
from training_loop.rendering import render
from training_loop.shape_library import build_shape, describe

INSTANCES_PER_CATEGORY = 4
# Yaw and pitch of the camera in degrees; the mirrored view stands for the other side.
VIEWS = ((0, 12), (35, 20), (70, 15), (90, 20), (140, 15), (30, 45))
VIEW_PX = 48
_VERSION = 1

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Entry:
    """One object of the library; `words` is what it is compared by with a description."""

    category: str
    seed: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class LibraryIndex:
    """`views` (entries, views, LENGTH): descriptors. The mirrored views are among them."""

    entries: tuple[Entry, ...]
    views: NDArray[np.float32]

    def image_similarity(self, descriptor: NDArray[np.float32]) -> NDArray[np.float64]:
        """Similarity of the most similar view of each entry."""
        return np.asarray((self.views @ descriptor).max(axis=1), dtype=np.float64)

    def text_similarity(self, text: str) -> NDArray[np.float64]:
        """Cosine of TF-IDF vectors of the words."""
        frequency = Counter(word for entry in self.entries for word in set(entry.words))
        weight = {word: math.log(1 + len(self.entries) / count) for word, count in frequency.items()}
        query = {word: weight[word] for word in tokens(text) if word in weight}
        norm = math.sqrt(sum(value * value for value in query.values()))
        scores = np.zeros(len(self.entries))
        if norm == 0:
            return scores
        for index, entry in enumerate(self.entries):
            own = {word: weight[word] for word in entry.words}
            product = sum(value * own.get(word, 0.0) for word, value in query.items())
            scores[index] = product / (norm * math.sqrt(sum(value * value for value in own.values())))
        return scores


def load_index(cache: Path, *, categories: tuple[str, ...]) -> LibraryIndex:
    """Read the index of these categories from `cache`, and build there what is missing.

    Each category has a file of its own: what was built before an interruption is kept.
    """
    entries: list[Entry] = []
    views: list[NDArray[np.float32]] = []
    for category in categories:
        own = tuple(Entry(category, seed, _words(category, seed)) for seed in range(INSTANCES_PER_CATEGORY))
        path = cache / f"{category}_{_digest(own)}.npy"
        if not path.exists():
            _build(path, own)
        entries += own
        views.append(np.load(path))
    return LibraryIndex(tuple(entries), np.concatenate(views))


def _build(path: Path, entries: tuple[Entry, ...]) -> None:
    log.info("library_index_building", category=entries[0].category, views=len(VIEWS))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.npy")
    np.save(unfinished, np.stack([_describe_object(entry) for entry in entries]))
    unfinished.replace(path)


def _words(category: str, seed: int) -> tuple[str, ...]:
    known = find_category(category)
    names = " ".join([known.name, known.group, *known.synonyms]) if known else ""
    description = build_shape(category, seed).description
    return tuple(dict.fromkeys(tokens(f"{describe(category).noun} {description} {names}")))


def _digest(entries: tuple[Entry, ...]) -> str:
    content = [_VERSION, VIEWS, VIEW_PX, [(entry.category, entry.seed, entry.words) for entry in entries]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _describe_object(entry: Entry) -> NDArray[np.float32]:
    mesh = build_shape(entry.category, entry.seed).mesh
    camera = Intrinsics(2.2 * VIEW_PX, 2.2 * VIEW_PX, VIEW_PX / 2, VIEW_PX / 2, VIEW_PX, VIEW_PX)
    descriptors = []
    for yaw_degrees, pitch_degrees in VIEWS:
        seen = render(mesh, _pose(yaw_degrees, pitch_degrees), camera, cull_backfaces=True)
        descriptor = describe_view(seen.color, seen.mask) if seen.mask.any() else np.zeros(LENGTH, np.float32)
        descriptors += [descriptor, mirrored(descriptor)]
    return np.stack(descriptors)


def _pose(yaw_degrees: float, pitch_degrees: float) -> Pose:
    """Look at the object's centre from `yaw` around its vertical axis, from `pitch` above it."""
    yaw, pitch = math.radians(yaw_degrees), math.radians(pitch_degrees)
    about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    facing = np.diag([1.0, -1.0, -1.0])  # y up to y down, towards the viewer to away from it
    return Pose(quaternion_from_rotation(facing @ about_x @ about_y), (0.0, 0.0, 2.8), (1.0, 1.0, 1.0))
