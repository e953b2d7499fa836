"""How far two verdicts on one mask agree."""

import numpy as np
import pytest

from engine.contracts.masks import encode_mask
from engine.sourcing.models import Image, MaskTask
from engine.sourcing.second_look import agreement_of, iou_of

SIZE = 40
IMAGE = Image(width_px=SIZE, height_px=SIZE)


def runs(columns: slice, rows: slice = slice(0, 20)) -> list[int]:
    mask = np.zeros((SIZE, SIZE), dtype=np.bool_)
    mask[rows, columns] = True
    return list(encode_mask(mask).counts)


def answer(verdict: str, columns: slice = slice(0, 20), **fields: str) -> MaskTask:
    counts = runs(columns)
    drawn = {"refined_counts": counts, "proposed_counts": runs(slice(0, 20))} if verdict == "refine" else {}
    return MaskTask(
        image=IMAGE, verdict=verdict, shown_counts=runs(slice(0, 20)), shown_category="mug", **drawn, **fields
    )


@pytest.mark.parametrize(
    ("shift", "iou", "agrees"),
    [(0, 1.0, True), (2, 18 / 22, True), (3, 17 / 23, False), (10, 1 / 3, False), (20, 0.0, False)],
)
def test_two_kept_masks_agree_by_their_overlap(shift: int, iou: float, agrees: bool) -> None:
    found = agreement_of(answer("refine", slice(shift, shift + 20)), answer("verify"))
    assert found.measures["iou"] == pytest.approx(iou)
    assert (found.agrees, found.measures["same_verdict"]) == (agrees, True)


def test_keeping_and_discarding_disagree_and_have_no_overlap() -> None:
    found = agreement_of(answer("discard", discard_reason="partial"), answer("verify"))
    assert (found.agrees, found.measures) == (False, {"iou": None, "same_verdict": False})


@pytest.mark.parametrize(("reason", "same"), [("partial", True), ("low_quality", False)])
def test_two_who_discard_agree_whatever_their_reasons(reason: str, same: bool) -> None:
    found = agreement_of(answer("discard", discard_reason=reason), answer("discard", discard_reason="partial"))
    assert (found.agrees, found.measures["same_reason"]) == (True, same)


@pytest.mark.parametrize(("given", "same"), [("", True), ("mug", True), ("teapot", False)])
def test_categories_are_compared_and_do_not_decide(given: str, same: bool) -> None:
    found = agreement_of(answer("verify", category=given), answer("verify"))
    assert (found.agrees, found.measures["same_category"]) == (True, same)


def test_the_order_of_the_two_does_not_matter() -> None:
    one, other = answer("refine", slice(3, 23)), answer("verify")
    assert agreement_of(one, other) == agreement_of(other, one)


def test_two_empty_masks_are_the_same() -> None:
    empty = encode_mask(np.zeros((SIZE, SIZE), dtype=np.bool_))
    assert iou_of(empty, empty) == 1.0
