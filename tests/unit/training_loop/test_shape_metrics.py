import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from training_loop.evaluation.earth_mover import earth_mover_distance, equal_cells
from training_loop.evaluation.meshes import MeshError, fitted, read_surface, sample_surface, surface_of
from training_loop.evaluation.nearest import distance_tree, nearest_distances
from training_loop.evaluation.shape_metrics import (
    compare_meshes,
    compare_points,
    compare_surfaces,
    occupancy_iou,
    occupied_cells,
    voxel_iou,
)


def plane(offset: float = 0.0, count: int = 60) -> np.ndarray:
    axis = np.linspace(-0.9, 0.9, count)
    grid = np.stack([*np.meshgrid(axis, axis), np.zeros((count, count))], axis=-1).reshape(-1, 3)
    return grid + np.array([0, 0, offset])


def letter_l() -> trimesh.Trimesh:
    """No symmetry: an L with arms of different lengths and a step."""
    parts = [
        ((2.0, 0.4, 0.4), (1.0, 0.2, 0.2)),
        ((0.4, 1.2, 0.4), (0.2, 0.6, 0.2)),
        ((0.4, 0.3, 0.9), (1.2, 0.2, 0.45)),
    ]
    boxes = []
    for size, centre in parts:
        box = trimesh.creation.box(size)
        box.apply_translation(centre)
        boxes.append(box)
    return trimesh.util.concatenate(boxes)


def test_a_mesh_agrees_with_itself():
    box = trimesh.creation.box((1.0, 1.0, 1.0))
    metrics = compare_meshes(box, box, points=200_000, workers=1)
    assert metrics.chamfer_l2 < 0.01
    assert metrics.f1_at_0p01 > 0.8
    assert metrics.voxel_iou > 0.7
    assert metrics.emd < 0.02


def test_scale_and_place_are_normalised_away():
    ball = trimesh.creation.icosphere(subdivisions=3)
    moved = ball.copy()
    moved.apply_scale(7.0)
    moved.apply_translation((3.0, -1.0, 2.0))
    same, other = (compare_meshes(ball, mesh, points=5000, emd_cells=64, registered=False) for mesh in (ball, moved))
    assert vars(same) == pytest.approx(vars(other), abs=1e-6)


def test_registration_undoes_a_quarter_turn():
    shape, turned = letter_l(), letter_l()
    turned.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [0, 1, 0]))
    as_they_lie = compare_surfaces(surface_of(turned), surface_of(shape), points=20_000, emd_cells=64, registered=False)
    registered = compare_surfaces(surface_of(turned), surface_of(shape), points=20_000, emd_cells=64, workers=1)
    assert as_they_lie.registration is None
    assert registered.registration.angle_deg == pytest.approx(90.0, abs=0.2)
    assert registered.metrics.emd < 0.05 < as_they_lie.metrics.emd
    # At 20,000 points the sampling itself gives about this much.
    assert registered.metrics.chamfer_l2 < 0.012
    assert registered.metrics.voxel_iou > 0.7


def test_everything_is_the_same_on_every_run():
    shape, other = surface_of(letter_l()), surface_of(trimesh.creation.icosphere())
    first, second = (compare_surfaces(shape, other, points=4000, emd_cells=64, workers=1) for _ in range(2))
    assert first.metrics == second.metrics
    assert np.array_equal(first.registration.rotation, second.registration.rotation)


def test_a_known_offset_is_the_chamfer_distance():
    near = compare_points(plane(0.005), plane())
    assert near.chamfer_l2 == pytest.approx(0.005)
    assert near.f1_at_0p01 == 1.0
    far = compare_points(plane(0.02), plane())
    assert far.chamfer_l2 == pytest.approx(0.02)
    assert far.f1_at_0p01 == 0.0


def test_concentric_spheres_are_their_difference_apart():
    ball = sample_surface(surface_of(trimesh.creation.icosphere(subdivisions=5)), 60_000, 0).points
    metrics = compare_points(0.8 * ball, ball, emd_cells=512)
    assert metrics.chamfer_l2 == pytest.approx(0.2, abs=1e-3)
    # The best transport is radial.
    assert metrics.emd == pytest.approx(0.2, abs=2e-3)


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    truth = np.array([[0.0, 0, 0], [0.5, 0, 0], [-0.5, 0, 0], [0, 0.5, 0]])
    # Precision 1, recall 1/4.
    assert compare_points(truth[:1], truth).f1_at_0p01 == pytest.approx(0.4)


def test_few_of_the_far_points_stand_for_all():
    shapes = (trimesh.creation.icosphere(subdivisions=4), letter_l())
    ours, theirs = (sample_surface(fitted(surface_of(shape)), 60_000, 0).points for shape in shapes)
    tree = distance_tree(theirs)
    exact = tree.query(ours)[0]
    measured = nearest_distances(ours, tree, threshold=0.01, workers=1, far_samples=2_000)
    assert measured.mean == pytest.approx(exact.mean(), rel=0.01)
    assert measured.share_within == (exact < 0.01).mean()


def test_points_are_uniform_by_area_and_on_the_surface():
    box = surface_of(trimesh.creation.box((2.0, 1.0, 1.0)))
    sampled = sample_surface(box, 20_000, seed=0)
    on_face = np.isclose(np.abs(sampled.points), [1.0, 0.5, 0.5], atol=1e-9)
    assert on_face.any(axis=1).all()
    # The two end faces have 2 of 10 units of area.
    assert on_face[:, 0].mean() == pytest.approx(0.2, abs=0.01)
    assert np.array_equal(np.abs(sampled.normals[:, 0]) > 0.5, on_face[:, 0])


def test_cutting_faces_up_does_not_move_the_points_away():
    box = trimesh.creation.box((2.0, 1.0, 1.0))
    fine = box.subdivide().subdivide()
    ours, theirs = (sample_surface(surface_of(mesh), 20_000, 0).points for mesh in (box, fine))
    assert compare_points(ours, theirs).chamfer_l2 < 0.02
    assert np.abs(ours.mean(axis=0) - theirs.mean(axis=0)).max() < 0.02


def test_fitting_makes_the_longest_side_two():
    surface = surface_of(trimesh.Trimesh([[0, 0, 0], [4, 0, 0], [0, 2, 0]], [[0, 1, 2]], process=False))
    assert fitted(surface).vertices.tolist() == [[-1, -0.5, 0], [1, -0.5, 0], [-1, 0.5, 0]]


def test_voxels_of_opposite_corners_and_beyond():
    corners = np.array([[-1.0, -1, -1], [1.0, 1, 1], [0.999, 1, 1]])
    assert len(occupied_cells(corners, 64)) == 2
    # What registration moves out of the cube keeps cells of its own.
    assert voxel_iou(np.array([[1.05, 0, 0]]), np.array([[1.0, 0, 0]])) == 0.0
    assert voxel_iou(np.array([[1.000001, -1.000001, 0]]), np.array([[1.0, -1.0, 0]])) == 1.0
    assert voxel_iou(corners, corners[:1]) == 0.5


def test_solid_overlap():
    a, b = np.zeros((4, 4, 4), dtype=bool), np.zeros((4, 4, 4), dtype=bool)
    a[:2], b[1:3] = True, True
    assert occupancy_iou(a, b) == pytest.approx(1 / 3)
    assert occupancy_iou(a & False, b & False) == 1.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), shift=st.floats(-0.3, 0.3))
def test_transport_ignores_order_and_counts_shifts_exactly(seed, shift):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (256, 3))
    moved = points + np.array([shift, 0, 0])
    assert earth_mover_distance(rng.permutation(moved), points, cells=256) == pytest.approx(abs(shift), abs=1e-9)
    other = rng.uniform(-1, 1, (256, 3))
    there, back = earth_mover_distance(points, other, cells=256), earth_mover_distance(other, points, cells=256)
    assert there == pytest.approx(back)
    turned = Rotation.random(rng=seed).as_matrix()
    assert earth_mover_distance(points @ turned.T, other @ turned.T, cells=256) == pytest.approx(there)


def test_the_warm_start_does_not_change_the_best_assignment():
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(1024, 3)), rng.uniform(-1, 1, (1024, 3))
    ours, theirs = equal_cells(first, second, 1024)
    cost = cdist(ours, theirs)
    rows, columns = linear_sum_assignment(cost)
    assert earth_mover_distance(first, second, cells=1024) == pytest.approx(cost[rows, columns].mean(), abs=1e-12)


def test_cells_hold_equally_many_points():
    rng = np.random.default_rng(0)
    ours, theirs = equal_cells(rng.normal(size=(640, 3)), rng.normal(size=(320, 3)), 64)
    assert ours.shape == theirs.shape == (64, 3)
    assert np.abs(ours.mean(axis=0)).max() < 0.2
    with pytest.raises(ValueError, match="power of two"):
        earth_mover_distance(ours, theirs, cells=48)
    with pytest.raises(ValueError, match="as many points"):
        earth_mover_distance(ours, theirs, cells=128)


TRIANGLE = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (np.zeros((0, 3)), np.zeros((0, 3), dtype=int), "empty"),
        ([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], "no triangle with area"),
        ([[0, 0, np.nan], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], "NaN"),
        ([[0, 0, np.inf], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], "NaN|finite"),
        ([[1, 1, 1]] * 3, [[0, 1, 2]], "no extent"),
    ],
)
def test_meshes_that_cannot_be_measured(vertices, faces, message):
    with pytest.raises(MeshError, match=message):
        compare_meshes(trimesh.Trimesh(vertices, faces, process=False), trimesh.creation.box())


def test_unused_vertices_and_empty_faces_count_for_nothing(monkeypatch):
    stray = trimesh.Trimesh([*TRIANGLE, [9, 9, 9], [np.nan, 0, 0]], [[0, 1, 2], [0, 0, 3]], process=False)
    surface = surface_of(stray)
    assert (len(surface.vertices), surface.dropped_faces, surface.open_edges) == (3, 1, 3)
    assert surface.notes == ["1 faces without area left out", "3 open or shared edges"]
    monkeypatch.setattr("training_loop.evaluation.meshes.MAX_FACES", 1)
    with pytest.raises(MeshError, match="simplify"):
        surface_of(stray)


def test_a_mesh_that_is_no_manifold_is_measured_and_noted():
    box = trimesh.creation.box((1, 1, 1))
    fin = trimesh.Trimesh([*box.vertices, [0, 0, 1]], [*box.faces, [*box.edges_unique[0], 8]], process=False)
    surface = surface_of(fin)
    # Three faces at one edge, and two open edges of the fin.
    assert surface.notes == ["3 open or shared edges"]
    metrics = compare_meshes(fin, fin, points=2000, emd_cells=32)
    assert metrics.chamfer_l2 < 0.1


def test_a_huge_file_is_not_read(tmp_path, monkeypatch):
    trimesh.creation.box().export(tmp_path / "box.ply")
    monkeypatch.setattr("training_loop.evaluation.meshes.MAX_BYTES", 100)
    with pytest.raises(MeshError, match="at most 0 are read"):
        read_surface(tmp_path / "box.ply")


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_units_do_not_matter(scale):
    box = trimesh.creation.box((1, 2, 3))
    box.vertices *= scale
    assert np.ptp(fitted(surface_of(box)).vertices, axis=0) == pytest.approx([2 / 3, 4 / 3, 2])


def test_a_box_is_closed_and_files_of_all_kinds_are_read(tmp_path):
    box = trimesh.creation.box((1, 2, 3))
    for suffix in ("glb", "obj", "ply"):
        box.export(tmp_path / f"box.{suffix}")
        surface = read_surface(tmp_path / f"box.{suffix}")
        assert surface.open_edges == 0
        assert np.ptp(surface.vertices, axis=0) == pytest.approx([1, 2, 3])
    moved = trimesh.Scene()
    moved.add_geometry(box, transform=trimesh.transformations.translation_matrix([5, 0, 0]))
    moved.export(tmp_path / "scene.glb")
    assert read_surface(tmp_path / "scene.glb").vertices[:, 0].mean() == pytest.approx(5)


def test_files_that_hold_no_mesh(tmp_path):
    (tmp_path / "text.ply").write_text("hello")
    trimesh.PointCloud(np.eye(3)).export(tmp_path / "points.ply")
    (tmp_path / "empty.obj").write_text("")
    for name, message in (
        ("text.ply", "cannot be read"),
        ("points.ply", "no triangles"),
        ("empty.obj", "no triangles|cannot be read"),
    ):
        with pytest.raises(MeshError, match=message):
            read_surface(tmp_path / name)
