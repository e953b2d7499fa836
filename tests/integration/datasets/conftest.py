"""A small judged world with real objects in a store of its own."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image as PillowImage

from engine.datasets.models import Snapshot
from engine.datasets.options import FreezeOptions
from engine.datasets.services import freeze
from engine.generation.models import Candidate, Collection, GenerationRequest
from engine.selection.models import Selection
from tests import factories as make


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path: Path) -> None:
    settings.LATHE_STORAGE_URL = (tmp_path / "blobs").as_uri()


@pytest.fixture
def collection(db) -> Collection:
    return make.make_collection(iteration=1, closed=True)


@pytest.fixture
def judge(collection) -> Callable[..., Selection]:
    """judge("sam3d", "retrieval", …, rating=…): a rated selection whose winner is of the first generator named."""

    def judge_(*generators: str, rating: float = 0.8, compared: int | None = None, of=None, **fields) -> Selection:
        request = make_real_request(collection=of or collection)
        candidates = [make_real_candidate(request, generator) for generator in generators]
        return make.make_rated_selection(
            request=request, candidates=candidates, rating=rating, compared=compared, **fields
        )

    return judge_


def make_real_request(*, collection: Collection) -> GenerationRequest:
    """A request whose photograph and point map lie in the store."""
    number = Candidate.objects.count()
    pixels = np.full((6, 8, 3), number % 256, dtype=np.uint8)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, format="PNG")
    image = make.make_image(content=file.getvalue())
    points = io.BytesIO()
    np.savez_compressed(points, points_camera=np.ones((6, 8, 3), dtype=np.float32))
    make.make_point_map(image=image, content=points.getvalue())
    return make.make_request(target=make.make_target(image=image), collection=collection)


def make_real_candidate(request: GenerationRequest, generator: str, *, size_bytes: int = 64) -> Candidate:
    """A candidate with bytes of its own; of sam3d with a latent."""
    number = Candidate.objects.count()
    content = f"mesh {number} ".encode().ljust(size_bytes, b".")
    latent = f"latent {number}".encode() if generator == "sam3d" else None
    return make.make_candidate(request=request, generator=generator, content=content, latent_content=latent)


def freeze_now(*, iteration: int = 1, alpha: float = 0.5, options: FreezeOptions | None = None) -> Snapshot:
    return freeze(iteration=iteration, alpha=alpha, cutoff_at=timezone.now(), options=options)
