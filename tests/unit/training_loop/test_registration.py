"""Registration finds known motions, whatever they are, and turns nothing without need."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from tests.unit.training_loop.test_shape_metrics import letter_l
from training_loop.evaluation.meshes import SurfacePoints, fitted, sample_surface, surface_of
from training_loop.evaluation.registration import axis_rotations, register

POINTS = 20_000


def moved(points: SurfacePoints, turn: Rotation, shift: tuple[float, float, float] = (0, 0, 0)) -> SurfacePoints:
    matrix = turn.as_matrix()
    return SurfacePoints(points.points @ matrix.T + shift, points.normals @ matrix.T)


def sampled(mesh: trimesh.Trimesh, seed: int) -> SurfacePoints:
    return sample_surface(fitted(surface_of(mesh)), POINTS, seed)


def test_the_axes_have_24_rotations_and_the_first_is_none():
    rotations = axis_rotations()
    assert rotations.shape == (24, 3, 3)
    assert np.array_equal(rotations[0], np.eye(3))
    assert len({tuple(rotation.ravel()) for rotation in rotations}) == 24
    assert np.linalg.det(rotations) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(4))
def test_any_rotation_of_a_shape_without_symmetry_is_found(seed):
    turn = Rotation.random(rng=seed)
    source, target = moved(sampled(letter_l(), 0), turn, (0.1, -0.2, 0.05)), sampled(letter_l(), 1)
    found = register(source, target, workers=1)
    residual = Rotation.from_matrix(found.rotation) * turn
    assert np.degrees(residual.magnitude()) < 0.3
    assert found.angle_deg == pytest.approx(np.degrees(turn.magnitude()), abs=0.3)
    assert np.abs(found.apply(source.points).mean(axis=0) - target.points.mean(axis=0)).max() < 0.01


@pytest.mark.parametrize(
    "mesh", [trimesh.creation.box(), trimesh.creation.cylinder(0.4, 1.0), trimesh.creation.icosphere(3)]
)
def test_symmetric_shapes_are_not_turned_further_than_needed(mesh):
    # A quarter turn and ten degrees about the axis of symmetry: ten degrees are left for the box, none for the others.
    turn = Rotation.from_euler("z", 100, degrees=True)
    found = register(moved(sampled(mesh, 0), turn), sampled(mesh, 1), workers=1)
    assert found.angle_deg == pytest.approx(10.0 if len(mesh.faces) == 12 else 0.0, abs=0.5)


def test_what_is_in_place_already_stays():
    found = register(sampled(letter_l(), 0), sampled(letter_l(), 1), workers=1)
    assert found.angle_deg < 0.1
    assert found.residual <= found.unregistered


def test_floaters_do_not_turn_the_shape():
    crumb = trimesh.creation.icosphere(subdivisions=1, radius=0.05)
    crumb.apply_translation((1.9, 1.1, 0.8))
    source = sampled(trimesh.util.concatenate([letter_l(), crumb]), 0)
    assert register(source, sampled(letter_l(), 1), workers=1).angle_deg < 1.0


def test_flat_and_straight_shapes_are_registered_too():
    flat = trimesh.Trimesh([[0, 0, 0], [2, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)
    needle = trimesh.creation.cylinder(1e-4, 1.0)
    for mesh in (flat, needle):
        found = register(sampled(mesh, 0), sampled(mesh, 1), workers=1)
        assert np.isfinite(found.rotation).all()
        assert found.residual <= found.unregistered
