"""Shapes made once, kept on the device: what the scenes of training are put together from.

A pool of processes builds, filters and voxelises; the device holds of each shape a distance field (0 inside), a coarse
colour grid and points of its surface. The shapes of a bank depend on (split, first, count) alone.
"""

import multiprocessing
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import trimesh
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from training_loop.iso_filter import measure, rejection
from training_loop.rendering import vertex_rgb
from training_loop.shape_library import CATEGORIES, build_shape
from training_loop.split import CATEGORIES_OF, Split, instance_seed, split_of
from training_loop.voxels import voxelise_with_thin_walls

RESOLUTION = 64
COLOUR_RESOLUTION = 32
POINTS = 512
FARTHEST = 12
MESH_SUFFIXES = (".glb", ".obj", ".ply", ".stl", ".off")

_COLOUR_SAMPLES = 8192


@dataclass(frozen=True)
class ShapeRecord:
    """One shape as a process hands it over.

    `occupancy_bits` (R³/8,) packed; `colour` (C, C, C, 3) uint8 where `coloured_bits` (C³/8,) says so; `points`
    (512, 3) float16 of the surface, object frame; `category` an index into CATEGORIES, -1 for a mesh of a folder.
    """

    occupancy_bits: NDArray[np.uint8]
    colour: NDArray[np.uint8]
    coloured_bits: NDArray[np.uint8]
    points: NDArray[np.float16]
    category: int
    seed: int

    @property
    def split(self) -> Split:
        """Which set it belongs to; meshes of a folder are for training."""
        return "train" if self.category < 0 else split_of(CATEGORIES[self.category], self.seed)


def library_record(category: str, seed: int) -> ShapeRecord | None:
    """Build an instance of the library; None where the rules of B.1 drop it."""
    return mesh_record(build_shape(category, seed).mesh, category=CATEGORIES.index(category), seed=seed)


def mesh_record(mesh: trimesh.Trimesh, *, category: int = -1, seed: int = 0) -> ShapeRecord | None:
    """Voxelise and sample a mesh fitted to [-0.5, 0.5]³; None where the rules of B.1 drop it."""
    occupancy = voxelise_with_thin_walls(mesh, RESOLUTION)
    if not occupancy.any() or rejection(measure(mesh, occupancy)) is not None:
        return None
    rng = np.random.default_rng([seed, 17])
    points, colours = _sample_coloured_surface(mesh, _COLOUR_SAMPLES, rng)
    cells = np.clip(np.floor((points + 0.5) * COLOUR_RESOLUTION).astype(int), 0, COLOUR_RESOLUTION - 1)
    flat = np.ravel_multi_index((cells[:, 0], cells[:, 1], cells[:, 2]), (COLOUR_RESOLUTION,) * 3)
    colour = np.zeros((COLOUR_RESOLUTION**3, 3), dtype=np.uint8)
    coloured = np.zeros(COLOUR_RESOLUTION**3, dtype=bool)
    colour[flat], coloured[flat] = colours, True
    return ShapeRecord(
        occupancy_bits=np.packbits(occupancy.reshape(-1)),
        colour=colour.reshape(*(COLOUR_RESOLUTION,) * 3, 3),
        coloured_bits=np.packbits(coloured),
        points=points[:POINTS].astype(np.float16),
        category=category,
        seed=seed,
    )


def _sample_coloured_surface(
    mesh: trimesh.Trimesh, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """(count, 3) points uniform by area and their colours."""
    corners = np.asarray(mesh.triangles, dtype=np.float64)
    doubled = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = np.searchsorted(np.cumsum(doubled), rng.random(count) * doubled.sum(), side="right")
    chosen = chosen.clip(max=len(corners) - 1)
    u, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    picked = corners[chosen]
    points = (1 - u) * picked[:, 0] + u * (1 - v) * picked[:, 1] + u * v * picked[:, 2]
    return points, vertex_rgb(mesh)[np.asarray(mesh.faces)[chosen, 0]].astype(np.uint8)


def _make(work: tuple[str, int]) -> ShapeRecord | None:
    name, number = work
    if name in CATEGORIES:
        return library_record(name, number)
    # A mesh found in the wild may be anything: what cannot be read or measured is dropped as the rules drop the rest.
    try:
        return mesh_record(_load_fitted(Path(name)), seed=number)
    except ValueError:
        return None


def _load_fitted(path: Path) -> trimesh.Trimesh:
    """Read a mesh file and fit it to [-0.5, 0.5]³.

    Raises:
        ValueError: it cannot be read, or holds no triangle with extent.
    """
    try:
        mesh = trimesh.load(path, force="mesh", process=False)
    except Exception as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces) or not np.isfinite(mesh.vertices).all():
        raise ValueError(f"{path.name} holds no mesh, or one with vertices that are not finite")
    low, high = mesh.bounds
    if not (high - low).max() > 0:
        raise ValueError(f"{path.name} has no extent")
    mesh.vertices = (np.asarray(mesh.vertices) - (low + high) / 2) / (high - low).max()
    return mesh


def library_work(split: Split, *, first: int, count: int) -> list[tuple[str, int]]:
    """Instances `first` … of a split: the categories take turns."""
    categories = CATEGORIES_OF[split]
    return [
        (categories[n % len(categories)], instance_seed(split, n // len(categories)))
        for n in range(first, first + count)
    ]


def folder_work(folder: Path) -> list[tuple[str, int]]:
    """Every mesh file under a folder.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in MESH_SUFFIXES)
    if not found:
        raise FileNotFoundError(f"{folder} holds no mesh file ({', '.join(MESH_SUFFIXES)})")
    return [(str(path), number) for number, path in enumerate(found)]


def make_records(work: Sequence[tuple[str, int]], *, processes: int) -> Iterator[ShapeRecord]:
    """Make what passes the rules, in order, by so many processes (in this one if 1)."""
    made: Iterable[ShapeRecord | None]
    if processes <= 1:
        yield from (record for record in map(_make, work) if record is not None)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=partial(torch.set_num_threads, 1)) as pool:
        made = pool.map(_make, work, chunksize=16)
        yield from (record for record in made if record is not None)


@dataclass(frozen=True)
class ShapeBank:
    """N shapes on a device.

    `distance` (N, R, R, R) uint8: Chebyshev distance to the nearest full cell, at most 12, 0 in full cells.
    `colour` (N, 3, C, C, C) uint8. `points` (N, 512, 3) float16, object frame. `category`, `seed` (N,) int64.
    """

    distance: Tensor
    colour: Tensor
    points: Tensor
    category: Tensor
    seed: Tensor

    def __len__(self) -> int:
        return len(self.seed)

    @property
    def device(self) -> torch.device:
        """Where the shapes are."""
        return self.distance.device

    def occupancy(self, indices: Tensor) -> Tensor:
        """(B, R, R, R) bool."""
        return self.distance[indices] == 0

    def select(self, rows: Tensor) -> "ShapeBank":
        """Some of the shapes, by index or by mask."""
        return ShapeBank(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def save(self, path: Path) -> None:
        """Write to one file."""
        torch.save({field.name: getattr(self, field.name).cpu() for field in fields(self)}, path)

    @staticmethod
    def load(path: Path, device: torch.device) -> "ShapeBank":
        """Read what `save` wrote."""
        state = torch.load(path, weights_only=True)
        return ShapeBank(**{name: value.to(device) for name, value in state.items()})


def distance_field(occupancy: Tensor) -> Tensor:
    """(B, R, R, R) bool → (B, R, R, R) uint8 Chebyshev distance to the nearest full cell, at most `FARTHEST`."""
    if not occupancy.is_cuda:
        grids = [ndimage.distance_transform_cdt(~grid, "chessboard") for grid in occupancy.numpy()]
        return torch.from_numpy(np.stack(grids).clip(0, FARTHEST).astype(np.uint8))
    near = occupancy[:, None].half()
    distance = torch.full(occupancy.shape, FARTHEST, dtype=torch.uint8, device=occupancy.device)
    distance[occupancy] = 0
    for step in range(1, FARTHEST):
        near = F.max_pool3d(near, 3, stride=1, padding=1)
        distance = torch.where((near[:, 0] > 0) & (distance == FARTHEST), distance.new_tensor(step), distance)
    return distance


def spread_colour(colour: Tensor, coloured: Tensor, steps: int = 3) -> Tensor:
    """Fill cells without a colour from their neighbours: (B, 3, C, C, C) float, (B, 1, C, C, C) float → uint8."""
    for _ in range(steps):
        around, weight = F.avg_pool3d(colour * coloured, 3, 1, 1), F.avg_pool3d(coloured, 3, 1, 1)
        filled = around / weight.clamp(min=1e-6)
        colour = torch.where(coloured > 0, colour, filled)
        coloured = (weight > 0).to(colour.dtype)
    return colour.round().clamp(0, 255).to(torch.uint8)


def unpack_bits(bits: Tensor) -> Tensor:
    """(B, n) uint8 → (B, 8 n) bool, most significant bit first as numpy packs."""
    shifts = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    return ((bits[..., None] >> shifts) & 1).flatten(1).bool()


class BankBuilder:
    """Moves records to the device in chunks as they come."""

    CHUNK = 256

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._waiting: list[ShapeRecord] = []
        self._parts: list[ShapeBank] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting) + sum(len(part) for part in self._parts)

    def add(self, record: ShapeRecord) -> None:
        """Take one record; another thread may ask for the bank meanwhile."""
        with self._lock:
            self._waiting.append(record)
            if len(self._waiting) == self.CHUNK:
                self._flush()

    def bank(self) -> ShapeBank:
        """All shapes so far.

        Raises:
            ValueError: there is none.
        """
        # Called within a training step: joining is no arithmetic.
        with self._lock, torch.autocast(self.device.type, enabled=False):
            self._flush()
            if not self._parts:
                raise ValueError("no shape passed the rules of the filter")
            if len(self._parts) > 1:
                joined = {f.name: torch.cat([getattr(part, f.name) for part in self._parts]) for f in fields(ShapeBank)}
                self._parts = [ShapeBank(**joined)]
            return self._parts[0]

    @torch.no_grad()
    def _flush(self) -> None:
        if not self._waiting:
            return
        records, self._waiting = self._waiting, []

        def stacked(take: Callable[[ShapeRecord], NDArray[np.generic]]) -> Tensor:
            return torch.from_numpy(np.stack([take(record) for record in records])).to(self.device)

        edge, fine = COLOUR_RESOLUTION, RESOLUTION
        occupancy = unpack_bits(stacked(lambda record: record.occupancy_bits)).view(-1, fine, fine, fine)
        coloured = unpack_bits(stacked(lambda record: record.coloured_bits)).view(-1, 1, edge, edge, edge).float()
        colour = stacked(lambda record: record.colour).permute(0, 4, 1, 2, 3).float()
        self._parts.append(
            ShapeBank(
                distance=distance_field(occupancy),
                colour=spread_colour(colour, coloured),
                points=stacked(lambda record: record.points),
                category=torch.tensor([record.category for record in records], device=self.device),
                seed=torch.tensor([record.seed for record in records], device=self.device),
            )
        )


def build_bank(work: Sequence[tuple[str, int]], *, device: torch.device, processes: int = 1) -> ShapeBank:
    """Make and move all shapes of a list of work.

    Raises:
        ValueError: none passed the rules.
    """
    builder = BankBuilder(device)
    for record in make_records(work, processes=processes):
        builder.add(record)
    return builder.bank()
