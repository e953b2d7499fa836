"""Synthetic training examples: a shape of the library in front of a made-up background, with everything known.

Camera, light and background are drawn by small functions that can be used apart. An example depends only on
(seed, split, index), so shards are ranges of indices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from engine.contracts.cameras import Intrinsics, unproject
from engine.contracts.poses import Pose, quaternion_from_rotation, rotation_from_quaternion
from training_loop.rendering import Light, Rendering, render
from training_loop.shape_library import CATEGORIES, ShapeInstance, build_shape
from training_loop.split import TRAIN_CATEGORIES
from training_loop.voxels import voxelise

Split = Literal["train", "heldout"]

_MIN_VISIBLE_PX_SHARE = 0.01
_ATTEMPTS = 20


@dataclass(frozen=True)
class SyntheticExample:
    """One rendered target with its ground truth.

    `image` (H, W, 3) uint8; `mask` (H, W) bool; `point_map` (H, W, 3) float32 in the camera frame, NaN where unknown;
    `pose` takes the object frame to the camera frame; `occupancy` (R, R, R) bool indexed [x, y, z] in the object frame.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    point_map: NDArray[np.float32]
    intrinsics: Intrinsics
    pose: Pose
    occupancy: NDArray[np.bool_]
    category: str
    mesh: trimesh.Trimesh
    description: str
    instance_seed: int


def synthetic_examples(
    *,
    seed: int,
    count: int,
    image_px: int,
    split: Split,
    start: int = 0,
    heldout_categories: Sequence[str] = (),
    resolution: int = 64,
) -> Iterator[SyntheticExample]:
    """Yield examples `start` … `start + count - 1` of the endless sequence of (seed, split).

    Instances of the two splits never coincide, and training never draws the categories that `training_loop.split` holds
    out. With `heldout_categories`, it leaves those out as well, and the held-out split draws nothing else.
    """
    chosen = categories_of(split, heldout_categories)
    for index in range(start, start + count):
        rng = np.random.default_rng([seed, split == "heldout", index])
        yield draw_example(rng, categories=chosen, split=split, image_px=image_px, resolution=resolution)


def categories_of(split: Split, heldout_categories: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the library's categories that a split may draw: for training those of `training_loop.split`, else all.

    Raises:
        ValueError: none is left.
    """
    known = TRAIN_CATEGORIES if split == "train" else CATEGORIES
    chosen = tuple(
        name for name in known if not heldout_categories or (name in heldout_categories) == (split == "heldout")
    )
    if not chosen:
        raise ValueError(f"no category is left for split {split!r}; heldout_categories={tuple(heldout_categories)}")
    return chosen


def sample_shape(rng: np.random.Generator, categories: Sequence[str], split: Split) -> ShapeInstance:
    """Draw an instance; even seeds train, odd ones are held out."""
    category = categories[int(rng.integers(len(categories)))]
    return build_shape(category, 2 * int(rng.integers(2**30)) + (split == "heldout"))


def draw_example(
    rng: np.random.Generator, *, categories: Sequence[str], split: Split, image_px: int, resolution: int = 64
) -> SyntheticExample:
    """Draw one example: shape, camera, light, background, sensor noise."""
    shape = sample_shape(rng, categories, split)
    vertices = np.asarray(shape.mesh.vertices)
    for _ in range(_ATTEMPTS):
        intrinsics = sample_intrinsics(rng, image_px)
        pose = sample_pose(rng, intrinsics, vertices)
        light = sample_light(rng)
        rendering = render(shape.mesh, pose, intrinsics, light, cull_backfaces=True, antialias=3)
        if rendering.mask.mean() >= _MIN_VISIBLE_PX_SHARE:
            break
    else:
        raise RuntimeError(f"no camera sees {shape.category} with seed {shape.seed}")
    floor_object = float(vertices[:, 1].min())
    background, background_depth = sample_background(rng, intrinsics, pose, floor_object)
    image, depth = composite(rendering, background, background_depth)
    return SyntheticExample(
        image=add_sensor_noise(rng, image),
        mask=rendering.mask,
        point_map=unproject(depth.astype(np.float64), intrinsics).astype(np.float32),
        intrinsics=intrinsics,
        pose=pose,
        occupancy=voxelise(shape.mesh, resolution),
        category=shape.category,
        mesh=shape.mesh,
        description=shape.description,
        instance_seed=shape.seed,
    )


def look_at_object(
    *,
    azimuth_degrees: float,
    elevation_degrees: float,
    distance: float,
    roll_degrees: float = 0.0,
    scale: float = 1.0,
    offset_camera: tuple[float, float] = (0.0, 0.0),
) -> Pose:
    """Pose of an object seen from the given side: azimuth 0 looks at its front (+Z), elevation is above its horizon.

    `distance` is the object's depth; `offset_camera` shifts it right and down, all in the camera's unit.
    """
    azimuth, elevation, roll = np.deg2rad([azimuth_degrees, elevation_degrees, roll_degrees])
    towards = np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    right = np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)])
    forward = -towards
    down = np.cross(forward, right)
    upright = np.stack([right, down, forward])
    cosine, sine = np.cos(roll), np.sin(roll)
    rotation = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]]) @ upright
    return Pose(
        rotation_wxyz=quaternion_from_rotation(rotation),
        translation=(offset_camera[0], offset_camera[1], distance),
        scale=(scale, scale, scale),
    )


def sample_intrinsics(rng: np.random.Generator, image_px: int) -> Intrinsics:
    """A square image with a field of view of 30 to 60 degrees."""
    field_of_view = np.deg2rad(rng.uniform(30, 60))
    focal_px = float(image_px / 2 / np.tan(field_of_view / 2))
    return Intrinsics(fx=focal_px, fy=focal_px, cx=image_px / 2, cy=image_px / 2, width=image_px, height=image_px)


def sample_pose(rng: np.random.Generator, intrinsics: Intrinsics, vertices: NDArray[np.float64]) -> Pose:
    """An upright-biased view of the object with these `vertices` (n, 3), object frame.

    Any azimuth, elevation −10 to 50°, a little roll, 0.1 to 2 units large; its longer side spans 35 to 95 % of the
    image and it lies inside, rather towards the middle.
    """
    upright = look_at_object(
        azimuth_degrees=float(rng.uniform(0, 360)),
        elevation_degrees=float(np.clip(rng.normal(18, 16), -10, 50)),
        roll_degrees=float(rng.normal(0, 4)),
        distance=1.0,
    )
    return place_in_image(
        upright.rotation_wxyz,
        intrinsics,
        vertices,
        scale=float(np.exp(rng.uniform(np.log(0.1), np.log(2.0)))),
        span_px=float(rng.uniform(0.35, 0.95)) * intrinsics.width,
        position=np.clip(rng.normal(0, 0.25, size=2), -0.5, 0.5),
    )


def place_in_image(
    rotation_wxyz: tuple[float, float, float, float],
    intrinsics: Intrinsics,
    vertices: NDArray[np.float64],
    *,
    scale: float,
    span_px: float,
    position: NDArray[np.float64],
) -> Pose:
    """Choose the translation so that the turned object's longer side spans at most `span_px`.

    `position` (2,) shifts it right and down: ±0.5 brings it to the image's border, 0 leaves it in the middle.
    """
    turned = vertices @ rotation_from_quaternion(rotation_wxyz).T
    low, high = turned.min(axis=0), turned.max(axis=0)
    extent, middle = scale * (high - low), scale * (high + low) / 2
    # The span holds at the depth of the nearest point, so perspective keeps the object inside.
    nearest = intrinsics.fx * float(extent[:2].max()) / span_px
    room_px = np.array([intrinsics.width, intrinsics.height]) - intrinsics.fx * extent[:2] / nearest
    centre = position * room_px * nearest / intrinsics.fx - middle[:2]
    return Pose(
        rotation_wxyz, (float(centre[0]), float(centre[1]), nearest - scale * float(low[2])), (scale, scale, scale)
    )


def sample_light(rng: np.random.Generator) -> Light:
    """A light from above and in front, of random strength.

    Source: paper B.3 (random direction and intensity of the input's lighting).
    """
    azimuth = rng.uniform(-1.2, 1.2)
    height = rng.uniform(0.2, 1.0)
    ambient = rng.uniform(0.25, 0.6)
    return Light(
        direction_camera=(float(np.sin(azimuth)), float(-height), float(-np.cos(azimuth))),
        directional=float(rng.uniform(0.4, 1.0 - ambient / 2)),
        ambient=float(ambient),
    )


def sample_background(
    rng: np.random.Generator, intrinsics: Intrinsics, pose: Pose, floor_object: float
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Colours (H, W, 3) and depth (H, W), NaN unknown, of what is behind: a wall, mostly with a floor."""
    wall = noise_texture(rng, intrinsics.height, intrinsics.width) if rng.random() < 0.6 else gradient(rng, intrinsics)
    depth = np.full((intrinsics.height, intrinsics.width), np.nan, dtype=np.float32)
    if rng.random() < 0.65:
        return lay_floor(rng, wall, depth, intrinsics, pose, floor_object)
    return wall, depth


def sample_tone(rng: np.random.Generator) -> NDArray[np.float64]:
    """A colour (3,) as rooms and landscapes have: mostly muted."""
    grey = rng.uniform(40, 215)
    return np.clip(grey + rng.normal(0, 1, size=3) * rng.uniform(2, 45), 0, 255)


def gradient(rng: np.random.Generator, intrinsics: Intrinsics) -> NDArray[np.uint8]:
    """A smooth passage between two colours in a random direction, (H, W, 3)."""
    first, second = sample_tone(rng), sample_tone(rng)
    angle = rng.uniform(0, 2 * np.pi)
    v, u = np.mgrid[0 : intrinsics.height, 0 : intrinsics.width] / max(intrinsics.height, intrinsics.width) - 0.5
    share = np.clip(0.5 + np.cos(angle) * u + np.sin(angle) * v, 0, 1)[..., None]
    return np.asarray(first * share + second * (1 - share)).astype(np.uint8)


def noise_texture(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """Cloudy colour noise in a few octaves around a random tone, (height, width, 3)."""
    total = np.tile(sample_tone(rng), (height, width, 1))
    for cells in (3, 7, 19):
        brightness, tint = rng.normal(0, 1, size=(cells, cells, 1)), rng.normal(0, 0.3, size=(cells, cells, 3))
        patch = (brightness + tint) * rng.uniform(4, 28)
        for channel in range(3):
            layer = Image.fromarray(patch[..., channel].astype(np.float32))
            total[..., channel] += np.asarray(layer.resize((width, height), Image.Resampling.BICUBIC))
    return np.clip(total, 0, 255).astype(np.uint8)


def lay_floor(
    rng: np.random.Generator,
    wall: NDArray[np.uint8],
    wall_depth: NDArray[np.float32],
    intrinsics: Intrinsics,
    pose: Pose,
    floor_object: float,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Paint a textured floor through the object's lowest point, with a soft contact shadow, up to a random reach."""
    up = rotation_from_quaternion(pose.rotation_wxyz)[:, 1]
    origin = np.asarray(pose.translation) + up * floor_object * pose.scale[1]
    rays = unproject(np.ones((intrinsics.height, intrinsics.width)), intrinsics)
    height_of_camera = -(origin @ up)
    falling = -(rays @ up)
    if height_of_camera <= 0:
        return wall, wall_depth
    with np.errstate(divide="ignore"):
        depth = np.where(falling > 1e-6, height_of_camera / falling, np.inf)
    reach = pose.translation[2] * rng.uniform(1.5, 4.0)
    floor = depth < reach
    points = rays * np.where(floor, depth, 1.0)[..., None] - origin
    across = np.cross(up, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    along = np.cross(across, up)
    u, v = points @ across / pose.scale[0], points @ along / pose.scale[0]
    texture = noise_texture(rng, 64, 64).astype(np.float64)
    if rng.random() < 0.5:
        tile = rng.uniform(0.2, 0.7)
        checks = (np.floor(u / tile) + np.floor(v / tile)) % 2
        strength = rng.uniform(0.05, 0.4)
    else:
        checks, strength = np.zeros_like(u), 0.0
    zoom = rng.uniform(8, 30)
    color = texture[np.floor(u * zoom).astype(int) % 64, np.floor(v * zoom).astype(int) % 64]
    color = color * (1 - strength * checks)[..., None]
    shadow = rng.uniform(0.1, 0.55) * np.exp(-(u**2 + v**2) / rng.uniform(0.08, 0.25))
    color = color * (1 - shadow)[..., None]
    image = np.where(floor[..., None], np.clip(color, 0, 255), wall).astype(np.uint8)
    return image, np.where(floor, depth, wall_depth).astype(np.float32)


def composite(
    rendering: Rendering, background: NDArray[np.uint8], background_depth: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Put the object in front of the background; returns image and depth."""
    return rendering.over(background), np.where(rendering.mask, rendering.depth, background_depth)


def add_sensor_noise(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Exposure and grain of a camera."""
    exposure = rng.uniform(0.8, 1.2)
    grain = rng.normal(0, rng.uniform(0.5, 5.0), size=image.shape)
    return np.clip(image * exposure + grain, 0, 255).astype(np.uint8)
