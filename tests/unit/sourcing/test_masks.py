"""Masks in every form that people keep them in, and the ones that indicate nothing."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as coco_mask

from engine.sourcing.masks import MaskRefused, check_mask, read_coco_segmentation, read_mask_image, uncompress_counts

# A ring with a hole, and a second part apart from it.
MASK = np.zeros((24, 32), dtype=np.bool_)
MASK[4:20, 4:18] = True
MASK[9:14, 9:13] = False
MASK[6:12, 24:30] = True
GREY = MASK.astype(np.uint8)
PHOTOGRAPH = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def palette(colours: list[int]) -> Image.Image:
    image = Image.fromarray(GREY, mode=None).convert("L")
    image.putpalette(colours)
    return image


FORMS = {
    "0 and 1": Image.fromarray(GREY),
    "0 and 255": Image.fromarray(GREY * 255),
    "boolean": Image.fromarray(MASK),
    "16 bit": Image.fromarray(GREY.astype(np.uint16) * 65535),
    "RGB": Image.fromarray(np.repeat(GREY[..., None] * 255, 3, axis=-1)),
    "palette": palette([0, 0, 0, 128, 0, 0]),
    "RGBA cut-out": Image.fromarray(np.dstack([PHOTOGRAPH, GREY * 255])),
    "grey with alpha": Image.fromarray(np.dstack([np.full((24, 32), 200, np.uint8), GREY * 255])),
    "opaque RGBA": Image.fromarray(
        np.dstack([np.repeat(GREY[..., None] * 255, 3, axis=-1), np.full((24, 32), 255, np.uint8)])
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_mask_file_of_any_form_gives_the_same_mask(form: str) -> None:
    assert np.array_equal(read_mask_image(png(FORMS[form])), MASK)


def test_soft_edges_are_cut_at_half() -> None:
    soft = GREY.astype(np.float64) * 255
    soft[3, 4:18], soft[20, 4:18] = 100, 160
    expected = MASK.copy()
    expected[20, 4:18] = True
    assert np.array_equal(read_mask_image(png(Image.fromarray(soft.astype(np.uint8)))), expected)


def test_a_label_map_of_several_objects_is_refused() -> None:
    labels = GREY.copy()
    labels[6:12, 24:30] = 2
    image = Image.fromarray(labels)
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    with pytest.raises(MaskRefused, match="several objects"):
        read_mask_image(png(image))


@pytest.mark.parametrize("data", [b"", b"junk", png(FORMS["0 and 1"])[:60]])
def test_a_damaged_mask_file_is_refused(data: bytes) -> None:
    with pytest.raises(MaskRefused, match="not a readable image"):
        read_mask_image(data)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (np.ones((24, 31), dtype=np.bool_), "is 31×24, its image 32×24"),
        (np.zeros((24, 32), dtype=np.bool_), "is empty"),
        (np.arange(768).reshape(24, 32) == 5, "has 1 pixel; an object in this image needs at least 16"),
        (np.ones((24, 32), dtype=np.bool_), "covers the whole image"),
        (GREY, "boolean"),
    ],
    ids=["another size", "empty", "one pixel", "whole image", "not boolean"],
)
def test_a_mask_that_indicates_no_object_is_refused(mask: np.ndarray, reason: str) -> None:
    with pytest.raises(MaskRefused, match=reason):
        check_mask(mask, width_px=32, height_px=24)


def test_in_a_large_image_the_smallest_object_grows_with_it() -> None:
    mask = np.zeros((1000, 1000), dtype=np.bool_)
    mask[:10, :19] = True
    with pytest.raises(MaskRefused, match="has 190 pixels; an object in this image needs at least 200"):
        check_mask(mask, width_px=1000, height_px=1000)
    mask[:10, :20] = True
    check_mask(mask, width_px=1000, height_px=1000)


def test_coco_run_lengths_of_both_kinds_keep_parts_and_holes() -> None:
    compressed = coco_mask.encode(np.asfortranarray(GREY))
    runs = read_coco_segmentation(compressed, width_px=32, height_px=24)
    text = {"size": [24, 32], "counts": compressed["counts"].decode()}
    flat = GREY.flatten(order="F")
    bounds = np.flatnonzero(np.diff(np.concatenate(([0], flat, [1 - flat[-1]])))) if flat[0] == 0 else None
    counts = np.diff(np.concatenate(([0], bounds))).tolist()
    assert np.array_equal(runs, MASK)
    assert np.array_equal(read_coco_segmentation(text, width_px=32, height_px=24), MASK)
    assert np.array_equal(read_coco_segmentation({"size": [24, 32], "counts": counts}, width_px=32, height_px=24), MASK)


@given(arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_compressed_run_lengths_decode_as_the_reference_does(mask: np.ndarray) -> None:
    compressed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    height, width = mask.shape
    assert np.array_equal(read_coco_segmentation(compressed, width_px=width, height_px=height), mask)


def test_polygons_of_several_parts_are_united() -> None:
    polygons = [[2, 2, 12, 2, 12, 12, 2, 12], [20, 4, 28, 4, 28, 10, 20, 10]]
    mask = read_coco_segmentation(polygons, width_px=32, height_px=24)
    assert mask[2:12, 2:12].all()
    assert mask[4:10, 20:28].all()
    assert mask.sum() == 10 * 10 + 8 * 6


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        (None, "neither"),
        ({"counts": [1]}, "neither"),
        ([], "no polygon"),
        ([[1, 2, 3, 4]], "three corners"),
        ([[1, 2, 3, 4, 5, 6, 7]], "three corners"),
        ([[1, 2, 3, "x", 5, 6]], "no number"),
        ([[0, 0, 1e9, 0, 1e9, 1e9]], "far outside"),
        ([[0, 0, float("nan"), 0, 4, 4]], "far outside"),
        ({"size": [24, 31], "counts": [744]}, "are of size"),
        ({"size": [24, 32], "counts": [700]}, "cover 700 pixels"),
        ({"size": [24, 32], "counts": [800, -32]}, "damaged"),
        ({"size": [24, 32], "counts": "~~~"}, "damaged"),
        ({"size": [24, 32], "counts": "PPPP"}, "damaged"),
        ({"size": [24, 32], "counts": "é"}, "damaged"),
        ({"size": [24, 32], "counts": 5}, "damaged"),
    ],
)
def test_a_damaged_segmentation_is_refused(segmentation: object, reason: str) -> None:
    with pytest.raises(MaskRefused, match=reason):
        read_coco_segmentation(segmentation, width_px=32, height_px=24)


@given(st.binary(max_size=40))
def test_any_text_gives_run_lengths_or_an_error(text: bytes) -> None:
    try:
        counts = uncompress_counts(text)
    except ValueError:
        return
    assert all(isinstance(count, int) for count in counts)
