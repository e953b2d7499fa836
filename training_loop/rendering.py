"""A small z-buffer rasteriser in numpy. Camera: OpenCV; pixel centres at integer + 0.5."""

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, transform_points
from training_loop.triangle_coverage import cover

_NEAR = 1e-3
_CREASE_COSINE = np.cos(np.deg2rad(30))


@dataclass(frozen=True)
class Light:
    """One directional light and an ambient one. `direction_camera` points from the scene towards the light."""

    direction_camera: tuple[float, float, float] = (-0.35, -0.8, -0.5)
    directional: float = 0.75
    ambient: float = 0.4


@dataclass(frozen=True)
class Rendering:
    """What the camera sees.

    `color` (H, W, 3) uint8, black outside; `depth` (H, W) float32 z at pixel centres, NaN outside; `mask` (H, W) bool,
    whether the pixel centre is covered; `alpha` (H, W) float32, the covered share of the pixel.
    """

    color: NDArray[np.uint8]
    depth: NDArray[np.float32]
    mask: NDArray[np.bool_]
    alpha: NDArray[np.float32]

    def over(self, background: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Composite in front of a background (H, W, 3)."""
        alpha = self.alpha[..., None]
        return np.asarray(alpha * self.color + (1 - alpha) * background + 0.5).astype(np.uint8)


def render(
    mesh: trimesh.Trimesh,
    camera_from_object: Pose,
    intrinsics: Intrinsics,
    light: Light | None = None,
    *,
    cull_backfaces: bool = False,
    antialias: int = 1,
) -> Rendering:
    """Render a mesh with its vertex colours (grey without) under Lambert shading, smooth up to creases of 30°.

    `cull_backfaces` halves the work and changes nothing for closed, consistently wound meshes seen from outside.
    `antialias` (odd) averages colour and alpha over that many samples a side of each pixel; depth and mask stay those
    of the pixel centre. Triangles that cross the near plane are clipped at it.
    """
    if antialias < 1 or antialias % 2 == 0:
        raise ValueError(f"antialias must be odd so that one sample is the pixel centre, got {antialias}")
    width, height = intrinsics.width * antialias, intrinsics.height * antialias
    points = transform_points(camera_from_object, np.asarray(mesh.vertices, dtype=np.float64))
    faces = np.asarray(mesh.faces)
    corners = points[faces]
    rgb = vertex_rgb(mesh)[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals /= np.where(length > 0, length, 1.0)
    towards_camera = np.einsum("ij,ij->i", normals, corners[:, 0]) < 0
    corner_normals = _smooth_normals(normals, faces, len(points))
    if cull_backfaces:
        corners, rgb, corner_normals = corners[towards_camera], rgb[towards_camera], corner_normals[towards_camera]
    else:
        corner_normals[~towards_camera] *= -1
    corners, lit = _clip_near(corners, rgb * _lambert(corner_normals, light or Light())[:, :, None])

    inverse_depth = 1.0 / corners[:, :, 2]
    focal, centre = np.array([intrinsics.fx, intrinsics.fy]), np.array([intrinsics.cx, intrinsics.cy])
    screen = (corners[:, :, :2] * inverse_depth[:, :, None] * focal + centre) * antialias
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

    color = np.zeros((height * width, 3), dtype=np.float32)
    color[pixel] = np.clip(np.einsum("ij,ijk->ik", weights, lit[triangle]), 0, 255)
    depth = np.full(height * width, np.nan, dtype=np.float32)
    depth[pixel] = 1.0 / nearness[winner]
    return _resolve(color.reshape(height, width, 3), depth.reshape(height, width), antialias)


def _resolve(color: NDArray[np.float32], depth: NDArray[np.float32], antialias: int) -> Rendering:
    """Average the samples of each pixel."""
    covered = np.isfinite(depth)
    if antialias == 1:
        return Rendering((color + 0.5).astype(np.uint8), depth, covered, covered.astype(np.float32))
    height, width = depth.shape[0] // antialias, depth.shape[1] // antialias
    cells = (height, antialias, width, antialias)
    hits = covered.reshape(cells).sum(axis=(1, 3), dtype=np.float32)
    total = color.reshape(*cells, 3).sum(axis=(1, 3))
    average = total / np.maximum(hits, 1)[..., None]
    middle = slice(antialias // 2, None, antialias)
    return Rendering(
        color=(average + 0.5).astype(np.uint8),
        depth=depth[middle, middle].copy(),
        mask=covered[middle, middle].copy(),
        alpha=hits / antialias**2,
    )


def vertex_rgb(mesh: trimesh.Trimesh) -> NDArray[np.float64]:
    """Return the (n, 3) vertex colours in 0..255, mid grey for a mesh without any."""
    visual = mesh.visual
    if isinstance(visual, trimesh.visual.color.ColorVisuals) and visual.kind is not None:
        return np.asarray(visual.vertex_colors, dtype=np.float64)[:, :3]
    return np.full((len(mesh.vertices), 3), 160.0)


def _smooth_normals(normals: NDArray[np.float64], faces: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Normals (m, 3, 3) at the corners: the vertex's mean normal, or the face's own beyond the crease angle."""
    total = np.zeros((count, 3))
    for axis in range(3):
        total[:, axis] = np.bincount(faces.ravel(), np.repeat(normals[:, axis], 3), minlength=count)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    at_corners = (total / np.where(length > 0, length, 1.0))[faces]
    gentle = np.einsum("ijk,ik->ij", at_corners, normals) > _CREASE_COSINE
    return np.where(gentle[:, :, None], at_corners, normals[:, None])


def _lambert(normals: NDArray[np.float64], light: Light) -> NDArray[np.float64]:
    """Brightness for unit normals (..., 3)."""
    direction = np.asarray(light.direction_camera, dtype=np.float64)
    cosine = normals @ (direction / np.linalg.norm(direction))
    return np.asarray(light.ambient + light.directional * np.clip(cosine, 0.0, None))


def _clip_near(
    corners: NDArray[np.float64], lit: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut triangles (m, 3, 3) at the near plane; their corners' colours (m, 3, 3) follow."""
    in_front = corners[:, :, 2] > _NEAR
    count = in_front.sum(axis=1)
    if (count == 3).all():
        return corners, lit
    values = np.concatenate([corners, lit], axis=2)
    pieces = [values[count == 3]]
    for inside in (1, 2):
        index = np.flatnonzero(count == inside)
        # Rotate so that the odd corner out (the one alone on its side of the plane) comes first.
        alone = np.argmax(in_front[index] == (inside == 1), axis=1)
        order = (alone[:, None] + np.arange(3)) % 3
        apex, left, right = np.moveaxis(values[index[:, None], order], 1, 0)
        left_cut, right_cut = _cut(apex, left), _cut(apex, right)
        if inside == 1:
            pieces.append(np.stack([apex, left_cut, right_cut], axis=1))
        else:
            pieces.append(np.stack([left_cut, left, right], axis=1))
            pieces.append(np.stack([left_cut, right, right_cut], axis=1))
    whole = np.concatenate(pieces)
    return whole[:, :, :3], whole[:, :, 3:]


def _cut(start: NDArray[np.float64], stop: NDArray[np.float64]) -> NDArray[np.float64]:
    """Point (with its colour) where each segment meets the near plane."""
    share = (_NEAR - start[:, 2]) / (stop[:, 2] - start[:, 2])
    point = start + share[:, None] * (stop - start)
    point[:, 2] = _NEAR
    return np.asarray(point)
