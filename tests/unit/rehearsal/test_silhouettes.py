"""A scripted person tells a fitting mesh from a wrong one by its outline."""

import numpy as np
import trimesh

from engine.rehearsal.silhouettes import best_view, mask_silhouette, view_rotation


def upright_bar_mask() -> np.ndarray:
    mask = np.zeros((100, 120), dtype=bool)
    mask[10:90, 50:80] = True
    return mask


def upright_cylinder(*, radius: float, height: float) -> trimesh.Trimesh:
    cylinder = trimesh.creation.cylinder(radius, height)
    cylinder.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [1, 0, 0]))
    return cylinder


def test_a_mesh_of_the_same_proportions_covers_the_mask() -> None:
    assert best_view(upright_cylinder(radius=0.1875, height=1.0), upright_bar_mask()).iou > 0.95


def test_a_cube_explains_an_upright_bar_worse_than_a_cylinder_of_its_proportions() -> None:
    mask = upright_bar_mask()
    cylinder = best_view(upright_cylinder(radius=0.1875, height=1.0), mask).iou
    assert best_view(trimesh.creation.box((1, 1, 1)), mask).iou < cylinder - 0.2


def test_the_outline_keeps_its_aspect_ratio_and_ignores_where_it_lies() -> None:
    moved = np.roll(upright_bar_mask(), (5, -20), axis=(0, 1))
    np.testing.assert_array_equal(mask_silhouette(moved), mask_silhouette(upright_bar_mask()))
    rows, columns = np.nonzero(mask_silhouette(moved))
    assert abs(np.ptp(rows) / np.ptp(columns) - 80 / 30) < 0.3


def test_up_stays_up_and_a_higher_eye_sees_the_top_nearer() -> None:
    up = np.array([0.0, 1.0, 0.0])
    level = view_rotation(azimuth_degrees=30, elevation_degrees=0) @ up
    np.testing.assert_allclose(level, [0, -1, 0], atol=1e-12)
    from_above = view_rotation(azimuth_degrees=30, elevation_degrees=40) @ up
    assert from_above[2] < 0
