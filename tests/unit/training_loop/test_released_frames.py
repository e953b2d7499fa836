"""A model that speaks the released frames inside must look like any other from outside."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.contracts.poses import Pose, quaternion_from_rotation, transform_points
from tests.unit.training_loop.tiny import tiny_config
from training_loop.api import sample_candidates
from training_loop.models.config import ROTATION, SCALE, SHAPE, TRANSLATION, ConfigError
from training_loop.models.generator import GeometryModel
from training_loop.models.released_frames import layout_from_released, layout_to_released, rotation_matrix
from training_loop.models.shape_vae import ShapeVAE, y_up_from_z_up, z_up_from_y_up
from training_loop.pose_codec import (
    PoseFrame,
    encode_pose,
    frame_of_point_map,
    points_to_released_camera,
    to_released_pose,
)

UNIT_FRAME = PoseFrame(shift=(0.0, 0.0, 0.0), scene_scale=1.0)


def random_rotation(seed):
    return rotation_matrix(torch.randn(6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).numpy()


def layout_of(pose):
    target = encode_pose(pose, UNIT_FRAME)
    values = {ROTATION: target.rotation_6d, TRANSLATION: target.translation, SCALE: target.log_scale}
    return {name: torch.from_numpy(value)[None, None] for name, value in values.items()}


@pytest.mark.parametrize("seed", range(4))
def test_layouts_change_frames_as_poses_do(seed):
    pose = Pose(quaternion_from_rotation(random_rotation(seed)), (0.3, -0.2, 2.0), (0.5, 1.0, 2.0))
    expected = layout_of(to_released_pose(pose))
    released = layout_to_released(layout_of(pose))
    back = layout_from_released(released)
    for name in (ROTATION, TRANSLATION, SCALE):
        assert torch.allclose(released[name], expected[name], atol=1e-9)
        assert torch.allclose(back[name], layout_of(pose)[name], atol=1e-9)


def test_what_pointed_up_in_y_points_up_in_z():
    grid = torch.zeros(1, 8, 8, 8, dtype=torch.bool)
    grid[0, 4, 7, 2] = True  # high, and at the back
    turned = z_up_from_y_up(grid)
    # (x, y, z) → (x, -z, y), in cells counted from 0: -z becomes 7 - z.
    assert turned[0, 4, 7 - 2, 7]
    assert torch.equal(y_up_from_z_up(turned), grid)


def test_a_z_up_vae_is_the_y_up_vae_of_turned_shapes():
    config = replace(tiny_config().vae, linear_path=False)
    y_up, z_up = ShapeVAE(config).eval(), ShapeVAE(replace(config, up_axis="z")).eval()
    z_up.load_state_dict(y_up.state_dict())
    occupancy = torch.rand(1, 64, 64, 64) > 0.5
    with torch.no_grad():
        latents = z_up.encode(occupancy)
        assert torch.allclose(latents, y_up.encode(z_up_from_y_up(occupancy)), atol=1e-5)
        assert torch.allclose(z_up.decode(latents), y_up_from_z_up(y_up.decode(latents)), atol=1e-4)


def test_a_model_normalises_layouts_in_its_own_frames_and_gives_ours_back():
    config = tiny_config()
    released = replace(
        config,
        vae=replace(config.vae, up_axis="z"),
        conditioning=replace(config.conditioning, camera="pytorch3d"),
        layout_mean={ROTATION: (0.1,) * 6},
        layout_std={ROTATION: (2.0,) * 6},
    )
    model = GeometryModel(released)
    pose = Pose(quaternion_from_rotation(random_rotation(9)), (0.3, -0.2, 2.0), (0.5, 1.0, 2.0))
    layout = layout_of(pose)
    normalised = model.normalise_layout(layout)
    assert torch.allclose(normalised[TRANSLATION].flatten(), torch.tensor([-0.3, 0.2, 2.0], dtype=torch.float64))
    assert torch.allclose(normalised[ROTATION], (layout_of(to_released_pose(pose))[ROTATION] - 0.1) / 2.0, atol=1e-9)
    back = model.denormalise_layout(normalised)
    assert all(torch.allclose(back[name], layout[name], atol=1e-9) for name in layout)


def released_tiny_config():
    config = tiny_config()
    return replace(
        config,
        vae=replace(config.vae, up_axis="z"),
        conditioning=replace(config.conditioning, camera="pytorch3d"),
        layout_mean={ROTATION: (0.1,) * 6},
        layout_std={ROTATION: (0.5,) * 6},
    )


@pytest.mark.parametrize("config", [tiny_config(), released_tiny_config()], ids=["ours", "released"])
def test_whatever_frames_a_model_speaks_its_candidates_come_in_ours(config):
    torch.manual_seed(0)
    model = GeometryModel(config).eval()
    # An object without symmetry: a seat, a back, and one arm rest.
    occupancy = torch.zeros(1, 64, 64, 64, dtype=torch.bool)
    occupancy[0, 16:48, 16:32, 8:56] = True
    occupancy[0, 16:48, 16:60, 8:20] = True
    occupancy[0, 16:24, 16:44, 8:56] = True
    model.vae.start_from_principal_components(occupancy)

    points = np.random.default_rng(0).uniform([-1, -1, 2], [1, 1, 4], (24, 24, 3)).astype(np.float32)
    mask = np.zeros((24, 24), dtype=bool)
    mask[6:18, 6:18] = True
    frame = frame_of_point_map(points, mask)
    pose = Pose(quaternion_from_rotation(random_rotation(5)), (0.2, -0.1, 3.0), (1.5, 1.5, 1.5))
    target = encode_pose(pose, frame)
    layout = {ROTATION: target.rotation_6d, TRANSLATION: target.translation, SCALE: target.log_scale}
    x_1 = {name: torch.from_numpy(value).float()[None, None] for name, value in layout.items()}
    with torch.no_grad():
        x_1 = {SHAPE: model.vae.encode(occupancy), **model.normalise_layout(x_1)}

    def knows_the_answer(x, t, condition, d=None):
        return {name: (x_1.get(name, value) - value) / (1 - t[:, None, None]) for name, value in x.items()}

    model.velocity = knows_the_answer
    image = np.zeros((24, 24, 3), dtype=np.uint8)
    (sample,) = sample_candidates(model=model, image=image, mask=mask, point_map=points, seeds=[0], steps=2, cfg=0.0)
    cells = np.argwhere(occupancy[0].numpy())
    corners = np.stack([cells.min(0), cells.max(0) + 1]) / 64 - 0.5
    # The seat's centre of volume tells all axes apart; in the camera it must lie where the pose puts it.
    centre = (cells.mean(0) + 0.5) / 64 - 0.5
    fitted_centre = (centre - corners.mean(0)) / (corners[1] - corners[0]).max()
    assert sample.mesh.center_mass == pytest.approx(fitted_centre, abs=0.02)
    where = transform_points(sample.layout, sample.mesh.center_mass[None])
    assert where == pytest.approx(transform_points(pose, centre[None]), abs=0.03)


def test_points_turn_with_the_camera():
    assert np.array_equal(points_to_released_camera(np.float32([[1, 2, 3]])), np.float32([[-1, -2, 3]]))


def test_half_a_change_of_frames_is_refused():
    config = tiny_config()
    with pytest.raises(ConfigError, match="go together"):
        replace(config, vae=replace(config.vae, up_axis="z"))
