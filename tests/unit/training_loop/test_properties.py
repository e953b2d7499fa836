"""What must hold for every input, tried on many: rotations, metrics, converted weights, samples, grids.

Poses, earth mover's distance and occupancies without smoothing have theirs in `test_pose_codec`, `test_shape_metrics`
and `test_surface`.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from engine.contracts.poses import Pose, quaternion_from_rotation
from tests.unit.training_loop.tiny import made_up_examples, randomise_output, tiny_config
from training_loop.evaluation.layout_metrics import box_iou, compare_layouts, diameter, posed
from training_loop.evaluation.meshes import surface_of
from training_loop.evaluation.shape_metrics import compare_points, compare_surfaces, voxel_iou
from training_loop.models.config import full
from training_loop.models.generator import GeometryModel
from training_loop.pose_codec import rotation_6d, rotation_from_6d
from training_loop.released_weights import ENCODER, from_released, write_released
from training_loop.sampling import SamplerConfig, sample_latents, time_grid
from training_loop.surface import EmptySurface, mesh_from_logits

finite = st.floats(-1, 1)
rotations = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(random_state=seed).as_matrix())
scales = st.floats(1e-3, 1e3)


# Rotations


@given(rotation=rotations, stretch=st.floats(0.01, 100), shear=st.floats(-5, 5))
def test_six_numbers_give_the_rotation_however_they_are_stretched_and_sheared(rotation, stretch, shear):
    first, second = rotation_6d(rotation).reshape(2, 3)
    found = rotation_from_6d(np.concatenate([stretch * first, second / stretch + shear * first]))
    assert np.allclose(found, rotation, atol=1e-6)


@given(six=arrays(np.float64, 6, elements=st.floats(-10, 10)))
def test_six_numbers_give_a_rotation_or_an_error(six):
    try:
        found = rotation_from_6d(six)
    except ValueError:
        first, second = six.reshape(2, 3)
        assert np.linalg.norm(np.cross(first, second)) <= 1e-9
        return
    assert np.allclose(found @ found.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(found) == pytest.approx(1, abs=1e-6)


# Metrics

clouds = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).uniform(-1, 1, (200, 3)))


@given(ours=clouds, theirs=clouds)
@settings(max_examples=25, deadline=None)
def test_shape_metrics_are_symmetric_and_within_their_bounds(ours, theirs):
    there, back = compare_points(ours, theirs, emd_cells=32), compare_points(theirs, ours, emd_cells=32)
    for name in ("f1_at_0p01", "voxel_iou", "chamfer_l2", "emd"):
        assert getattr(there, name) == pytest.approx(getattr(back, name), abs=1e-9), name
    assert 0 <= there.f1_at_0p01 <= 1
    assert 0 <= there.voxel_iou <= 1
    assert 0 <= there.chamfer_l2 <= 2 * 3**0.5
    same = compare_points(ours, ours, emd_cells=32)
    assert (same.f1_at_0p01, same.voxel_iou, same.chamfer_l2) == (1, 1, 0)


@given(ours=clouds, theirs=clouds, rotation=rotations, shift=st.tuples(finite, finite, finite))
@settings(max_examples=25, deadline=None)
def test_distances_do_not_depend_on_where_both_shapes_are(ours, theirs, rotation, shift):
    moved = [points @ rotation.T + np.array(shift) for points in (ours, theirs)]
    before, after = compare_points(ours, theirs), compare_points(*moved)
    assert after.chamfer_l2 == pytest.approx(before.chamfer_l2, abs=1e-6)
    assert diameter(moved[0]) == pytest.approx(diameter(ours), rel=1e-9)


@given(points=clouds, order=st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_voxel_iou_counts_cells_not_points(points, order):
    doubled = np.concatenate([points, points])
    order.shuffle(rows := list(range(len(doubled))))
    assert voxel_iou(doubled[rows], points) == 1


@given(ours=clouds, theirs=clouds, scale=st.floats(0.01, 100), shift=st.tuples(finite, finite, finite))
@settings(max_examples=25)
def test_box_iou_does_not_depend_on_unit_or_origin(ours, theirs, scale, shift):
    there = box_iou(ours, theirs)
    assert 0 <= there <= 1
    assert box_iou(theirs, ours) == pytest.approx(there)
    moved = [scale * points + np.array(shift) for points in (ours, theirs)]
    assert box_iou(*moved) == pytest.approx(there, abs=1e-6)
    assert box_iou(ours, ours) == pytest.approx(1)


def block(*sizes: float) -> trimesh.Trimesh:
    """Two boxes of different sizes, one on the other: no symmetry."""
    foot = trimesh.creation.box(sizes)
    arm = trimesh.creation.box(np.array(sizes) * [0.3, 0.5, 0.9])
    arm.apply_translation(np.array(sizes) * [0.6, 0.4, 0.05])
    return trimesh.util.concatenate([foot, arm])


@given(scale=st.floats(0.05, 20), shift=st.tuples(finite, finite, finite))
@settings(max_examples=4, deadline=None)
def test_shape_metrics_see_neither_place_nor_size_of_a_prediction(scale, shift):
    truth = block(1.0, 0.6, 0.4)
    placed = truth.copy()
    placed.apply_transform(trimesh.transformations.scale_and_translate(scale, np.array(shift)))
    there = compare_surfaces(surface_of(placed), surface_of(truth), points=4000, emd_cells=None, registered=False)
    same = compare_surfaces(surface_of(truth), surface_of(truth), points=4000, emd_cells=None, registered=False)
    assert there.metrics.chamfer_l2 == pytest.approx(same.metrics.chamfer_l2, rel=1e-3)
    assert there.metrics.f1_at_0p01 == pytest.approx(same.metrics.f1_at_0p01, abs=2e-3)


@given(rotation=rotations, at=st.tuples(finite, finite, st.floats(1, 100)), scale=scales)
@settings(max_examples=4, deadline=None)
def test_layout_metrics_of_a_perfect_pose_are_perfect_wherever_it_is(rotation, at, scale):
    pose = Pose(quaternion_from_rotation(rotation), at, (scale,) * 3)
    there = posed(surface_of(block(1.0, 0.6, 0.4)), pose)
    found = compare_layouts(there, there, points=4000)
    assert found.iou_3d == pytest.approx(1)
    assert found.add_s < 0.02
    assert found.add_s_at_0p1 == 1
    assert found.icp_rot_deg < 2


# Released weights


@given(
    seed=st.integers(0, 2**32 - 1),
    blocks=st.integers(1, 2),
    heads=st.sampled_from([1, 2, 4]),
    backbone_blocks=st.integers(1, 2),
    encoder=st.booleans(),
    pickled=st.booleans(),
)
@settings(max_examples=5, deadline=None)
def test_weights_of_any_size_survive_the_released_layout(seed, blocks, heads, backbone_blocks, encoder, pickled):
    config = full()
    conditioning = replace(
        config.conditioning,
        width=48,
        image_px=28,
        point_map_px=16,
        backbone_blocks=backbone_blocks,
        backbone_width=24,
        backbone_heads=heads,
        point_width=16,
    )
    vae = replace(config.vae, channels=(16, 16, 8), blocks_per_level=1, middle_blocks=1, encoder=encoder)
    config = replace(
        config, vae=vae, conditioning=conditioning, flow=replace(config.flow, width=48, blocks=blocks, heads=heads)
    )
    torch.manual_seed(seed)
    model = GeometryModel(config)
    with TemporaryDirectory() as folder:
        files = {path.stem: path for path in write_released(model, Path(folder), pickled=pickled)}
        assert (ENCODER in files) is encoder
        back = from_released(files, config).state_dict()
    state = model.state_dict()
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], value) for name, value in state.items())


# Sampling


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = GeometryModel(tiny_config())
    randomise_output(model)
    return model.eval()


@given(
    seeds=st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=4, unique=True),
    steps=st.integers(1, 4),
    shortcut=st.booleans(),
    strength=st.sampled_from([0.0, 1.0, 7.0]),
    targets=st.integers(1, 2),
)
@settings(max_examples=12, deadline=None)
def test_a_seeds_candidate_is_the_same_alone_and_in_any_company(model, seeds, steps, shortcut, strength, targets):
    views = made_up_examples(model.config, targets).views()
    one = made_up_examples(model.config, targets).gather(torch.tensor([targets - 1])).views()
    sampler = SamplerConfig(steps=steps, shortcut=shortcut, strength=strength)
    company, again = (sample_latents(model, views, seeds, sampler) for _ in range(2))
    alone = sample_latents(model, one, seeds[-1:], sampler)
    for name, value in company.items():
        assert torch.equal(value, again[name])
        # Sums of a batch may be in another order; the noise and the steps are the same.
        assert torch.allclose(value[-1], alone[name][0], rtol=1e-3, atol=1e-4), name


@given(steps=st.integers(1, 64), rescale_t=st.floats(0.1, 10))
def test_times_go_from_noise_to_data(steps, rescale_t):
    grid = time_grid(steps, rescale_t)
    assert (grid[0], grid[-1], len(grid)) == (0, 1, steps + 1)
    assert bool((grid.diff() > 0).all())


# Surfaces


@given(seed=st.integers(0, 2**32 - 1), density=st.floats(0.0, 1.0), edge=st.sampled_from([2, 3, 8]))
@settings(max_examples=40, deadline=None)
def test_any_occupancy_gives_a_closed_surface_within_the_grid_or_says_that_it_is_empty(seed, density, edge):
    rng = np.random.default_rng(seed)
    logits = np.where(rng.random((edge,) * 3) < density, 1.0, -1.0) * rng.uniform(0.1, 10, (edge,) * 3)
    if not (logits > 0).any():
        with pytest.raises(EmptySurface):
            mesh_from_logits(logits)
        return
    mesh = mesh_from_logits(logits)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    assert np.isfinite(mesh.vertices).all()
    assert np.abs(mesh.vertices).max() <= 0.5 + 0.5 / edge


@pytest.mark.parametrize("fill", ["all", "corner", "diagonal", "shell"])
def test_boundary_cases_of_the_grid_are_closed_too(fill):
    logits = -np.ones((8, 8, 8))
    if fill == "all":
        logits[:] = 1.0
    elif fill == "corner":
        logits[0, 0, 0] = 1.0
    elif fill == "diagonal":  # two cells that touch in an edge alone
        logits[3, 3, 3] = logits[4, 4, 3] = 1.0
    else:  # a closed cavity
        logits[1:7, 1:7, 1:7] = 1.0
        logits[3:5, 3:5, 3:5] = -1.0
    mesh = mesh_from_logits(logits)
    assert mesh.is_watertight
    assert mesh.volume > 0


@given(occupied=st.sampled_from(["nothing", "one", "border", "all"]), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_the_vae_gives_finite_latents_and_logits_for_any_occupancy(model, occupied, seed):
    grid = torch.zeros(1, 64, 64, 64, dtype=torch.bool)
    if occupied == "one":
        grid[(0, *np.random.default_rng(seed).integers(0, 64, 3))] = True
    elif occupied == "border":
        grid[:] = True
        grid[:, 1:-1, 1:-1, 1:-1] = False
    elif occupied == "all":
        grid[:] = True
    with torch.no_grad():
        latents = model.vae.encode(grid)
        logits = model.vae.decode(latents)
    assert latents.shape == (1, *model.config.vae.latent_shape)
    assert logits.shape == grid.shape
    assert bool(torch.isfinite(latents).all() and torch.isfinite(logits).all())
