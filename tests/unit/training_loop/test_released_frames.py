"""A model that speaks the released frames inside must look like any other from outside."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.contracts.poses import Pose, quaternion_from_rotation
from tests.unit.training_loop.tiny import tiny_config
from training_loop.models.config import ROTATION, SCALE, TRANSLATION, ConfigError
from training_loop.models.generator import GeometryModel
from training_loop.models.released_frames import layout_from_released, layout_to_released, rotation_matrix
from training_loop.models.shape_vae import ShapeVAE, y_up_from_z_up, z_up_from_y_up
from training_loop.pose_codec import PoseFrame, encode_pose, points_to_released_camera, to_released_pose

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


def test_points_turn_with_the_camera():
    assert np.array_equal(points_to_released_camera(np.float32([[1, 2, 3]])), np.float32([[-1, -2, 3]]))


def test_half_a_change_of_frames_is_refused():
    config = tiny_config()
    with pytest.raises(ConfigError, match="go together"):
        replace(config, vae=replace(config.vae, up_axis="z"))
