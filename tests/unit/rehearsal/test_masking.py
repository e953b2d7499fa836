"""A scripted person verifies what is good, tidies what is ragged, and discards what is no single object."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import engine.sourcing
from engine.rehearsal.masking import judge_mask, tidied

MASKS = sorted((Path(engine.sourcing.__file__).parent / "builtin" / "masks").glob("*.png"))
CATALOGUE = json.loads((MASKS[0].parents[1] / "catalogue.json").read_text())


def disc(*, radius: int = 30, at: tuple[int, int] = (60, 60), size: tuple[int, int] = (120, 160)) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]]
    return (y - at[0]) ** 2 + (x - at[1]) ** 2 < radius**2


@pytest.mark.parametrize("path", MASKS, ids=lambda path: path.stem)
def test_masks_that_people_drew_stand(path: Path) -> None:
    with Image.open(path) as image:
        mask = np.asarray(image.convert("L")) > 127
    assert judge_mask(mask).verdict == "verify"


def test_a_mask_of_a_few_pixels_is_no_object() -> None:
    verdict = judge_mask(disc(radius=4))
    assert (verdict.verdict, verdict.reason) == ("discard", "low_quality")


def test_two_large_pieces_far_apart_are_two_objects() -> None:
    verdict = judge_mask(disc(at=(60, 35)) | disc(at=(60, 125)))
    assert (verdict.verdict, verdict.reason) == ("discard", "several_objects")


def test_two_pieces_close_by_are_one_object_behind_something() -> None:
    mask = disc()
    mask[:, 58:62] = False
    assert judge_mask(mask).verdict == "verify"


def test_specks_and_pinholes_are_tidied_and_the_mask_sent_drawn_better() -> None:
    random = np.random.default_rng(0)
    ragged = disc() ^ (random.random((120, 160)) < 0.02)
    verdict = judge_mask(ragged)
    assert verdict.verdict == "refine"
    assert verdict.mask is not None
    assert (verdict.mask ^ disc()).sum() < 0.15 * (ragged ^ disc()).sum()


def test_a_hole_that_belongs_to_the_object_stays() -> None:
    ring = disc() & ~disc(radius=12)
    assert (tidied(ring) == ring).all()
