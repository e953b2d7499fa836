"""The library is searched by look and by word, and its index is built once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.contracts.cameras import Intrinsics
from model_workers.generators import library_index
from model_workers.generators.descriptors import LENGTH, describe_view, mirrored
from model_workers.generators.protocol import GenerationContext
from model_workers.generators.retrieval import Retrieval
from tests.unit.model_workers.conftest import disc
from training_loop.rendering import render
from training_loop.shape_library import build_shape

MakeContext = Callable[..., GenerationContext]
SHELF = ("mug", "bottle", "chair", "bicycle", "rocket", "sofa")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("retrieval")


def photograph(category: str, seed: int, *, yaw_degrees: float = 35) -> tuple[np.ndarray, np.ndarray]:
    """A picture of an object that is not in the index, on a noisy background."""
    camera = Intrinsics(300.0, 300.0, 100.0, 75.0, 200, 150)
    seen = render(build_shape(category, seed).mesh, library_index._pose(yaw_degrees, 18), camera)
    background = np.random.default_rng(seed).integers(0, 255, (150, 200, 3), dtype=np.uint8)
    return np.where(seen.mask[..., None], seen.color, background).astype(np.uint8), np.asarray(seen.mask)


def test_looks_alone_find_the_category(make_context: MakeContext, cache: Path) -> None:
    retrieval = Retrieval(SHELF)
    right = 0
    for category in SHELF:
        for seed in (101, 102):
            image, mask = photograph(category, seed)
            proposals = retrieval.generate(make_context(mask, image=image, cache=cache))
            right += next(proposals).parameters["category"] == category
    assert right >= 10  # of 12


def test_words_alone_find_the_category(make_context: MakeContext, cache: Path) -> None:
    retrieval = Retrieval(SHELF)
    for category, description in (("sofa", ""), ("couch", ""), (None, "a wooden chair with armrests"), (None, "bike")):
        context = make_context(disc(50), category=category, description=description, cache=cache, seeds=(5,))
        (proposal,) = retrieval.generate(context)
        expected = {"couch": "sofa", None: {"bike": "bicycle"}.get(description, "chair")}.get(category, category)
        assert proposal.parameters["category"] == expected


def test_each_seed_gets_another_object_the_nearest_first(make_context: MakeContext, cache: Path) -> None:
    image, mask = photograph("chair", 101)
    proposals = list(Retrieval(SHELF).generate(make_context(mask, image=image, category="chair", cache=cache)))
    objects = [(p.parameters["category"], p.parameters["library_seed"]) for p in proposals]
    assert len(set(objects)) == 3
    assert {category for category, _ in objects} == {"chair"}


def test_the_index_is_read_from_disk_the_second_time(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = library_index.load_index(cache, categories=SHELF)

    def fail(entry: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(library_index, "_describe_object", fail)
    np.testing.assert_array_equal(library_index.load_index(cache, categories=SHELF).views, first.views)


def test_a_mirrored_view_is_described_by_its_mirrored_descriptor() -> None:
    image, mask = photograph("mug", 101)
    there = describe_view(image[:, ::-1], mask[:, ::-1])
    assert float(there @ mirrored(describe_view(image, mask))) > 0.99
    assert there.shape == (LENGTH,)


def test_a_descriptor_does_not_see_background_place_or_size() -> None:
    image, mask = photograph("mug", 101)
    moved, moved_mask = np.zeros((400, 500, 3), np.uint8), np.zeros((400, 500), bool)
    moved[100:400:1, 50:450][: 2 * 150, : 2 * 200] = image.repeat(2, 0).repeat(2, 1)
    moved_mask[100:400, 50:450] = mask.repeat(2, 0).repeat(2, 1)
    assert float(describe_view(image, mask) @ describe_view(moved, moved_mask)) > 0.97
    assert float(describe_view(image, mask) @ describe_view(image, mask)) == pytest.approx(1.0, abs=1e-5)
