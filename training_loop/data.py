"""Snapshots (WebDataset shards, `engine.contracts.snapshots`) to training tensors.

A damaged sample or shard is named, skipped and counted; more than the allowed share of them stops the run.
"""

import io
import json
import logging
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from engine.contracts.serialisation import ContractError, from_json
from engine.contracts.snapshots import PreferencePair, SnapshotExample
from training_loop.examples import Examples, PreparedTarget, prepare_target, stack_examples
from training_loop.models.generator import GeometryModel
from training_loop.recipes import DPOConfig
from training_loop.stages import PreferencePairs
from training_loop.voxels import voxelise

logger = logging.getLogger(__name__)

IMAGE_EXTENSIONS = ("image.jpg", "image.jpeg", "image.png", "image.webp")
SAM3D = "sam3d"


class DamagedSample(ValueError):
    """A sample that cannot be used; the message says why."""


class TooManyDamaged(RuntimeError):
    """More samples or shards are damaged than the recipe allows."""


@dataclass
class ReadReport:
    """What was read, and what was skipped with its reason."""

    samples: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    identical_pairs: int = 0
    filtered_pairs: int = 0

    def skip(self, name: str, reason: str) -> None:
        """Count and name one damaged sample or shard."""
        self.damaged[name] = reason
        logger.warning("skipped %s: %s", name, reason)

    def check(self, allowed_share: float) -> None:
        """Stop when too much is damaged.

        Raises:
            TooManyDamaged: naming the first few.
        """
        share = len(self.damaged) / max(self.samples + len(self.damaged), 1)
        if share > allowed_share:
            listed = "; ".join(f"{name}: {reason}" for name, reason in list(self.damaged.items())[:5])
            raise TooManyDamaged(
                f"{len(self.damaged)} of {self.samples + len(self.damaged)} samples are damaged ({share:.1%}, allowed "
                f"{allowed_share:.1%}): {listed}. Export the snapshot again, or raise max_damaged_share"
            )


@dataclass(frozen=True)
class SnapshotSample:
    """One decoded sample: the contract's record, the pictures, and candidates' GLBs and latents by index."""

    record: SnapshotExample
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    point_map: NDArray[np.float32] | None
    glbs: dict[int, bytes]
    latents: dict[int, torch.Tensor]


@dataclass(frozen=True)
class SnapshotData:
    """D+ as examples (latents encoded), pairs that index them, and the report."""

    examples: Examples
    pairs: PreferencePairs
    report: ReadReport


def read_raw_samples(shards: Sequence[Path], report: ReadReport) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield (key, extension → bytes) of every sample; a shard that breaks off gives what came before the break."""
    for shard in shards:
        key, parts = "", dict[str, bytes]()
        try:
            with tarfile.open(shard, mode="r|*") as archive:
                for member in archive:
                    if not member.isfile():
                        continue
                    stem, _, extension = Path(member.name).name.partition(".")
                    if stem != key:
                        if parts:
                            yield key, parts
                        key, parts = stem, {}
                    file = archive.extractfile(member)
                    parts[extension] = b"" if file is None else file.read()
        except (tarfile.TarError, OSError, EOFError) as error:
            report.skip(f"shard {shard.name}", f"{error} (after the sample {key or 'none'})")
            continue
        if parts:
            yield key, parts


def decode_sample(parts: dict[str, bytes]) -> SnapshotSample:
    """Decode and check one sample.

    Raises:
        DamagedSample: a part is missing, unreadable or of the wrong shape.
    """
    try:
        record = from_json(SnapshotExample, json.loads(_part(parts, "meta.json")))
        name = next((extension for extension in IMAGE_EXTENSIONS if extension in parts), "image.*")
        image = np.asarray(Image.open(io.BytesIO(_part(parts, name))).convert("RGB"))
        mask = np.asarray(Image.open(io.BytesIO(_part(parts, "mask.png"))).convert("L")) > 127
        point_map = None
        if "pointmap.npz" in parts:
            with np.load(io.BytesIO(parts["pointmap.npz"]), allow_pickle=False) as archive:
                point_map = archive["points_camera"].astype(np.float32)
        wanted = _candidates_in_use(record)
        latents = {
            index: load_safetensors(parts[f"candidate_{index:02d}.latent.safetensors"])["shape"].float()
            for index in wanted
            if f"candidate_{index:02d}.latent.safetensors" in parts
        }
        glbs = {index: _part(parts, f"candidate_{index:02d}.glb") for index in wanted}
    except (json.JSONDecodeError, UnicodeDecodeError, ContractError) as error:
        raise DamagedSample(f"meta.json: {error}") from error
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        SafetensorError,
        OSError,
        KeyError,
        ValueError,
    ) as error:
        raise DamagedSample(f"{type(error).__name__}: {error}") from error
    return SnapshotSample(record, image, mask, point_map, glbs, latents)


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


def read_snapshot(
    shards: Sequence[Path], model: GeometryModel, dpo: DPOConfig, *, max_damaged_share: float
) -> SnapshotData:
    """Read shards into examples with latents, and preference pairs.

    A candidate's latent is the stored x₁ where it fits the model, else its mesh goes through the encoder.

    Raises:
        TooManyDamaged: see `ReadReport.check`.
    """
    report = ReadReport()
    targets: list[PreparedTarget] = []
    occupancies: list[NDArray[np.bool_]] = []
    chosen_latents: list[torch.Tensor] = []
    pairs: list[tuple[int, torch.Tensor, torch.Tensor]] = []
    for key, parts in read_raw_samples(shards, report):
        try:
            sample = decode_sample(parts)
            target = prepare_target(
                image=sample.image,
                mask=sample.mask,
                point_map=sample.point_map,
                intrinsics=sample.record.intrinsics,
                pose=sample.record.pose,
                config=model.config.conditioning,
            )
            occupancy = _occupancy(load_mesh(sample.glbs[sample.record.chosen]))
            latents = {index: _latent(sample, index, model) for index in _candidates_in_use(sample.record)}
        except ValueError as error:
            report.skip(f"sample {key}", str(error))
            continue
        report.samples += 1
        for pair in _pairs_in_use(sample.record, dpo, report):
            winner, loser = latents[pair.winner], latents[pair.loser]
            if torch.equal(winner, loser):
                report.identical_pairs += 1
                continue
            pairs.append((len(targets), winner, loser))
        targets.append(target)
        occupancies.append(occupancy)
        chosen_latents.append(latents[sample.record.chosen])
    report.check(max_damaged_share)
    if not targets:
        raise DamagedSample("the shards hold no sample")
    examples = stack_examples(targets, occupancies, [-1] * len(targets), model.config.conditioning)
    examples = Examples(**{**vars(examples), "shape_latents": torch.stack(chosen_latents)})
    nothing = torch.zeros(0, *model.config.vae.latent_shape)
    return SnapshotData(
        examples=examples,
        pairs=PreferencePairs(
            example=torch.tensor([pair[0] for pair in pairs], dtype=torch.long),
            winner=torch.stack([pair[1] for pair in pairs]) if pairs else nothing,
            loser=torch.stack([pair[2] for pair in pairs]) if pairs else nothing,
        ),
        report=report,
    )


def _part(parts: dict[str, bytes], name: str) -> bytes:
    if name not in parts:
        raise DamagedSample(f"{name} is missing")
    return parts[name]


def _candidates_in_use(record: SnapshotExample) -> list[int]:
    """Indices that D+ or a pair refers to."""
    pairs: tuple[PreferencePair, ...] = record.direct_pairs + record.inferred_pairs
    return sorted({record.chosen, *(pair.winner for pair in pairs), *(pair.loser for pair in pairs)})


def _pairs_in_use(record: SnapshotExample, dpo: DPOConfig, report: ReadReport) -> Iterator[PreferencePair]:
    generators = {candidate.index: candidate.generator for candidate in record.candidates}
    pairs: list[Any] = [*(record.direct_pairs if dpo.direct_pairs else ())]
    pairs += record.inferred_pairs if dpo.inferred_pairs else ()
    for pair in pairs:
        if dpo.only_sam3d_negatives and generators.get(pair.loser) != SAM3D:
            report.filtered_pairs += 1
            continue
        yield pair


def _occupancy(mesh: trimesh.Trimesh) -> NDArray[np.bool_]:
    occupancy = voxelise(mesh)
    if not occupancy.any():
        raise DamagedSample("a mesh fills no cell of the unit cube: it is flat, tiny or not fitted to [-0.5, 0.5]³")
    return occupancy


def _latent(sample: SnapshotSample, index: int, model: GeometryModel) -> torch.Tensor:
    stored = sample.latents.get(index)
    if stored is not None and tuple(stored.shape) == model.config.vae.latent_shape and bool(stored.isfinite().all()):
        return stored
    with torch.no_grad():
        grid = torch.from_numpy(_occupancy(load_mesh(sample.glbs[index])))[None].to(model.device)
        return model.vae.encode(grid)[0].cpu()
