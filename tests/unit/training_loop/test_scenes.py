"""Scenes made on the device obey the rules of B.2 and agree with the exact renderer."""

import numpy as np
import pytest
import torch

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, quaternion_from_rotation
from training_loop.backdrops import UNKNOWN, Photographs
from training_loop.cameras_on_device import Camera, Dice, any_rotation, box_grid, upright_rotation, whole_box
from training_loop.compositing import layer_depths
from training_loop.models.config import ConditioningConfig
from training_loop.object_swaps import has_cue, object_swaps, swap_pose
from training_loop.rendering import render
from training_loop.scene_examples import SceneConfig, SceneExamples, encode_bank
from training_loop.scenes import PointMaps, first_true, flying_occlusions, is_well_occluded, isolated, photograph
from training_loop.shape_bank import BankBuilder, ShapeBank, distance_field, library_record
from training_loop.shape_library import build_shape
from training_loop.volume_rendering import march, object_rays

CPU = torch.device("cpu")
SHAPES = (("mug", 2), ("chair", 2), ("sofa", 4), ("bottle", 2))
VIEWS = ConditioningConfig(encoder="small", image_px=32, point_map_px=16, crop_margin=1.2, width=48)


@pytest.fixture(scope="module")
def bank() -> ShapeBank:
    builder = BankBuilder(CPU)
    for category, seed in SHAPES:
        record = library_record(category, seed)
        assert record is not None
        builder.add(record)
    return builder.bank()


@pytest.fixture(scope="module")
def photographs() -> Photographs:
    noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    return Photographs.of([noise], CPU)


def test_the_distance_field_counts_steps_to_the_nearest_full_cell():
    occupancy = torch.zeros(1, 64, 64, 64, dtype=torch.bool)
    occupancy[0, 10, 10, 10] = True
    distance = distance_field(occupancy)[0]
    assert [int(distance[10, 10, 10 + step]) for step in (0, 1, 5, 40)] == [0, 1, 5, 12]
    assert distance[13, 12, 10] == 3


def test_volumes_look_like_the_meshes_that_they_come_from(bank):
    dice = Dice(CPU, 1)
    rotation = upright_rotation(dice, len(SHAPES))
    px, focal = 64, 1.4
    camera = Camera(torch.full((len(SHAPES),), 0.5 / focal), torch.ones(len(SHAPES), 2))
    translation = torch.tensor([[0.0, 0.0, 2.0]]).expand(len(SHAPES), 3)
    rays = camera.directions(box_grid(whole_box(len(SHAPES), CPU), px))
    seen = march(bank, torch.arange(len(SHAPES)), object_rays(rays, rotation, translation, torch.ones(4)), None)
    intrinsics = Intrinsics(fx=focal * px, fy=focal * px, cx=px / 2, cy=px / 2, width=px, height=px)
    for index, (category, seed) in enumerate(SHAPES):
        pose = Pose(quaternion_from_rotation(rotation[index].double().numpy()), (0.0, 0.0, 2.0), (1.0, 1.0, 1.0))
        exact = render(build_shape(category, seed).mesh, pose, intrinsics)
        mask = seen.hit[index].view(px, px).numpy()
        assert (mask & exact.mask).sum() / (mask | exact.mask).sum() > 0.85, category
        both = mask & exact.mask
        depth = seen.depth[index].view(px, px).numpy()
        assert np.median(np.abs(depth - exact.depth)[both]) < 0.03


def test_rotations_are_rotations():
    for rotation in (upright_rotation(Dice(CPU, 0), 8), any_rotation(Dice(CPU, 0), 8)):
        identity = rotation @ rotation.transpose(1, 2)
        assert torch.allclose(identity, torch.eye(3).expand(8, 3, 3), atol=1e-5)
        assert torch.allclose(torch.linalg.det(rotation), torch.ones(8), atol=1e-5)


@pytest.mark.parametrize("kind", [isolated, flying_occlusions, object_swaps])
def test_targets_are_what_the_model_takes(kind, bank, photographs):
    dice = Dice(CPU, 3)
    targets = photograph(bank, dice, kind(bank, dice, photographs, 4), VIEWS, PointMaps())
    assert targets.views.crop.shape == targets.views.full.shape == (4, 4, 32, 32)
    assert targets.views.crop.dtype == torch.uint8
    assert targets.views.point_crop.shape == (4, 4, 16, 16)
    assert targets.views.point_crop.isfinite().all()
    assert targets.views.crop[:, 3].flatten(1).any(1).all()
    assert (targets.visible_share > 0).all()
    assert all(value.isfinite().all() for value in targets.layout.values())


def test_flying_occlusions_hide_enough_and_not_too_much(bank):
    dice = Dice(CPU, 5)
    scene = flying_occlusions(bank, dice, None, 6)
    px = 96
    depths = layer_depths(bank, scene.camera, scene.layers, whole_box(6, CPU), px)
    inside = scene.camera.inside(box_grid(whole_box(6, CPU), px)).unflatten(1, (px, px))
    behind, before = ((depth < UNKNOWN) & inside for depth in depths)
    share = (behind & ~before).sum((1, 2)) / behind.sum((1, 2))
    # Counted anew at another resolution, so a little room.
    assert ((share > 0.06) & (share < 0.94)).all()
    nearer = torch.where(behind & before, depths[1] - depths[0], -1.0)
    assert (nearer < 0).all()


def test_the_visibility_rules_at_their_limits():
    whole = torch.tensor([1000, 1000, 1000, 1000, 1000])
    visible = torch.tensor([99, 100, 900, 901, 100])
    assert is_well_occluded(whole, visible, 40_000).tolist() == [False, True, True, False, True]
    assert not is_well_occluded(whole[:1], torch.tensor([100]), 50_001)


def test_one_third_of_the_targets_is_in_front(bank):
    scenes = [flying_occlusions(bank, Dice(CPU, seed), None, 24).target for seed in range(2)]
    assert 0.15 < float(torch.cat(scenes).float().mean()) < 0.55


def test_the_first_valid_rows_are_taken_and_repeated_where_there_are_too_few():
    assert first_true(torch.tensor([False, True, False, True]), 3).tolist() == [1, 3, 1]
    with pytest.raises(RuntimeError, match="rules"):
        first_true(torch.zeros(4, dtype=torch.bool), 2)


def test_a_swapped_shape_takes_the_place_of_the_one_that_leaves():
    """A box one wide and two high, its front at depth 5, makes room for a unit cube: the narrower side decides."""
    u, v = torch.meshgrid(torch.linspace(-1, 1, 41), torch.linspace(-2, 2, 41), indexing="ij")
    points = torch.stack([u.flatten() / 2, v.flatten() / 2, torch.full((41 * 41,), 5.0)], dim=1)[None]
    cube = torch.tensor([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])[None]
    translation, scale = swap_pose(points, torch.ones(1, 41 * 41, dtype=torch.bool), cube, torch.eye(3)[None])
    assert scale.item() == pytest.approx(1.0)
    assert translation[0].tolist() == pytest.approx([0.0, 0.0, 5.5])


def test_depth_order_is_a_cue_below_and_beside():
    new = torch.full((3, 32, 32), UNKNOWN)
    new[:, 8:24, 8:24] = 5.0
    around = torch.full((3, 32, 32), UNKNOWN)
    around[0, 24:] = 4.9  # a floor that comes nearer below
    around[1, :, 20:] = 3.0  # something in front of its right side
    assert has_cue(new, around).tolist() == [True, True, False]


def test_examples_are_a_function_of_their_index(bank, photographs):
    source = SceneExamples(
        bank, torch.randn(4, 512, 8), photographs, SceneConfig({"isolated": 1.0}, repeats=2), VIEWS, seed=7
    )
    first, again, other = (source.gather(torch.arange(4) + start) for start in (0, 0, 4))
    assert torch.equal(first.crop, again.crop)
    assert not torch.equal(first.crop, other.crop)
    assert torch.equal(first.crop[0], first.crop[1])
    assert not torch.equal(first.crop[1], first.crop[2])
    assert first.shape_latents.shape == (4, 512, 8)
    assert first.has_placement.all()


def test_the_bank_is_encoded_shape_by_shape(bank, tiny_model):
    latents = encode_bank(bank, tiny_model.vae, batch_size=3)
    assert latents.shape == (4, *tiny_model.config.vae.latent_shape)
    assert torch.allclose(latents[1:2], tiny_model.vae.encode(bank.occupancy(torch.tensor([1]))), atol=1e-4)
