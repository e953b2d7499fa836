"""The rasteriser against closed forms."""

import numpy as np
import pytest
import trimesh

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose
from training_loop.rendering import Light, render

CAMERA = Intrinsics(fx=100.0, fy=100.0, cx=48.0, cy=48.0, width=96, height=96)


def posed(x: float = 0.0, y: float = 0.0, z: float = 3.0, scale: float = 1.0) -> Pose:
    return Pose(rotation_wxyz=(1.0, 0.0, 0.0, 0.0), translation=(x, y, z), scale=(scale, scale, scale))


def rectangle(depth: float, half: float, color: tuple[int, int, int] = (200, 200, 200)) -> trimesh.Trimesh:
    corners = [(-half, -half, depth), (half, -half, depth), (half, half, depth), (-half, half, depth)]
    return trimesh.Trimesh(
        corners, [[0, 1, 2], [0, 2, 3]], vertex_colors=np.tile([*color, 255], (4, 1)).astype(np.uint8), process=False
    )


def test_cube_silhouette_is_its_near_face() -> None:
    result = render(trimesh.creation.box((1, 1, 1)), posed(z=2.5), CAMERA)
    # The near face at z = 2 spans 100 · 1 / 2 = 50 pixels: pixels 23 … 72.
    expected = np.zeros((96, 96), dtype=bool)
    expected[23:73, 23:73] = True
    assert np.array_equal(result.mask, expected)
    assert result.depth[expected] == pytest.approx(2.0, abs=1e-5)
    assert np.isnan(result.depth[~expected]).all()
    assert (result.color[~expected] == 0).all()


def test_x_is_right_and_y_is_down() -> None:
    result = render(trimesh.creation.box((1, 1, 1)), posed(x=0.6, y=0.3, z=5.0), CAMERA)
    rows, columns = np.nonzero(result.mask)
    assert columns.mean() + 0.5 == pytest.approx(48 + 100 * 0.6 / 5, abs=1.5)
    assert rows.mean() + 0.5 == pytest.approx(48 + 100 * 0.3 / 5, abs=1.5)


def test_depth_of_a_slanted_plane() -> None:
    # z = 3 + x: seen at u, x = a z with a = (u - cx) / fx, so z = 3 / (1 - a).
    corners = [(-2, -2, 1), (2, -2, 5), (2, 2, 5), (-2, 2, 1)]
    mesh = trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False)
    result = render(mesh, posed(z=0.0), CAMERA)
    a = (np.arange(96) + 0.5 - 48) / 100
    expected = np.broadcast_to(3 / (1 - a), (96, 96))
    covered = result.mask
    assert covered[:, 20:60].all()
    assert result.depth[covered] == pytest.approx(expected[covered], rel=1e-5)


def test_sphere_agrees_with_ray_casting() -> None:
    result = render(trimesh.creation.icosphere(subdivisions=5, radius=0.5), posed(x=0.2, z=2.0), CAMERA)
    u, v = np.meshgrid((np.arange(96) + 0.5 - 48) / 100, (np.arange(96) + 0.5 - 48) / 100)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1)
    centre = np.array([0.2, 0.0, 2.0])
    a, b, c = (rays**2).sum(-1), rays @ centre, centre @ centre - 0.25
    hit = b**2 - a * c > 0
    assert (hit != result.mask).mean() < 0.002
    both = hit & result.mask & (b**2 - a * c > 0.05)
    depth = (b - np.sqrt(np.where(hit, b**2 - a * c, 0))) / a
    assert np.abs(result.depth - depth)[both].max() < 2e-3


def test_the_nearer_surface_wins() -> None:
    near, far = rectangle(2.0, 0.2, (255, 0, 0)), rectangle(4.0, 2.0, (0, 255, 0))
    result = render(trimesh.util.concatenate([far, near]), posed(z=0.0), CAMERA, Light((0, 0, -1), 1.0, 0.0))
    assert tuple(result.color[48, 48]) == (255, 0, 0)
    assert tuple(result.color[48, 80]) == (0, 255, 0)
    assert result.depth[48, 48] == pytest.approx(2.0)


def test_neighbouring_triangles_leave_no_gap_and_share_no_pixel() -> None:
    # Corners on pixel centres: every pixel of the half-open square is hit exactly once.
    result = render(rectangle(1.0, 0.105), posed(z=0.0), CAMERA)
    assert result.mask.sum() == 21 * 21


def test_light_from_the_camera_is_brighter_than_light_from_behind() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
    front = render(ball, posed(), CAMERA, Light((0, 0, -1), 0.8, 0.2))
    back = render(ball, posed(), CAMERA, Light((0, 0, 1), 0.8, 0.2))
    assert front.color[48, 48].min() > 3 * back.color[48, 48].max()


def test_culling_changes_nothing_for_a_closed_mesh() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
    whole, culled = render(ball, posed(), CAMERA), render(ball, posed(), CAMERA, cull_backfaces=True)
    assert np.array_equal(whole.color, culled.color)
    assert np.array_equal(whole.mask, culled.mask)


def test_triangles_through_the_camera_plane_are_clipped() -> None:
    # A floor one unit below the camera, reaching behind it: each row below the horizon has depth fy / (v - cy).
    corners = [(-50, 1, -10), (50, 1, -10), (50, 1, 40), (-50, 1, 40)]
    result = render(trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False), posed(z=0.0), CAMERA)
    rows = np.arange(52, 96)
    assert result.mask[52:].all()
    assert not result.mask[:48].any()
    assert result.depth[52:, 10] == pytest.approx(100 / (rows + 0.5 - 48), rel=1e-4)


def test_a_mesh_behind_the_camera_is_not_seen() -> None:
    result = render(trimesh.creation.box((1, 1, 1)), posed(z=-3.0), CAMERA)
    assert not result.mask.any()


def test_shading_is_smooth_on_a_ball_and_flat_on_a_cube() -> None:
    light = Light((0, 0, -1), 1.0, 0.0)
    ball = render(trimesh.creation.icosphere(subdivisions=2, radius=0.5), posed(z=3.0), CAMERA, light)
    # Under parallel light from the camera the brightness of a sphere falls off as the cosine.
    u = (np.arange(96) + 0.5 - 48) / 100
    distance = np.hypot(*np.meshgrid(u, u)) * 2.85
    inner = distance < 0.4
    expected = 160 * np.sqrt(1 - (distance[inner] / 0.5) ** 2)
    assert np.abs(ball.color[inner][:, 0] - expected).max() < 10
    cube = render(trimesh.creation.box((1, 1, 1)), posed(z=2.5), CAMERA, light)
    assert np.unique(cube.color[cube.mask]).tolist() == [160]


def test_antialiasing_softens_edges_and_keeps_depth_and_mask() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.5)
    plain, soft = render(ball, posed(), CAMERA), render(ball, posed(), CAMERA, antialias=3)
    assert np.array_equal(plain.mask, soft.mask)
    assert soft.depth[soft.mask] == pytest.approx(plain.depth[plain.mask], abs=1e-5)
    share = soft.alpha.sum()
    radius_px = 100 * 0.5 / np.sqrt(9 - 0.25)
    assert share == pytest.approx(np.pi * radius_px**2, rel=0.01)
    edge = (soft.alpha > 0) & (soft.alpha < 1)
    assert 40 < edge.sum() < 200
    assert (soft.alpha[~edge & plain.mask] == 1).all()


def test_compositing_mixes_by_alpha() -> None:
    soft = render(rectangle(1.0, 0.1), posed(z=0.0), CAMERA, antialias=3)
    image = soft.over(np.full((96, 96, 3), 10, dtype=np.uint8))
    assert (image[soft.alpha == 0] == 10).all()
    assert np.array_equal(image[soft.alpha == 1], soft.color[soft.alpha == 1])


def test_an_even_number_of_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        render(rectangle(1.0, 0.1), posed(), CAMERA, antialias=2)
