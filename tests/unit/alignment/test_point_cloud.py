"""The packed cloud: what goes in comes out, to a sixteenth of τ, and its first bytes already cover everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alignment.point_cloud import HEADER, MAGIC, STEPS_PER_TOLERANCE, pack_point_cloud, unpack_point_cloud
from engine.alignment.scoring import inlier_tolerance
from tests.posed_scenes import posed_scene


def packed(**changed):
    scene = posed_scene("chair")
    values = {
        "points_camera": scene.points_camera,
        "pixels": scene.pixels,
        "mask": scene.mask,
        "tolerance": inlier_tolerance(scene.points_camera, scene.mask),
    } | changed
    return pack_point_cloud(**values), values


def test_every_point_comes_back_within_a_sixteenth_of_the_tolerance():
    cloud, values = packed()
    positions, colours = unpack_point_cloud(cloud.data)
    assert (cloud.count, cloud.target_count) == (values["mask"].size, np.count_nonzero(values["mask"]))
    original = values["points_camera"].reshape(-1, 3)
    distance = np.abs(positions[:, None, :] - original[None, :50]).max(axis=2).min(axis=0)
    assert distance.max() <= values["tolerance"] / STEPS_PER_TOLERANCE
    assert np.count_nonzero(colours[:, 3]) == cloud.target_count


def test_colours_and_membership_belong_to_their_point():
    cloud, values = packed()
    positions, colours = unpack_point_cloud(cloud.data)
    nearest = np.abs(values["points_camera"].reshape(-1, 3) - positions[1000]).sum(axis=1).argmin()
    assert colours[1000, :3].tolist() == values["pixels"].reshape(-1, 3)[nearest].tolist()
    assert colours[1000, 3] == values["mask"].ravel()[nearest]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_any_prefix_covers_the_whole_view(share):
    cloud, _ = packed()
    positions, _ = unpack_point_cloud(cloud.data)
    prefix = positions[: int(share * len(positions))]
    columns = prefix[:, 0] / prefix[:, 2] * 300 + 160
    rows = prefix[:, 1] / prefix[:, 2] * 300 + 120
    cells, _, _ = np.histogram2d(rows, columns, bins=(6, 8), range=((0, 240), (0, 320)))
    assert cells.min() > 0.6 * cells.mean()


def test_a_budget_thins_the_object_and_its_surroundings_evenly():
    cloud, values = packed(most_points=4000)
    _, colours = unpack_point_cloud(cloud.data)
    assert cloud.count == len(colours) == 4000
    assert cloud.target_count == np.count_nonzero(colours[:, 3]) == min(2000, np.count_nonzero(values["mask"]))


def test_what_lies_too_far_away_to_be_told_finely_is_left_out():
    _, values = packed()
    far = values["points_camera"].copy()
    far[0, 0] = [0.0, 0.0, 1e6]
    cloud, _ = packed(points_camera=far)
    positions, _ = unpack_point_cloud(cloud.data)
    assert cloud.count == values["mask"].size - 1
    assert positions[:, 2].max() < 100


def test_unknown_points_are_left_out_and_no_point_is_no_error():
    _, values = packed()
    none = np.full_like(values["points_camera"], np.nan)
    cloud, _ = packed(points_camera=none, tolerance=None)
    assert (cloud.count, len(cloud.data)) == (0, HEADER.size)
    assert unpack_point_cloud(cloud.data)[0].shape == (0, 3)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 40), seed=st.integers(0, 1000))
def test_the_layout_holds_for_every_count(count, seed):
    draw = np.random.default_rng(seed)
    points = np.full((5, 8, 3), np.nan)
    flat = points.reshape(-1, 3)
    flat[draw.permutation(40)[:count]] = draw.normal((0, 0, 9), size=(count, 3))
    cloud = pack_point_cloud(
        points_camera=points,
        pixels=np.zeros((5, 8, 3), dtype=np.uint8),
        mask=draw.random((5, 8)) < 0.5,
        tolerance=None,
    )
    positions, colours = unpack_point_cloud(cloud.data)
    assert cloud.data[:4] == MAGIC
    assert len(cloud.data) == HEADER.size + 6 * count + (-6 * count) % 4 + 4 * count
    known = flat[np.isfinite(flat).all(axis=1)]
    assert np.sort(positions, axis=0) == pytest.approx(np.sort(known, axis=0), abs=1e-3)
    assert len(colours) == count


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="LPM1"):
        unpack_point_cloud(b"PLY\n")
