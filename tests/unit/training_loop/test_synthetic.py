"""Synthetic examples agree with their own ground truth."""

import itertools

import numpy as np
import pytest

from engine.contracts.cameras import project
from engine.contracts.poses import transform_points
from training_loop.shape_library import CATEGORIES, build_shape, describe
from training_loop.split import HELDOUT_CATEGORIES
from training_loop.synthetic import SyntheticExample, look_at_object, synthetic_examples
from training_loop.voxels import occupied_centres


@pytest.fixture(scope="module")
def examples() -> list[SyntheticExample]:
    return list(synthetic_examples(seed=3, count=24, image_px=64, split="train"))


def test_shapes_and_types(examples: list[SyntheticExample]) -> None:
    for example in examples:
        assert example.image.shape == (64, 64, 3)
        assert example.image.dtype == np.uint8
        assert example.mask.shape == (64, 64)
        assert example.mask.any()
        assert example.point_map.shape == (64, 64, 3)
        assert example.point_map.dtype == np.float32
        assert example.occupancy.shape == (64, 64, 64)
        assert example.occupancy.any()


def test_points_of_the_object_lie_on_the_posed_mesh(examples: list[SyntheticExample]) -> None:
    for example in examples[:6]:
        points = example.point_map[example.mask].astype(np.float64)
        assert np.isfinite(points).all()
        surface, _ = _sample_surface(example)
        posed = transform_points(example.pose, surface)
        nearest = np.array([np.linalg.norm(posed - point, axis=1).min() for point in points[::17]])
        assert nearest.max() < 0.06 * example.pose.scale[0]


def _sample_surface(example: SyntheticExample) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    triangles = np.asarray(example.mesh.triangles)
    share = example.mesh.area_faces / example.mesh.area_faces.sum()
    chosen = rng.choice(len(triangles), size=8000, p=share)
    weights = rng.dirichlet((1, 1, 1), size=8000)
    return np.einsum("ij,ijk->ik", weights, triangles[chosen]), chosen


def test_occupancy_projects_into_the_mask(examples: list[SyntheticExample]) -> None:
    inside, total = 0, 0
    for example in examples:
        pixels = project(
            transform_points(example.pose, occupied_centres(example.occupancy).astype(np.float64)), example.intrinsics
        )
        column, row = np.floor(pixels).astype(int).T
        within = (column >= 0) & (column < 64) & (row >= 0) & (row < 64)
        inside += example.mask[row[within], column[within]].sum()
        total += within.sum()
    assert inside / total > 0.97


def test_background_points_lie_behind_the_object(examples: list[SyntheticExample]) -> None:
    with_floor = 0
    for example in examples:
        known = np.isfinite(example.point_map[..., 2]) & ~example.mask
        with_floor += bool(known.any())
        assert (example.point_map[..., 2][known] > 0).all()
    assert 0 < with_floor < len(examples)


def test_an_example_depends_only_on_seed_split_and_index() -> None:
    whole = list(synthetic_examples(seed=5, count=4, image_px=48, split="train"))
    shard = list(synthetic_examples(seed=5, count=2, image_px=48, split="train", start=2))
    for a, b in zip(whole[2:], shard, strict=True):
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.occupancy, b.occupancy)
        assert a.pose == b.pose
    assert not np.array_equal(whole[0].image, whole[1].image)


def test_splits_share_no_instance() -> None:
    train = {e.instance_seed for e in synthetic_examples(seed=1, count=8, image_px=32, split="train")}
    heldout = {e.instance_seed for e in synthetic_examples(seed=1, count=8, image_px=32, split="heldout")}
    assert all(seed % 2 == 0 for seed in train)
    assert all(seed % 2 == 1 for seed in heldout)


def test_heldout_categories_are_only_in_the_heldout_split() -> None:
    train = synthetic_examples(seed=1, count=12, image_px=32, split="train", heldout_categories=("mug", "bowl"))
    heldout = synthetic_examples(seed=1, count=12, image_px=32, split="heldout", heldout_categories=("mug", "bowl"))
    assert not {e.category for e in train} & {"mug", "bowl"}
    assert {e.category for e in heldout} == {"mug", "bowl"}


def test_an_example_names_an_instance_that_can_be_rebuilt(examples: list[SyntheticExample]) -> None:
    for example in itertools.islice(examples, 3):
        again = build_shape(example.category, example.instance_seed)
        assert np.array_equal(again.mesh.vertices, example.mesh.vertices)
        assert again.description == example.description


@pytest.mark.parametrize(
    ("azimuth", "elevation", "axis_towards_camera"), [(0, 0, (0, 0, 1)), (90, 0, (1, 0, 0)), (0, 90, (0, 1, 0))]
)
def test_look_at_object_puts_the_named_side_nearest(
    azimuth: float, elevation: float, axis_towards_camera: tuple[int, int, int]
) -> None:
    pose = look_at_object(azimuth_degrees=azimuth, elevation_degrees=elevation, distance=3.0)
    point = transform_points(pose, np.array([axis_towards_camera], dtype=np.float64))
    assert point[0] == pytest.approx([0, 0, 2], abs=1e-9)


def test_up_is_up_in_the_image() -> None:
    pose = look_at_object(azimuth_degrees=70, elevation_degrees=20, distance=3.0)
    assert transform_points(pose, np.array([[0.0, 0.5, 0.0]]))[0, 1] < 0


def test_the_whole_object_is_in_the_image(examples: list[SyntheticExample]) -> None:
    for example in examples:
        pixels = project(transform_points(example.pose, np.asarray(example.mesh.vertices)), example.intrinsics)
        assert pixels.min() > -1e-6
        assert pixels.max() < 64 + 1e-6
        assert np.ptp(pixels, axis=0).max() > 0.25 * 64


def test_the_fixed_heldout_categories_exist_in_every_tier() -> None:
    assert set(HELDOUT_CATEGORIES) <= set(CATEGORIES)
    assert len({describe(name).complexity for name in HELDOUT_CATEGORIES}) == 3


def test_a_split_without_categories_is_refused() -> None:
    with pytest.raises(ValueError, match="no category is left"):
        next(synthetic_examples(seed=0, count=1, image_px=32, split="heldout", heldout_categories=("unicorn",)))
