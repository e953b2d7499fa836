"""The embedded segmenter on photographs: boxes, clicks, corrections, whatever people do; and answers at full size."""

import numpy as np
import pytest
import skimage.data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.contracts.assist import AssistRequest, Box, Click, Prompts, Stroke
from engine.contracts.blobs import BlobRef
from engine.contracts.masks import MaskRle, decode_mask, encode_mask
from model_workers.assist import segment
from model_workers.pictures import at_full_size
from model_workers.segmenters.grabcut import GrabCut
from model_workers.segmenters.protocol import SegmenterError
from model_workers.segmenters.registry import load_segmenter

BLOB = BlobRef("0" * 64, "image/png", 1)


def disc(height: int = 240, width: int = 320, *, x: int = 160, y: int = 120, radius: int = 60) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:height, :width]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 < radius**2)


@pytest.fixture(scope="module")
def scene() -> NDArray[np.uint8]:
    """A red disc and a smaller red one on a noisy green ground."""
    noise = np.random.default_rng(0).integers(-12, 12, (240, 320, 3))
    ground = np.where((disc() | disc(x=270, radius=25))[..., None], (190, 60, 50), (70, 130, 80))
    return np.asarray(np.clip(ground + noise, 0, 255), dtype=np.uint8)


def overlap(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((mask & other).sum() / (mask | other).sum())


@pytest.mark.parametrize(
    "prompts",
    [
        Prompts(box=Box(left=98, top=58, right=222, bottom=182)),
        Prompts(clicks=(Click(x=160, y=120, positive=True),)),
        Prompts(strokes=(Stroke(points=((130, 120), (190, 125)), radius=3, positive=True),)),
    ],
)
def test_an_object_is_found_by_box_click_or_stroke_to_its_edge(scene: NDArray[np.uint8], prompts: Prompts) -> None:
    assert overlap(GrabCut().segment(scene, prompts, prior=None), disc()) > 0.95


def test_clicks_correct_a_mask_where_they_are_and_leave_the_rest(scene: NDArray[np.uint8]) -> None:
    both = disc() | disc(x=270, radius=25)
    click = Click(x=270, y=120, positive=False)
    less = GrabCut().segment(scene, Prompts(clicks=(click,)), prior=both)
    assert not less[120, 270]
    assert overlap(less, disc()) > 0.9
    half = disc()
    half[:, 160:] = False
    more = GrabCut().segment(scene, Prompts(clicks=(Click(x=190, y=120, positive=True),)), prior=half)
    assert more[120, 190]
    assert (more & half).sum() > 0.95 * half.sum()


def test_what_was_clicked_is_always_part_of_the_answer() -> None:
    """Also where the object has the colours of its surroundings: nobody clicks in vain."""
    astronaut = np.asarray(skimage.data.astronaut())
    for x, y in ((256, 256), (60, 60), (400, 130), (250, 500)):
        mask = GrabCut().segment(astronaut, Prompts(clicks=(Click(x=x, y=y, positive=True),)), prior=None)
        assert mask[y, x]
        assert 100 < mask.sum() < mask.size


def test_it_must_be_told_where_the_object_is(scene: NDArray[np.uint8]) -> None:
    for prompts in (Prompts(), Prompts(clicks=(Click(x=1, y=1, positive=False),))):
        with pytest.raises(SegmenterError, match="click on it"):
            GrabCut().segment(scene, prompts, prior=np.zeros((240, 320), dtype=np.bool_))
    with pytest.raises(SegmenterError, match="outside"):
        GrabCut().segment(scene, Prompts(box=Box(left=900, top=900, right=950, bottom=950)), prior=None)


coordinates = st.floats(-20, 340, allow_nan=False)
clicks = st.lists(st.builds(Click, x=coordinates, y=coordinates, positive=st.booleans()), max_size=4)
boxes = st.tuples(coordinates, coordinates, st.floats(1, 300), st.floats(1, 300)).map(
    lambda side: Box(left=side[0], top=side[1], right=side[0] + side[2], bottom=side[1] + side[3])
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clicks=clicks, box=st.none() | boxes, with_prior=st.booleans())
def test_any_prompts_give_a_mask_of_the_image_or_a_reason(
    scene: NDArray[np.uint8], clicks: list[Click], box: Box | None, with_prior: bool
) -> None:
    prior = disc(x=100, radius=30) if with_prior else None
    try:
        mask = GrabCut().segment(scene, Prompts(clicks=tuple(clicks), box=box), prior=prior)
    except SegmenterError:
        return
    assert (mask.shape, mask.dtype) == ((240, 320), np.bool_)


def test_prompts_and_answer_are_in_pixels_of_the_photograph_when_the_picture_is_smaller() -> None:
    coffee = np.asarray(skimage.data.coffee())
    prompts = Prompts(box=Box(left=132 * 5, top=18 * 5, right=468 * 5, bottom=352 * 5))
    small = segment(GrabCut(), coffee, AssistRequest(BLOB, 600, 400, Prompts(box=Box(132, 18, 468, 352))))
    large = segment(GrabCut(), coffee, AssistRequest(BLOB, 3000, 2000, prompts))
    assert (large.width, large.height) == (3000, 2000)
    assert overlap(decode_mask(large)[2::5, 2::5], decode_mask(small)) > 0.98
    corrected = Prompts(clicks=(Click(x=1500, y=1000, positive=True),), prior=large)
    again = segment(GrabCut(), coffee, AssistRequest(BLOB, 3000, 2000, corrected))
    assert overlap(decode_mask(again), decode_mask(large)) > 0.7


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_a_mask_at_full_size_covers_what_it_covered_small(
    height: int, width: int, taller: int, wider: int, seed: int
) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    mask[height // 2, width // 2] = True
    full: MaskRle = at_full_size(mask, height=height * taller, width=width * wider)
    assert (full.height, full.width) == (height * taller, width * wider)
    if taller == wider == 1:
        assert full == encode_mask(mask)
    middles = decode_mask(full)[taller // 2 :: taller, wider // 2 :: wider]
    if taller % 2 and wider % 2:
        assert (middles == mask).all()


def test_without_weights_it_is_grabcut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LATHE_SAM_WEIGHTS", raising=False)
    assert load_segmenter().name == "grabcut"
