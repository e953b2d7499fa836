import numpy as np
import pytest
import trimesh

from training_loop.evaluation.shape_metrics import (
    MeshError,
    compare_meshes,
    compare_points,
    normalise_to_unit_cube,
    occupancy_iou,
    sample_surface,
    surface_voxels,
)


def test_a_mesh_agrees_with_itself():
    box = trimesh.creation.box((1.0, 1.0, 1.0))
    metrics = compare_meshes(box, box, points=200_000)
    assert metrics.chamfer_l2 < 0.01
    assert metrics.f1_at_0p01 > 0.8
    assert metrics.voxel_iou > 0.7


def test_scale_and_place_are_normalised_away():
    ball = trimesh.creation.icosphere(subdivisions=3)
    moved = ball.copy()
    moved.apply_scale(7.0)
    moved.apply_translation((3.0, -1.0, 2.0))
    assert compare_meshes(ball, moved, points=5000) == compare_meshes(ball, ball, points=5000)


def test_a_known_offset_is_the_chamfer_distance():
    axis = np.linspace(-0.9, 0.9, 60)
    plane = np.stack([*np.meshgrid(axis, axis), np.zeros((60, 60))], axis=-1).reshape(-1, 3)
    near = compare_points(plane + np.array([0, 0, 0.005]), plane)
    assert near.chamfer_l2 == pytest.approx(0.005)
    assert near.f1_at_0p01 == 1.0
    far = compare_points(plane + np.array([0, 0, 0.02]), plane)
    assert far.chamfer_l2 == pytest.approx(0.02)
    assert far.f1_at_0p01 == 0.0


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    truth = np.array([[0.0, 0, 0], [0.5, 0, 0], [-0.5, 0, 0], [0, 0.5, 0]])
    # Precision 1, recall 1/4.
    assert compare_points(truth[:1], truth).f1_at_0p01 == pytest.approx(0.4)


def test_samples_are_uniform_by_area_and_on_the_surface():
    box = trimesh.creation.box((2.0, 1.0, 1.0))
    points = sample_surface(box, 20_000, seed=0)
    assert np.isclose(np.abs(points), [1.0, 0.5, 0.5], atol=1e-9).any(axis=1).all()
    # The two end faces have 2 of 10 units of area.
    assert np.isclose(np.abs(points[:, 0]), 1.0).mean() == pytest.approx(0.2, abs=0.01)


def test_normalisation_fits_the_longest_side():
    fitted = normalise_to_unit_cube(np.array([[0.0, 0, 0], [4.0, 2.0, 0]]))
    assert fitted.tolist() == [[-1.0, -0.5, 0.0], [1.0, 0.5, 0.0]]


def test_voxels_of_opposite_corners():
    assert surface_voxels(np.array([[-1.0, -1, -1], [1.0, 1, 1], [0.999, 1, 1]]), 64).tolist() == [0, 64**3 - 1]


def test_solid_overlap():
    a, b = np.zeros((4, 4, 4), dtype=bool), np.zeros((4, 4, 4), dtype=bool)
    a[:2], b[1:3] = True, True
    assert occupancy_iou(a, b) == pytest.approx(1 / 3)
    assert occupancy_iou(a & False, b & False) == 1.0


@pytest.mark.parametrize(
    ("mesh", "message"),
    [
        (trimesh.Trimesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=int)), "no vertex"),
        (trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False), "no triangle with area"),
        (trimesh.Trimesh([[0, 0, np.nan], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False), "NaN"),
        (trimesh.Trimesh([[1, 1, 1]] * 3, [[0, 1, 2]], process=False), "no extent"),
    ],
)
def test_meshes_that_cannot_be_measured(mesh, message):
    with pytest.raises(MeshError, match=message):
        compare_meshes(mesh, trimesh.creation.box())
