"""Fetches and decodes what a request refers to."""

import contextlib
import io
import shutil
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image, ImageOps

from engine.contracts.blobs import BlobRef
from engine.contracts.generation import GenerateRequest
from engine.contracts.glb import read_glb, triangles
from engine.contracts.masks import decode_mask
from engine.contracts.targets import PointMapInput
from engine.storage.blobs import BlobStore
from model_workers.generators.protocol import GenerationContext, GeneratorError, PosedShape

LARGEST_CACHE_BYTES = 20 * 2**30


def decode_context(request: GenerateRequest, *, store: BlobStore, cache: Path) -> GenerationContext:
    """Build what a generator sees.

    Raises:
        GeneratorError: image, mask and point map do not fit together.
    """
    target = request.target
    with Image.open(io.BytesIO(store.get(target.image.sha256))) as photograph:
        image = np.asarray(ImageOps.exif_transpose(photograph).convert("RGB"))
    mask = decode_mask(target.mask)
    if mask.shape != image.shape[:2] or not mask.any():
        raise GeneratorError(
            f"the mask of {mask.shape} with {mask.sum()} pixels does not fit the image {image.shape[:2]}"
        )
    point_map = _point_map(target.point_map, store, mask.shape)
    return GenerationContext(
        image=image,
        mask=mask,
        seeds=request.seeds,
        cache=cache / "generators" / request.generator,
        category=target.category,
        description=target.description,
        point_map=point_map,
        point_map_scale=target.point_map.scale if target.point_map else None,
        intrinsics=target.point_map.intrinsics if target.point_map else None,
        parameters=request.parameters,
        checkpoint=fetch_cached(request.model.checkpoint, store=store, cache=cache) if request.model else None,
    )


def decode_shape(request: GenerateRequest, *, store: BlobStore) -> PosedShape | None:
    """The chosen shape of a request for textures; None in a request for shapes."""
    if request.shape is None:
        return None
    glb = store.get(request.shape.mesh.sha256)
    mesh = trimesh.Trimesh(*triangles(read_glb(glb)), process=False)
    mesh.merge_vertices()  # seams of an old texture are no edges
    return PosedShape(mesh=mesh, glb=glb, pose=request.shape.pose, intrinsics=request.shape.intrinsics)


def fetch_cached(ref: BlobRef, *, store: BlobStore, cache: Path, largest_bytes: int = LARGEST_CACHE_BYTES) -> Path:
    """Return a local copy of a large object (checkpoint, shard); the least recently used ones make room."""
    folder = cache / "blobs"
    path = folder / ref.sha256
    if path.exists():
        path.touch()
        return path
    folder.mkdir(parents=True, exist_ok=True)
    _make_room(folder, ref.size_bytes, largest_bytes)
    return store.fetch(ref.sha256, to=path)


def _make_room(folder: Path, needed_bytes: int, largest_bytes: int) -> None:
    files: list[tuple[float, int, Path]] = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another worker made room meanwhile
            found = path.stat()
            files.append((found.st_mtime, found.st_size, path))
    free_bytes = shutil.disk_usage(folder).free
    used_bytes = sum(size_bytes for _, size_bytes, _ in files)
    for _, size_bytes, path in sorted(files):
        if used_bytes + needed_bytes <= largest_bytes and free_bytes >= needed_bytes:
            return
        path.unlink(missing_ok=True)
        used_bytes, free_bytes = used_bytes - size_bytes, free_bytes + size_bytes


def _point_map(given: PointMapInput | None, store: BlobStore, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    if given is None:
        return None
    with np.load(io.BytesIO(store.get(given.blob.sha256)), allow_pickle=False) as arrays:
        points = np.asarray(arrays["points_camera"], dtype=np.float32)
    if points.shape != (*shape, 3):
        raise GeneratorError(f"the point map of shape {points.shape} does not fit the image {shape}")
    return points
