"""Flying Occlusions obey the visibility rules of the paper."""

import numpy as np
import pytest

from engine.contracts.cameras import project
from engine.contracts.poses import rotation_from_quaternion, transform_points
from training_loop.flying_occlusions import (
    FlyingOcclusion,
    NoOcclusionFoundError,
    draw_flying_occlusion,
    flying_occlusions,
    is_well_occluded,
    random_crop,
    random_rotation,
    visible_mask,
)
from training_loop.rendering import render
from training_loop.voxels import occupied_centres

PHOTOGRAPHS = [
    np.random.default_rng(0).integers(0, 255, size=(90, 140, 3), dtype=np.uint8),
    np.full((200, 80, 3), 128, dtype=np.uint8),
]


@pytest.fixture(scope="module")
def composites() -> list[FlyingOcclusion]:
    return list(flying_occlusions(PHOTOGRAPHS, seed=4, count=60, image_px=64, split="train", resolution=32))


def square(low: int, high: int) -> np.ndarray:
    mask = np.zeros((100, 100), dtype=bool)
    mask[low:high, low:high] = True
    return mask


def test_visible_is_the_object_without_the_occluder() -> None:
    visible = visible_mask(square(0, 20), square(10, 40))
    assert visible.sum() == 400 - 100
    assert not (visible & square(10, 40)).any()


@pytest.mark.parametrize(
    ("visible_px", "accepted"), [(39, False), (40, True), (200, True), (360, True), (361, False), (400, False)]
)
def test_between_a_tenth_and_nine_tenths_must_be_visible(visible_px: int, accepted: bool) -> None:
    whole = square(0, 20)
    visible = np.zeros_like(whole)
    visible[whole] = np.arange(400) < visible_px
    assert is_well_occluded(whole, visible) is accepted


def test_the_visible_part_must_be_a_five_hundredth_of_the_image() -> None:
    whole = square(0, 6)
    visible = whole.copy()
    visible[0:3] = False
    assert visible.sum() == 18
    assert not is_well_occluded(whole, visible)
    visible[2, 0:2] = True
    assert is_well_occluded(whole, visible)
    assert not is_well_occluded(np.zeros_like(whole), np.zeros_like(whole))


def test_every_composite_obeys_the_rules(composites: list[FlyingOcclusion]) -> None:
    for composite in composites:
        assert composite.mask.sum() >= 0.002 * composite.mask.size
        assert not (composite.mask & ~composite.whole_mask).any()
        if composite.role == "occludee":
            assert 0.1 <= composite.mask.sum() / composite.whole_mask.sum() <= 0.9
        else:
            assert np.array_equal(composite.mask, composite.whole_mask)


def test_the_occluder_is_selected_a_third_of_the_time(composites: list[FlyingOcclusion]) -> None:
    occluders = sum(composite.role == "occluder" for composite in composites)
    assert 0.15 < occluders / len(composites) < 0.5


def test_the_pose_renders_the_whole_mask(composites: list[FlyingOcclusion]) -> None:
    for composite in composites[:8]:
        again = render(composite.mesh, composite.pose, composite.intrinsics)
        assert np.array_equal(again.mask, composite.whole_mask)
        pixels = project(
            transform_points(composite.pose, occupied_centres(composite.occupancy).astype(np.float64)),
            composite.intrinsics,
        )
        column, row = np.floor(pixels).astype(int).T
        within = (column >= 0) & (column < 64) & (row >= 0) & (row < 64)
        assert composite.whole_mask[row[within], column[within]].mean() > 0.85


def test_pixels_away_from_both_shapes_are_the_photograph() -> None:
    grey = [np.full((80, 80, 3), 128, dtype=np.uint8)]
    for composite in flying_occlusions(grey, seed=2, count=4, image_px=64, split="train", resolution=16):
        assert (composite.image == 128).all(axis=2).mean() > 0.1
        assert not (composite.image[composite.mask] == 128).all()


def test_a_composite_depends_only_on_seed_split_and_index() -> None:
    def draw(start: int, count: int, split: str) -> list[FlyingOcclusion]:
        return list(
            flying_occlusions(PHOTOGRAPHS, seed=9, count=count, image_px=48, split=split, start=start, resolution=16)
        )

    whole, shard = draw(0, 3, "train"), draw(2, 1, "train")
    assert np.array_equal(whole[2].image, shard[0].image)
    assert whole[2].pose == shard[0].pose
    heldout = draw(0, 3, "heldout")
    assert all(composite.instance_seed % 2 == 0 for composite in whole)
    assert all(composite.instance_seed % 2 == 1 for composite in heldout)


def test_random_rotations_are_rotations_in_every_direction() -> None:
    rng = np.random.default_rng(0)
    up = np.array([rotation_from_quaternion(random_rotation(rng))[:, 1] for _ in range(2000)])
    assert np.linalg.norm(up, axis=1) == pytest.approx(np.ones(2000))
    assert np.abs(up.mean(axis=0)).max() < 0.05
    assert (up**2).mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.03)


def test_crops_are_square_pieces_of_the_photograph() -> None:
    crop = random_crop(np.random.default_rng(0), PHOTOGRAPHS[1], 32)
    assert crop.shape == (32, 32, 3)
    assert (crop == 128).all()


def test_no_or_wrong_photographs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one photograph"):
        next(flying_occlusions([], seed=0, count=1, image_px=32, split="train"))
    with pytest.raises(ValueError, match="photograph 0 must be"):
        next(flying_occlusions([np.zeros((4, 4), np.uint8)], seed=0, count=1, image_px=32, split="train"))


def test_images_too_small_for_the_rules_are_an_error() -> None:
    with pytest.raises(NoOcclusionFoundError, match="larger images"):
        draw_flying_occlusion(np.random.default_rng(0), PHOTOGRAPHS[0], ("knife",), split="train", image_px=1)
