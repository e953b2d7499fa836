"""A small z-buffer rasteriser in numpy. Camera: OpenCV; pixel centres at integer + 0.5."""

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, transform_points
from training_loop.triangle_coverage import cover

_NEAR = 1e-3


@dataclass(frozen=True)
class Light:
    """One directional light and an ambient one. `direction_camera` points from the scene towards the light."""

    direction_camera: tuple[float, float, float] = (-0.35, -0.8, -0.5)
    directional: float = 0.75
    ambient: float = 0.4


@dataclass(frozen=True)
class Rendering:
    """What the camera sees: color (H, W, 3) uint8, black outside; depth z (H, W) float32, NaN outside; mask (H, W)."""

    color: NDArray[np.uint8]
    depth: NDArray[np.float32]
    mask: NDArray[np.bool_]


def render(
    mesh: trimesh.Trimesh,
    camera_from_object: Pose,
    intrinsics: Intrinsics,
    light: Light | None = None,
    *,
    cull_backfaces: bool = False,
) -> Rendering:
    """Render a mesh with its vertex colours (grey without) under flat Lambert shading.

    `cull_backfaces` halves the work and changes nothing for closed, consistently wound meshes seen from outside.
    Triangles that cross the near plane are clipped at it.
    """
    light = light or Light()
    height, width = intrinsics.height, intrinsics.width
    points = transform_points(camera_from_object, np.asarray(mesh.vertices, dtype=np.float64))
    corners = points[np.asarray(mesh.faces)]
    rgb = vertex_rgb(mesh)[np.asarray(mesh.faces)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    towards_camera = np.einsum("ij,ij->i", normals, corners[:, 0]) < 0
    if cull_backfaces:
        corners, rgb, normals = corners[towards_camera], rgb[towards_camera], normals[towards_camera]
    else:
        normals[~towards_camera] *= -1
    shade = _lambert(normals, light)
    corners, rgb, shade = _clip_near(corners, rgb, shade)

    inverse_depth = 1.0 / corners[:, :, 2]
    focal, centre = np.array([intrinsics.fx, intrinsics.fy]), np.array([intrinsics.cx, intrinsics.cy])
    screen = corners[:, :, :2] * inverse_depth[:, :, None] * focal + centre
    coverage = cover(screen, width, height)

    pixel = coverage.row * width + coverage.column
    # Linear in the image: the inverse depth. The largest one is nearest.
    weights = coverage.weights * inverse_depth[coverage.triangle]
    nearness = weights.sum(axis=1)
    nearest = np.zeros(height * width)
    np.maximum.at(nearest, pixel, nearness)
    winner = np.flatnonzero(nearness == nearest[pixel])
    pixel, triangle = pixel[winner], coverage.triangle[winner]
    weights = weights[winner] / nearness[winner, None]

    color = np.zeros((height * width, 3), dtype=np.uint8)
    lit = np.einsum("ij,ijk->ik", weights, rgb[triangle]) * shade[triangle, None]
    color[pixel] = np.clip(lit + 0.5, 0, 255).astype(np.uint8)
    depth = np.full(height * width, np.nan, dtype=np.float32)
    depth[pixel] = 1.0 / nearness[winner]
    mask = nearest > 0
    return Rendering(color.reshape(height, width, 3), depth.reshape(height, width), mask.reshape(height, width))


def vertex_rgb(mesh: trimesh.Trimesh) -> NDArray[np.float64]:
    """Return the (n, 3) vertex colours in 0..255, mid grey for a mesh without any."""
    visual = mesh.visual
    if isinstance(visual, trimesh.visual.color.ColorVisuals) and visual.kind is not None:
        return np.asarray(visual.vertex_colors, dtype=np.float64)[:, :3]
    return np.full((len(mesh.vertices), 3), 160.0)


def _lambert(normals: NDArray[np.float64], light: Light) -> NDArray[np.float64]:
    direction = np.asarray(light.direction_camera, dtype=np.float64)
    direction = direction / np.linalg.norm(direction)
    length = np.linalg.norm(normals, axis=1)
    cosine = normals @ direction / np.where(length > 0, length, 1.0)
    return np.asarray(light.ambient + light.directional * np.clip(cosine, 0.0, None))


def _clip_near(
    corners: NDArray[np.float64], rgb: NDArray[np.float64], shade: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Cut triangles (m, 3, 3) at the near plane; colours and shades follow."""
    in_front = corners[:, :, 2] > _NEAR
    count = in_front.sum(axis=1)
    if (count == 3).all():
        return corners, rgb, shade
    whole = count == 3
    kept = [np.flatnonzero(whole)]
    pieces = [np.concatenate([corners[whole], rgb[whole]], axis=2)]
    for inside in (1, 2):
        index = np.flatnonzero(count == inside)
        # Rotate so that the odd corner out (the one alone on its side of the plane) comes first.
        alone = np.argmax(in_front[index] == (inside == 1), axis=1)
        order = (alone[:, None] + np.arange(3)) % 3
        values = np.concatenate([corners[index], rgb[index]], axis=2)[np.arange(index.size)[:, None], order]
        apex, left, right = values[:, 0], values[:, 1], values[:, 2]
        left_cut, right_cut = _cut(apex, left), _cut(apex, right)
        if inside == 1:
            pieces.append(np.stack([apex, left_cut, right_cut], axis=1))
            kept.append(index)
        else:
            pieces.append(np.stack([left_cut, left, right], axis=1))
            pieces.append(np.stack([left_cut, right, right_cut], axis=1))
            kept.extend([index, index])
    values = np.concatenate(pieces)
    return values[:, :, :3], values[:, :, 3:], shade[np.concatenate(kept)]


def _cut(start: NDArray[np.float64], stop: NDArray[np.float64]) -> NDArray[np.float64]:
    """Point (with its colour) where each segment meets the near plane."""
    share = (_NEAR - start[:, 2]) / (stop[:, 2] - start[:, 2])
    point = start + share[:, None] * (stop - start)
    point[:, 2] = _NEAR
    return np.asarray(point)
