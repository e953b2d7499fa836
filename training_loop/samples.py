"""One sample of a snapshot: its parts decoded, checked and prepared. All of this runs in other processes as well."""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError
from torch import Tensor

from engine.contracts.serialisation import ContractError, from_json
from engine.contracts.snapshots import PreferencePair, SnapshotExample
from training_loop.examples import PreparedTarget, prepare_target
from training_loop.latents import StoredLatent, read_latent
from training_loop.models.config import ModelConfig
from training_loop.shards import ShardSample
from training_loop.voxels import voxelise

IMAGE_EXTENSIONS = ("image.jpg", "image.jpeg", "image.png", "image.webp")


class DamagedSample(ValueError):
    """A sample that cannot be used; the message says why."""


@dataclass(frozen=True)
class SnapshotEntry:
    """One sample of the snapshot: where its parts lie, and the contract's record of it."""

    parts: ShardSample
    record: SnapshotExample


@dataclass(frozen=True)
class SnapshotSample:
    """One decoded sample: the contract's record, the pictures, and candidates' GLBs and stored latents by index."""

    record: SnapshotExample
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    point_map: NDArray[np.float32] | None
    glbs: dict[int, bytes]
    latents: dict[int, StoredLatent]


def read_record(parts: Mapping[str, bytes]) -> SnapshotExample:
    """The contract's record of a sample.

    Raises:
        DamagedSample: it is missing, or is none.
    """
    try:
        return from_json(SnapshotExample, json.loads(_part(parts, "meta.json")))
    except (json.JSONDecodeError, UnicodeDecodeError, ContractError) as error:
        raise DamagedSample(f"meta.json: {error}") from error


def decode_sample(parts: Mapping[str, bytes], candidates: Sequence[int] | None = None) -> SnapshotSample:
    """Decode and check one sample with some of its candidates; None is all that D+ or a pair refers to.

    Raises:
        DamagedSample: a part is missing, unreadable or of the wrong shape.
    """
    record = read_record(parts)
    with _damage_is_said():
        name = next((extension for extension in IMAGE_EXTENSIONS if extension in parts), "image.*")
        image = np.asarray(Image.open(io.BytesIO(_part(parts, name))).convert("RGB"))
        mask = np.asarray(Image.open(io.BytesIO(_part(parts, "mask.png"))).convert("L")) > 127
        point_map = None
        if "pointmap.npz" in parts:
            with np.load(io.BytesIO(parts["pointmap.npz"]), allow_pickle=False) as archive:
                point_map = archive["points_camera"].astype(np.float32)
    latents, glbs = dict[int, StoredLatent](), dict[int, bytes]()
    for index in _candidates_in_use(record) if candidates is None else candidates:
        glbs[index], latent = _read_candidate(parts, index)
        if latent is not None:
            latents[index] = latent
    return SnapshotSample(record, image, mask, point_map, glbs, latents)


def _read_candidate(parts: Mapping[str, bytes], index: int) -> tuple[bytes, StoredLatent | None]:
    """A candidate's GLB, and its latent where one is stored."""
    with _damage_is_said():
        stored = f"candidate_{index:02d}.latent.safetensors"
        latent = read_latent(parts[stored]) if stored in parts else None
        return _part(parts, f"candidate_{index:02d}.glb"), latent


@contextmanager
def _damage_is_said() -> Iterator[None]:
    """Whatever reading a broken part raises is damage to the sample."""
    try:
        yield
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        SafetensorError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        KeyError,
        SyntaxError,  # of a broken PNG
        ValueError,
    ) as error:
        raise DamagedSample(f"{type(error).__name__}: {error}") from error


def load_mesh(data: bytes) -> trimesh.Trimesh:
    """Read a GLB as one mesh.

    Raises:
        DamagedSample: it holds no triangle, or a vertex that is not finite.
    """
    try:
        mesh = trimesh.load(io.BytesIO(data), file_type="glb", force="mesh", process=False)
    except Exception as error:
        raise DamagedSample(f"a mesh cannot be read: {error}") from error
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise DamagedSample("a mesh has no triangle")
    if not np.isfinite(mesh.vertices).all():
        raise DamagedSample("a mesh has vertices that are NaN or infinite")
    # glTF splits vertices at seams; inside and outside need them joined.
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    return mesh


@dataclass(frozen=True)
class SnapshotRow:
    """A target, and x₁ (cells, channels) of each wanted candidate."""

    target: PreparedTarget
    shapes: list[Tensor]


def load_target(entry: SnapshotEntry, config: ModelConfig) -> PreparedTarget | str:
    """Read and prepare a sample's target, or say why that is not possible. Runs in other processes."""
    try:
        sample = decode_sample(entry.parts, ())
        return prepare_target(
            image=sample.image,
            mask=sample.mask,
            point_map=sample.point_map,
            intrinsics=sample.record.intrinsics,
            pose=sample.record.pose,
            config=config.conditioning,
        )
    except ValueError as error:
        return str(error)


def load_shape(entry: SnapshotEntry, index: int, config: ModelConfig, latent_space: str) -> Tensor | str:
    """A candidate's stored x₁ (cells, channels) or else its packed occupancy (R³/8,) uint8, or why there is neither.
    Runs in other processes.
    """
    try:
        glb, stored = _read_candidate(entry.parts, index)
        if stored is not None and stored.fits(config.vae.latent_shape, latent_space):
            return stored.x_1
        return torch.from_numpy(np.packbits(_occupancy(load_mesh(glb)).reshape(-1)))
    except ValueError as error:
        return str(error)


def _part(parts: Mapping[str, bytes], name: str) -> bytes:
    if name not in parts:
        raise DamagedSample(f"{name} is missing")
    return parts[name]


def _candidates_in_use(record: SnapshotExample) -> list[int]:
    """Indices that D+ or a pair refers to."""
    pairs: tuple[PreferencePair, ...] = record.direct_pairs + record.inferred_pairs
    return sorted({record.chosen, *(pair.winner for pair in pairs), *(pair.loser for pair in pairs)})


def _occupancy(mesh: trimesh.Trimesh) -> NDArray[np.bool_]:
    occupancy = voxelise(mesh)
    if not occupancy.any():
        raise DamagedSample("a mesh fills no cell of the unit cube: it is flat, tiny or not fitted to [-0.5, 0.5]³")
    return occupancy
