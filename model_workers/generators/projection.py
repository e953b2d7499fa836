"""The photograph laid on a posed surface, and what the surface shows where the photograph does not see it.

Source: paper A.2 (texture candidates for a fixed shape), B.3 (textures without the light of the photograph).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from engine.contracts.cameras import Intrinsics, project
from engine.contracts.poses import Pose, rotation_from_quaternion, transform_points
from training_loop.rendering import render

Completion = Literal["mirrored", "around", "spread", "nearest"]

# Vertices carry the colours, so a coarse surface is cut finer first, up to:
FINE_FACES = 48_000
# More than that is shown to nobody (`engine.meshes.viewing`).
MOST_FACES = 200_000
DEPTH_BUFFER_PX = 512  # its longer side; the surface hides itself, which needs no more
DEPTH_TOLERANCE_SHARE = 0.02  # of the object's size
LEAST_FACING_COSINE = 0.15  # flatter views smear one pixel over many vertices
SMOOTHING_PX = 0.7
BANDS = 48
SPREADING_ROUNDS = 200


@dataclass(frozen=True)
class Projection:
    """What the photograph says about the vertices: `colors` (n, 3) float in 0..255, true where `seen` (n,) is."""

    colors: NDArray[np.float64]
    seen: NDArray[np.bool_]


def cut_finer(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The same surface with as many vertices as colours want; one of more than MOST_FACES is reduced to it."""
    if len(mesh.faces) > MOST_FACES:
        return mesh.simplify_quadric_decimation(face_count=MOST_FACES)
    while 4 * len(mesh.faces) <= FINE_FACES:
        mesh = mesh.subdivide()
    return mesh


def project_photograph(
    mesh: trimesh.Trimesh,
    pose: Pose,
    intrinsics: Intrinsics,
    *,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
) -> Projection:
    """Sample the photograph at each vertex that faces the camera, is not hidden by the object itself, and lies in M."""
    points_camera = transform_points(pose, np.asarray(mesh.vertices))
    pixels = project(points_camera, intrinsics)
    height, width = mask.shape
    inside = np.isfinite(pixels).all(axis=1) & (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
    row, column = (np.where(inside, pixels[:, axis], 0.0).astype(int) for axis in (1, 0))
    # The rim of a mask mixes with the background.
    sure = ndimage.binary_erosion(mask, iterations=max(1, round(0.01 * np.sqrt(mask.sum()))))
    seen = inside & (sure if sure.any() else mask)[row, column]
    seen &= _faces_camera(mesh, pose, points_camera) & _in_front(mesh, pose, intrinsics, points_camera)
    colors = _smoothed_inside(image, mask)[row, column]
    return Projection(colors=np.where(seen[:, None], colors, 0.0), seen=seen)


def without_light(mesh: trimesh.Trimesh, pose: Pose, projection: Projection, *, strength: float) -> NDArray[np.float64]:
    """Seen colours with the light of the photograph taken out: brightness that follows the normals is evened.

    One far light and an even one are fitted to the brightness, luminance ≈ a + b · normal; `strength` in [0, 1] is how
    much of that is divided out.
    """
    seen = projection.seen
    luminance = projection.colors[seen].mean(axis=1)
    normals = np.asarray(mesh.vertex_normals)[seen] @ rotation_from_quaternion(pose.rotation_wxyz).T
    system = np.column_stack([np.ones(len(normals)), normals])
    light = system @ np.linalg.lstsq(system, luminance, rcond=None)[0]
    typical = max(1.0, float(np.median(luminance)))
    gain = (typical / np.clip(light, 0.35 * typical, 2.5 * typical)) ** strength
    colors = projection.colors.copy()
    colors[seen] = np.clip(colors[seen] * gain[:, None], 0, 255)
    return colors


def completed_colors(
    mesh: trimesh.Trimesh, colors: NDArray[np.float64], seen: NDArray[np.bool_], *, how: Completion
) -> NDArray[np.float64]:
    """Give every vertex a colour, (n, 3) in 0..255; those that were seen keep theirs.

    mirrored: the seen vertex nearest to the mirror image, by the plane that explains more; around: the mean at the same
    height, as on things made on a lathe; spread: a smooth passage along the surface; nearest: the nearest one.
    """
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    found = colors.copy()
    hidden = ~seen
    if not hidden.any():
        return found
    tree = cKDTree(vertices[seen])
    if how == "mirrored":
        _, nearest = min(
            (tree.query(vertices[hidden] * plane) for plane in ((-1, 1, 1), (1, 1, -1))),
            key=lambda answer: float(np.mean(answer[0])),
        )
        found[hidden] = colors[seen][nearest]
    elif how == "around":
        found[hidden] = _by_height(vertices, colors, seen)[hidden]
    else:
        _, nearest = tree.query(vertices[hidden])
        found[hidden] = colors[seen][nearest]
        if how == "spread":
            found = _spread(mesh, found, hidden)
    return found


def painted(mesh: trimesh.Trimesh, colors: NDArray[np.float64]) -> trimesh.Trimesh:
    """A copy with vertex colours (n, 3) in 0..255."""
    copy = mesh.copy()
    rgba = np.column_stack([np.clip(np.round(colors), 0, 255), np.full(len(colors), 255)]).astype(np.uint8)
    copy.visual = trimesh.visual.ColorVisuals(copy, vertex_colors=rgba)
    return copy


def _smoothed_inside(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The photograph a little smoother, (H, W, 3); inside M nothing of the background comes in."""
    inside = mask.astype(np.float64)
    share = np.maximum(ndimage.gaussian_filter(inside, SMOOTHING_PX), 1e-9)
    sums = [ndimage.gaussian_filter(image[..., channel] * inside, SMOOTHING_PX) for channel in range(3)]
    return np.asarray(np.stack(sums, axis=-1) / share[..., None])


def _faces_camera(mesh: trimesh.Trimesh, pose: Pose, points_camera: NDArray[np.float64]) -> NDArray[np.bool_]:
    normals = np.asarray(mesh.vertex_normals) @ rotation_from_quaternion(pose.rotation_wxyz).T
    to_camera = -points_camera / np.maximum(np.linalg.norm(points_camera, axis=1, keepdims=True), 1e-9)
    return np.asarray((normals * to_camera).sum(axis=1) > LEAST_FACING_COSINE)


def _in_front(
    mesh: trimesh.Trimesh, pose: Pose, intrinsics: Intrinsics, points_camera: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether nothing of the object lies between vertex and camera."""
    shrink = min(1.0, DEPTH_BUFFER_PX / max(intrinsics.width, intrinsics.height))
    small = Intrinsics(
        fx=intrinsics.fx * shrink,
        fy=intrinsics.fy * shrink,
        cx=intrinsics.cx * shrink,
        cy=intrinsics.cy * shrink,
        width=max(1, round(intrinsics.width * shrink)),
        height=max(1, round(intrinsics.height * shrink)),
    )
    depth = np.where(np.isfinite(buffer := render(mesh, pose, small).depth), buffer, np.inf)
    # A vertex on an edge falls into a pixel that another part covers: the deepest of its neighbours decides.
    depth = ndimage.maximum_filter(np.where(np.isinf(depth), 0.0, depth), size=3)
    pixels = np.nan_to_num(project(points_camera, small), nan=-1.0)
    column = np.clip(pixels[:, 0].astype(int), 0, small.width - 1)
    row = np.clip(pixels[:, 1].astype(int), 0, small.height - 1)
    tolerance = DEPTH_TOLERANCE_SHARE * max(pose.scale)
    return np.asarray(points_camera[:, 2] <= depth[row, column] + tolerance)


def _by_height(
    vertices: NDArray[np.float64], colors: NDArray[np.float64], seen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    low, high = vertices[:, 1].min(), vertices[:, 1].max()
    band = np.clip(((vertices[:, 1] - low) / max(high - low, 1e-9) * BANDS).astype(int), 0, BANDS - 1)
    counts = np.bincount(band[seen], minlength=BANDS)
    sums = np.column_stack([np.bincount(band[seen], colors[seen, channel], BANDS) for channel in range(3)])
    filled = np.flatnonzero(counts)
    means = sums[filled] / counts[filled, None]
    known = np.column_stack([np.interp(np.arange(BANDS), filled, means[:, channel]) for channel in range(3)])
    return np.asarray(known[band])


def _spread(mesh: trimesh.Trimesh, colors: NDArray[np.float64], hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Average hidden vertices with their neighbours until the passage is smooth; seen ones stay."""
    neighbours = mesh.edges_sparse.astype(np.float64)
    neighbours = neighbours + neighbours.T
    degree = np.maximum(np.asarray(neighbours.sum(axis=1)), 1.0)
    colors = colors.copy()
    for _ in range(SPREADING_ROUNDS):
        colors[hidden] = (neighbours @ colors / degree)[hidden]
    return colors
