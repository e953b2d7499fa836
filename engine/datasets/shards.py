"""WebDataset shards whose bytes depend on their content alone: fixed owner, mode and time, members in a fixed order."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from PIL import Image as PillowImage

from engine.contracts.cameras import Intrinsics
from engine.contracts.masks import MaskRle, decode_mask
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.snapshots import PreferencePair, SnapshotCandidate, SnapshotExample, SnapshotTexture
from engine.datasets.judgements import Judged, JudgedPair, JudgedTexture
from engine.errors import Unprocessable
from engine.generation.models import Candidate
from engine.sourcing.models import PointMap
from engine.storage.blobs import BlobStore, check_digest
from engine.storage.models import Blob

IMAGE_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


class UnknownImageFormat(Unprocessable):
    """A photograph is stored in a format that trainers do not read."""

    code = "unknown_image_format"


class ShardWriter:
    """Writes examples to one tar file, streaming blobs from the store.

    Attributes:
        example_count: examples written so far.
        last_key: walk key of the last one.
    """

    def __init__(self, path: Path, *, store: BlobStore) -> None:
        self.path = path
        self.example_count = 0
        self.last_key = ""
        self._store = store
        self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._tar.close()

    @property
    def size_bytes(self) -> int:
        """Bytes written so far, without the tar's end."""
        return self._tar.offset

    def add(self, judged: Judged) -> None:
        """Write one example in the layout of `engine.contracts.snapshots`.

        Raises:
            BlobMissing, BlobCorrupt: the store does not give back what was stored.
        """
        example, candidates, textures = describe(judged)
        key, image = str(judged.example_id), judged.target.image
        self._add_blob(f"{key}.image.{_suffix(image.blob)}", image.blob)
        mask = MaskRle(height=image.height_px, width=image.width_px, counts=tuple(judged.target.mask_counts))
        self._add_bytes(f"{key}.mask.png", _mask_png(mask))
        if judged.point_map is not None:
            self._add_blob(f"{key}.pointmap.npz", judged.point_map.blob)
        for index, candidate in enumerate(candidates):
            self._add_blob(f"{key}.candidate_{index:02d}.glb", candidate.mesh)
            if candidate.latent is not None:
                self._add_blob(f"{key}.candidate_{index:02d}.latent.safetensors", candidate.latent)
        for index, candidate in enumerate(textures):
            self._add_blob(f"{key}.texture_{index:02d}.glb", candidate.mesh)
        meta = json.dumps(to_json(example), sort_keys=True, separators=(",", ":"))
        self._add_bytes(f"{key}.meta.json", meta.encode())
        self.example_count += 1
        self.last_key = judged.key

    def _add_bytes(self, name: str, data: bytes) -> None:
        self._tar.addfile(_member(name, size_bytes=len(data)), io.BytesIO(data))

    def _add_blob(self, name: str, blob: Blob) -> None:
        with self._store.open(blob.sha256) as file:
            reader = _DigestReader(file)
            try:
                self._tar.addfile(_member(name, size_bytes=blob.size_bytes), reader)
            finally:  # a file cut short fails in tarfile; the digest says what is wrong
                check_digest(reader.hexdigest(), sha256=blob.sha256)
        # tarfile remembers every member to find it again; a shard is written once, front to back.
        self._tar.members.clear()  # type: ignore[attr-defined]


def describe(judged: Judged) -> tuple[SnapshotExample, list[Candidate], list[Candidate]]:
    """The example's metadata, its candidates and its textures in the order of their indices: D+ and T first."""
    candidates = _with_chosen_first(judged.chosen, judged.pairs)
    texture = judged.texture if judged.texture and judged.texture.exported else None
    textures = _with_chosen_first(texture.chosen, texture.pairs) if texture else []
    example = SnapshotExample(
        example_id=str(judged.example_id),
        target_id=str(judged.target.id),
        source=judged.source,
        iteration=judged.iteration,
        category=judged.target.category or None,
        rating=judged.rating,
        rubric_version=judged.rubric_version,
        chosen=0,
        candidates=_provenance(candidates),
        direct_pairs=_by_index(judged.pairs, candidates, kind="direct"),
        inferred_pairs=_by_index(judged.pairs, candidates, kind="inferred"),
        pose=from_json(Pose, judged.pose) if judged.pose else None,
        intrinsics=_intrinsics(judged),
        point_map_scale=judged.point_map.scale if judged.point_map else None,
        texture=_describe_texture(texture, textures) if texture else None,
    )
    return example, candidates, textures


def _describe_texture(texture: JudgedTexture, candidates: Sequence[Candidate]) -> SnapshotTexture:
    return SnapshotTexture(
        rating=texture.rating,
        rubric_version=texture.rubric_version,
        chosen=0,
        candidates=_provenance(candidates),
        direct_pairs=_by_index(texture.pairs, candidates, kind="direct"),
        inferred_pairs=_by_index(texture.pairs, candidates, kind="inferred"),
    )


def _with_chosen_first(chosen: Candidate, pairs: Iterable[JudgedPair]) -> list[Candidate]:
    """The chosen candidate, then the others that an exported pair names, by id."""
    by_id = {chosen.id: chosen}
    for pair in pairs:
        if pair.exported:
            by_id |= {pair.winner.id: pair.winner, pair.loser.id: pair.loser}
    return [chosen, *(by_id[id_] for id_ in sorted(by_id.keys() - {chosen.id}))]


def _provenance(candidates: Iterable[Candidate]) -> tuple[SnapshotCandidate, ...]:
    return tuple(
        SnapshotCandidate(
            index=index,
            candidate_id=str(candidate.id),
            generator=candidate.generator,
            model_version_id=str(candidate.model_version_id) if candidate.model_version_id else None,
            seed=candidate.seed,
        )
        for index, candidate in enumerate(candidates)
    )


def _by_index(pairs: Iterable[JudgedPair], candidates: Sequence[Candidate], *, kind: str) -> tuple[PreferencePair, ...]:
    """Exported pairs of a kind, by the indices of their candidates."""
    index_of = {candidate.id: index for index, candidate in enumerate(candidates)}
    return tuple(
        PreferencePair(winner=index_of[pair.winner.id], loser=index_of[pair.loser.id])
        for pair in pairs
        if pair.exported and pair.kind == kind
    )


def _intrinsics(judged: Judged) -> Intrinsics | None:
    point_map: PointMap | None = judged.point_map
    if point_map is None:
        return None
    image = judged.target.image
    return Intrinsics(
        fx=point_map.fx,
        fy=point_map.fy,
        cx=point_map.cx,
        cy=point_map.cy,
        width=image.width_px,
        height=image.height_px,
    )


def _suffix(photograph: Blob) -> str:
    if photograph.media_type not in IMAGE_SUFFIXES:
        raise UnknownImageFormat(
            f"The photograph {photograph.sha256} is stored as {photograph.media_type}.",
            what_to_do=f"Import it again; shards carry {', '.join(IMAGE_SUFFIXES)}.",
        )
    return IMAGE_SUFFIXES[photograph.media_type]


def _member(name: str, *, size_bytes: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)  # its defaults: time 0, owner 0, no names, mode 0644
    member.size = size_bytes
    return member


def _mask_png(mask: MaskRle) -> bytes:
    """8 bit grey, 0 or 255."""
    file = io.BytesIO()
    PillowImage.fromarray(decode_mask(mask).astype(np.uint8) * 255).save(file, format="PNG")
    return file.getvalue()


class _DigestReader:
    """Passes reads through and digests what passed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
