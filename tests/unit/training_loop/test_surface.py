import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_loop.surface import EmptySurface, make_well_composed, mesh_from_logits, without_cavities, without_crumbs


def centres(resolution):
    axis = (np.arange(resolution) + 0.5) / resolution - 0.5
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


def test_a_ball_comes_out_as_a_ball():
    logits = ((0.4 - np.linalg.norm(centres(64), axis=-1)) * 30).astype(np.float32)
    mesh = mesh_from_logits(logits)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=0.02)
    assert np.linalg.norm(mesh.vertices, axis=1) == pytest.approx(0.4, abs=0.01)


def test_the_surface_lies_in_the_object_frame():
    grid = centres(32)
    logits = np.where((np.abs(grid - [0.1, -0.2, 0.25]) < [0.2, 0.1, 0.15]).all(axis=-1), 4.0, -4.0).astype(np.float32)
    mesh = mesh_from_logits(logits, smoothing_steps=0)
    assert mesh.bounds.mean(axis=0) == pytest.approx([0.1, -0.2, 0.25], abs=0.02)
    assert np.diff(mesh.bounds, axis=0)[0] == pytest.approx([0.4, 0.2, 0.3], abs=0.05)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
@settings(max_examples=25, deadline=None)
def test_any_occupancy_gives_a_watertight_mesh(seed, share):
    rng = np.random.default_rng(seed)
    logits = (rng.random((9, 9, 9)) - share).astype(np.float32)
    if not (logits > 0).any():
        logits[4, 4, 4] = 1.0
    mesh = mesh_from_logits(logits, smoothing_steps=0)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0


def test_the_repair_only_fills():
    grid = np.zeros((4, 4, 4), dtype=bool)
    grid[1, 1, 1] = grid[2, 2, 1] = True
    repaired = make_well_composed(grid)
    assert (repaired | grid == repaired).all()
    assert repaired.sum() == 3


def test_nothing_is_an_error():
    with pytest.raises(EmptySurface, match="no cell is occupied"):
        mesh_from_logits(np.full((8, 8, 8), -1.0, dtype=np.float32))


def test_crumbs_go_and_large_parts_stay():
    logits = np.full((10, 10, 10), -1.0, dtype=np.float32)
    logits[:4, :4, :4] = 2.0
    logits[6:9, 6:9, 6:9] = 2.0
    logits[9, 0, 0] = 2.0
    kept = without_crumbs(logits, 0.05)
    assert kept[9, 0, 0] < 0
    assert (kept > 0).sum() == 64 + 27
    assert (without_crumbs(logits, 0.4) > 0).sum() == 64
    assert (without_crumbs(np.full((3, 3, 3), -1.0, dtype=np.float32), 0.5) < 0).all()


def test_a_shell_becomes_a_solid_and_a_bowl_stays_a_bowl():
    radius = np.linalg.norm(centres(32), axis=-1)
    shell = np.where((radius < 0.45) & (radius > 0.3), 2.0, -2.0).astype(np.float32)
    assert np.array_equal(without_cavities(shell) > 0, radius < 0.45)
    assert mesh_from_logits(without_cavities(shell)).body_count == 1
    bowl = shell.copy()
    bowl[:, 16:] = -2.0
    assert np.array_equal(without_cavities(bowl), bowl)
