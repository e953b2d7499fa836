"""Run lengths and masks are two writings of the same thing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from engine.contracts.masks import MaskError, MaskRle, decode_mask, encode_mask, encode_part, intersection_px

masks = hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(masks)
def test_decoding_gives_back_what_was_encoded(mask: np.ndarray) -> None:
    rle = encode_mask(mask)
    np.testing.assert_array_equal(decode_mask(rle), mask)
    assert rle.area_px == mask.sum()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools under numpy 2
@given(masks)
def test_run_lengths_are_those_of_coco(mask: np.ndarray) -> None:
    rle = encode_mask(mask)
    theirs = coco.frPyObjects({"size": [rle.height, rle.width], "counts": list(rle.counts)}, rle.height, rle.width)
    np.testing.assert_array_equal(coco.decode(theirs).astype(bool), mask)


@pytest.mark.parametrize("counts", [(3,), (2, 3), (5, -1)])
def test_run_lengths_that_do_not_cover_the_mask_are_refused(counts: tuple[int, ...]) -> None:
    with pytest.raises(MaskError, match="2×2"):
        decode_mask(MaskRle(height=2, width=2, counts=counts))


@pytest.mark.parametrize("array", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 1), bool), np.zeros(4, bool)])
def test_only_boolean_planes_are_masks(array: np.ndarray) -> None:
    with pytest.raises(MaskError, match="boolean"):
        encode_mask(array)


@given(masks, st.integers(0, 3), st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))
def test_a_part_is_encoded_as_the_whole_mask_would_be(part, top, left, below, beside) -> None:
    height, width = part.shape[0] + top + below, part.shape[1] + left + beside
    whole = np.zeros((height, width), dtype=np.bool_)
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    assert encode_part(part, top=top, left=left, height=height, width=width) == encode_mask(whole)


def test_a_part_that_sticks_out_is_refused() -> None:
    with pytest.raises(MaskError, match="inside"):
        encode_part(np.ones((2, 2), dtype=np.bool_), top=0, left=2, height=3, width=3)


@given(masks, st.integers(0, 2**32 - 1))
def test_the_intersection_of_two_masks_is_counted_without_decoding(first, seed) -> None:
    second = np.random.default_rng(seed).random(first.shape) < 0.5
    assert intersection_px(encode_mask(first), encode_mask(second)) == int((first & second).sum())
