"""Gaussian splats to try things on."""

import numpy as np

from engine.contracts.splats import PROPERTIES, Splat


def some_splat(count: int, *, seed: int = 0, colour: tuple[float, float, float] = (0.8, 0.3, 0.2)) -> Splat:
    """A ball of opaque Gaussians, of one colour with a little noise."""
    dice = np.random.default_rng(seed)
    directions = dice.normal(size=(count, 3))
    values = np.zeros((count, len(PROPERTIES)), np.float32)
    values[:, :3] = directions / np.linalg.norm(directions, axis=1, keepdims=True) * 0.45
    values[:, 3:6] = (np.asarray(colour) + dice.normal(scale=0.05, size=(count, 3)) - 0.5) / 0.28209
    values[:, 6] = 4.0
    values[:, 7:10] = np.log(0.03)
    values[:, 10] = 1.0
    return Splat(values)


def foreign_ply(splat: Splat, *, comments: list[str], also: list[str]) -> bytes:
    """As other tools write it: with comments, and properties that Lathe does not keep, before the known ones."""
    names = [*also, *PROPERTIES]
    header = ["ply", "format binary_little_endian 1.0", *(f"comment {comment}" for comment in comments)]
    header += [f"element vertex {len(splat.values)}", *(f"property float {name}" for name in names), "end_header"]
    extra = np.full((len(splat.values), len(also)), 0.5, np.float32)
    return "\n".join(header).encode() + b"\n" + np.hstack([extra, splat.values]).astype("<f4").tobytes()
