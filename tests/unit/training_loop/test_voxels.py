"""Occupancy against solids whose volume is known."""

import numpy as np
import pytest
import trimesh

from training_loop.shape_library.parts import Part, assemble, box, ellipsoid, lathe
from training_loop.voxels import occupied_centres, voxelise


def joined(*parts: Part) -> trimesh.Trimesh:
    return trimesh.util.concatenate([trimesh.Trimesh(part.vertices, part.faces, process=False) for part in parts])


def cube(size: float, *centre: float) -> Part:
    return box(size, size, size).moved(centre[0], centre[1] - size / 2, centre[2])


def test_sphere_has_its_volume_and_its_shape() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.4)
    occupancy = voxelise(ball, 64)
    assert occupancy.mean() == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=0.01)
    distance = np.linalg.norm(occupied_centres(occupancy), axis=1)
    assert distance.max() < 0.4
    centres = (np.indices((64, 64, 64)) + 0.5) / 64 - 0.5
    expected = np.linalg.norm(centres, axis=0) < 0.395
    assert not (expected & ~occupancy).any()


def test_axes_are_x_y_z() -> None:
    occupancy = voxelise(joined(cube(0.25, 0.3, 0.1, -0.2)), 40)
    assert occupied_centres(occupancy).mean(axis=0) == pytest.approx([0.3, 0.1, -0.2], abs=1e-6)


def test_box_on_cell_boundaries_is_exact() -> None:
    occupancy = voxelise(joined(cube(0.5, 0, 0, 0)), 64)
    assert occupancy.sum() == 32**3
    assert occupancy[16:48, 16:48, 16:48].all()


def test_edges_through_cell_centres_leave_no_holes() -> None:
    # At resolution 5 the diagonals of the cube's faces run exactly through cell centres.
    assert voxelise(joined(cube(1.0, 0, 0, 0)), 5).all()


def test_overlapping_and_nested_parts_are_one_solid() -> None:
    overlapping = voxelise(joined(cube(0.4, -0.1, 0, 0), cube(0.4, 0.1, 0, 0)), 50)
    assert overlapping.mean() == pytest.approx(0.6 * 0.4 * 0.4, rel=1e-6)
    nested = voxelise(joined(cube(0.8, 0, 0, 0), cube(0.2, 0, 0, 0)), 50)
    assert nested.mean() == pytest.approx(0.8**3, rel=1e-6)


def test_a_cavity_is_empty() -> None:
    outer, inner = cube(0.8, 0, 0, 0), cube(0.4, 0, 0, 0)
    hollow = voxelise(joined(outer, Part(inner.vertices, inner.faces[:, ::-1])), 50)
    assert hollow.mean() == pytest.approx(0.8**3 - 0.4**3, rel=1e-6)
    assert not hollow[25, 25, 25]


def test_a_hollow_vessel_is_empty_inside() -> None:
    profile = [(0, -0.4), (0.4, -0.4), (0.4, 0.4), (0.3, 0.4), (0.3, -0.3), (0, -0.3)]
    occupancy = voxelise(joined(lathe(profile)), 64)
    assert not occupancy[32, 20:, 32].any()
    assert occupancy[32, 8, 32]
    assert occupancy[54, 32, 32]


def test_an_open_surface_is_filled_by_the_vote_of_the_axes() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.4)
    ball.update_faces(ball.triangles_center[:, 1] < 0.38)
    assert not ball.is_watertight
    occupancy = voxelise(ball, 48)
    assert occupancy.mean() == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=0.05)


def test_seams_between_coinciding_vertices_do_not_matter() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.4)
    loose = trimesh.Trimesh(ball.triangles.reshape(-1, 3), np.arange(3 * len(ball.faces)).reshape(-1, 3), process=False)
    assert not loose.is_watertight
    assert np.array_equal(voxelise(loose, 32), voxelise(ball, 32))


def test_a_randomly_wound_surface_is_filled() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.4)
    faces = ball.faces.copy()
    flip = np.random.default_rng(0).random(len(faces)) < 0.5
    faces[flip] = faces[flip][:, ::-1]
    occupancy = voxelise(trimesh.Trimesh(ball.vertices, faces, process=False), 32)
    assert (occupancy & voxelise(ball, 32)).sum() == voxelise(ball, 32).sum()
    assert occupancy.mean() == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=0.1)


def test_a_doubled_surface_is_filled() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.4)
    doubled = trimesh.Trimesh(ball.vertices, np.concatenate([ball.faces, ball.faces[:, ::-1]]), process=False)
    assert np.array_equal(voxelise(doubled, 32), voxelise(ball, 32))


def test_a_sheet_has_no_inside() -> None:
    sheet = trimesh.Trimesh([[-0.4, 0.01, -0.4], [0.4, 0.01, -0.4], [0, 0.01, 0.4]], [[0, 1, 2]], process=False)
    assert not voxelise(sheet, 32).any()


def test_what_crossing_sheets_shut_off_is_full_and_an_open_bowl_is_not() -> None:
    walls = []
    for axis in range(3):
        for level in (-0.3, 0.3):
            corners = np.full((4, 3), level)
            corners[:, [(axis + 1) % 3, (axis + 2) % 3]] = 0.4 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
            walls.append(trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False))
    shut = voxelise(trimesh.util.concatenate(walls), 40)
    assert shut[8:32, 8:32, 8:32].all()
    assert shut.sum() == 24**3
    bowl = trimesh.creation.icosphere(subdivisions=3, radius=0.4)
    bowl.update_faces(bowl.triangles_center[:, 1] < 0)
    assert voxelise(bowl, 32).mean() < 0.5 * 4 / 3 * np.pi * 0.4**3


def test_parts_outside_the_grid_are_cut_off() -> None:
    occupancy = voxelise(joined(cube(1.0, 0.5, 0, 0)), 10)
    assert occupancy[5:].all()
    assert not occupancy[:5].any()


def test_bad_input_is_refused() -> None:
    mesh = assemble([ellipsoid(1, 1, 1)])
    with pytest.raises(ValueError, match="resolution"):
        voxelise(mesh, 0)
    mesh.vertices[0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        voxelise(mesh, 8)
