"""What a request refers to is fetched, decoded and checked; large files are kept within bounds."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.contracts.blobs import BlobRef
from engine.contracts.cameras import Intrinsics
from engine.contracts.generation import GenerateRequest, Modality
from engine.contracts.masks import encode_mask
from engine.contracts.targets import PointMapInput, PointMapScale, PointMapSource, TargetInput
from engine.storage.blobs import BlobStore, open_store
from model_workers.generators.protocol import GeneratorError
from model_workers.inputs import decode_context, fetch_cached


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return open_store((tmp_path / "blobs").as_uri(), var=tmp_path)


def request_for(store: BlobStore, *, mask_shape: tuple[int, int] = (6, 8), points: Any = None) -> GenerateRequest:
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 6), (10, 20, 30, 0)).save(buffer, format="PNG")
    point_map = None
    if points is not None:
        packed = io.BytesIO()
        np.savez_compressed(packed, points_camera=points)
        blob = store.put(packed.getvalue(), media_type="application/x-npz")
        camera = Intrinsics(9.0, 9.0, 4.0, 3.0, 8, 6)
        point_map = PointMapInput(blob, PointMapScale.METRIC, PointMapSource.GIVEN, camera)
    target = TargetInput(
        target_id="t",
        image=store.put(buffer.getvalue(), media_type="image/png"),
        mask=encode_mask(np.ones(mask_shape, bool)),
        point_map=point_map,
    )
    return GenerateRequest("r", 1, "text_to_3d", Modality.SHAPE, target, seeds=(1,), deadline_seconds=1.0)


def test_a_request_is_decoded(store: BlobStore, tmp_path: Path) -> None:
    points = np.full((6, 8, 3), np.nan, np.float32)
    context = decode_context(request_for(store, points=points), store=store, cache=tmp_path)
    assert context.image.shape == (6, 8, 3)
    assert context.image[0, 0].tolist() == [10, 20, 30]
    assert context.mask.all()
    assert context.point_map is not None
    assert (context.point_map_scale, context.intrinsics and context.intrinsics.fx) == (PointMapScale.METRIC, 9.0)


def test_a_mask_of_another_size_is_refused(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="does not fit the image"):
        decode_context(request_for(store, mask_shape=(8, 6)), store=store, cache=tmp_path)


def test_a_point_map_of_another_size_is_refused(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="point map of shape"):
        decode_context(request_for(store, points=np.zeros((3, 4, 3), np.float32)), store=store, cache=tmp_path)


def test_the_cache_keeps_what_was_used_last(store: BlobStore, tmp_path: Path) -> None:
    def put(content: bytes) -> BlobRef:
        return store.put(content, media_type="application/octet-stream")

    old, used, new = put(b"a" * 100), put(b"b" * 100), put(b"c" * 100)

    def fetch(ref: BlobRef) -> Path:
        return fetch_cached(ref, store=store, cache=tmp_path / "cache", largest_bytes=250)

    first = fetch(old)
    second = fetch(used)
    os.utime(first, (1, 1))
    os.utime(second, (2, 2))
    assert fetch(old) == first  # now the youngest
    third = fetch(new)
    assert third.read_bytes() == b"c" * 100
    assert first.exists()
    assert not second.exists()
