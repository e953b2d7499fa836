"""Refine a predicted layout by render-and-compare: move the pose until silhouette (and depth) agree with the picture.

The silhouette of the posed shape and the mask are compared as blurred pictures, first very, then little blurred; where
depth is known, depths are compared as well. Derivatives are finite differences over the pose, and each step solves a
damped least-squares problem (Levenberg-Marquardt). The result is accepted only if the mask IoU of the whole mesh at the
mask's own resolution rises. numpy and scipy alone, so that services without torch can use it.

Deviations from the paper: it backpropagates through a renderer and compares colours too; with 7 unknowns, finite
differences cost 8 renderings and need no differentiable renderer, and our meshes need not be textured.

Source: paper section E.3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, quaternion_from_rotation, rotation_from_quaternion, transform_points
from training_loop.silhouette import depth_map, mask_iou, resized_camera

# Without depth the pose may turn by so much, and only if that leaves at most this share of what the outlines differ
# by without turning. Outlines of wrong poses, hidden parts and wrong shapes are matched by turning, too, but less well.
MOST_TURN_DEG = 30.0
LEFT_BY_TURNING = 0.5

Verdict = Literal["accepted", "iou_did_not_rise", "depth_got_worse", "out_of_view"]

# Long side of the pictures that are compared, and pixels that surround the object in them.
WORKING_PX = 96
MARGIN = 0.35

# Blur in working pixels, from coarse to fine, and steps at each.
BLURS_PX = (5.0, 2.0, 1.0)
STEPS = 8

# The unknowns that turn the pose; see `_Problem`.
TURN = slice(3, 6)

# A mesh with more faces is coarsened to cells of this share of its extent while poses are tried.
MAX_FACES = 4_000
COARSE_CELL = 1 / 40

# How strongly each unknown is held where it was, in pixels of residual: the mask alone says little about rotation.
PRIOR = 0.02

# Depth residuals beyond this share of the object's size are occluders or background.
DEPTH_LIMIT = 0.5

# A mean depth error may rise by this factor, for the sake of the mask, before the pose is refused.
DEPTH_SLACK = 1.05


class RefinementError(ValueError):
    """Mask, depth and camera do not fit together."""


@dataclass(frozen=True)
class Refinement:
    """What came of it: `pose` is the refined one where it was accepted, else the one given.

    Attributes:
        verdict: "accepted", or why not.
        iou_before, iou_after: of the mask and the silhouette at the mask's resolution; `iou_after` is that of the
            refined pose even where it was refused.
        turn_deg: how far the refined pose is turned from the first one.
        depth_error_before, depth_error_after: mean distance in depth under mask and silhouette, in the pose's unit;
            None where no depth was given or nothing overlaps.
    """

    pose: Pose
    verdict: Verdict
    iou_before: float
    iou_after: float
    depth_error_before: float | None = None
    depth_error_after: float | None = None
    turn_deg: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether `pose` is a new one."""
        return self.verdict == "accepted"


def refine_layout(
    *,
    vertices_object: NDArray[np.floating],
    faces: NDArray[np.integer],
    pose: Pose,
    mask: NDArray[np.bool_],
    intrinsics: Intrinsics,
    depth: NDArray[np.floating] | None = None,
) -> Refinement:
    """Refine the pose of a mesh on the mask of its object, and on depth where it is known.

    Without depth, distance and size cannot be told apart: the distance stays and the size is fitted. The pose then
    turns only a little, and only where that explains the mask much better.

    Args:
        vertices_object: (n, 3); `faces`: (m, 3). pose: camera_from_object, where to begin.
        mask: (H, W) bool. intrinsics: of the picture at the mask's size.
        depth: (H, W) z in the pose's unit, NaN where unknown; `point_map[..., 2]`.

    Raises:
        RefinementError: sizes that differ, or an empty mask.
    """
    if mask.shape != (intrinsics.height, intrinsics.width) or mask.dtype != np.bool_:
        raise RefinementError(
            f"the mask must be boolean of shape {(intrinsics.height, intrinsics.width)}, got {mask.dtype} {mask.shape}"
        )
    if depth is not None and depth.shape != mask.shape:
        raise RefinementError(f"depth must have the mask's shape {mask.shape}, got {depth.shape}")
    if not mask.any():
        raise RefinementError("the mask is empty: there is nothing to compare with")
    vertices, triangles = np.asarray(vertices_object, dtype=np.float64), np.asarray(faces, dtype=np.int64)
    known = None if depth is None else np.where(mask & np.isfinite(depth) & (np.nan_to_num(depth) > 0), depth, np.nan)
    if known is not None and not np.isfinite(known).any():
        known = None
    before = _Fit.of(vertices, triangles, pose, mask, intrinsics, known)
    if pose.translation[2] <= 0 or not before.covered.any():
        return Refinement(pose, "out_of_view", before.iou, before.iou, before.depth_error, before.depth_error)
    problem = _Problem(vertices, triangles, pose, mask | before.covered, mask, intrinsics, known)
    refined, after = _best(problem, lambda found: _Fit.of(vertices, triangles, found, mask, intrinsics, known))
    verdict: Verdict = "accepted"
    if after.iou <= before.iou:
        verdict = "iou_did_not_rise"
    elif before.depth_error is not None and (after.depth_error or np.inf) > before.depth_error * DEPTH_SLACK:
        verdict = "depth_got_worse"
    return Refinement(
        refined if verdict == "accepted" else pose,
        verdict,
        before.iou,
        after.iou,
        before.depth_error,
        after.depth_error,
        turn_deg(pose, refined),
    )


def _best(problem: "_Problem", look: Callable[[Pose], "_Fit"]) -> tuple[Pose, "_Fit"]:
    """With depth all is fitted at once; without, turning has to earn its place."""
    if problem.with_depth:
        pose = problem.solve()
        return pose, look(pose)
    placed = problem.solve(turning=False)
    fit = look(placed)
    turned = problem.solve()
    if turn_deg(problem.first, turned) <= MOST_TURN_DEG:
        better = look(turned)
        if 1 - better.iou <= LEFT_BY_TURNING * (1 - fit.iou):
            return turned, better
    return placed, fit


def turn_deg(first: Pose, second: Pose) -> float:
    """Angle between the rotations of two poses."""
    between = rotation_from_quaternion(first.rotation_wxyz).T @ rotation_from_quaternion(second.rotation_wxyz)
    return float(np.degrees(Rotation.from_matrix(between).magnitude()))


@dataclass(frozen=True)
class _Fit:
    """How a pose fits at full resolution."""

    covered: NDArray[np.bool_]
    iou: float
    depth_error: float | None

    @staticmethod
    def of(
        vertices: NDArray[np.float64],
        faces: NDArray[np.int64],
        pose: Pose,
        mask: NDArray[np.bool_],
        camera: Intrinsics,
        depth: NDArray[np.floating] | None,
    ) -> "_Fit":
        rendered = depth_map(transform_points(pose, vertices), faces, camera)
        covered = np.isfinite(rendered)
        error = None
        if depth is not None and (both := covered & np.isfinite(depth)).any():
            error = float(np.abs(rendered[both] - depth[both]).mean())
        return _Fit(covered, mask_iou(covered, mask), error)


class _Problem:
    """The least-squares problem around one first pose.

    Unknowns: shift along the image (2, in halves of the object's size), log size, turn (3, in radians), and with depth
    log distance. All of them are about 1 where the silhouette changes by its own size.
    """

    def __init__(
        self,
        vertices: NDArray[np.float64],
        faces: NDArray[np.int64],
        pose: Pose,
        region: NDArray[np.bool_],
        mask: NDArray[np.bool_],
        camera: Intrinsics,
        depth: NDArray[np.floating] | None,
    ) -> None:
        self.first, self.with_depth = pose, depth is not None
        self.vertices, self.faces = coarsened(vertices, faces)
        self.centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
        self.extent = float(np.ptp(transform_points(pose, vertices), axis=0).max())
        top, left, side = _square_around(region)
        self.camera = _cropped(camera, left, top, side)
        self.mask = _sampled(mask.astype(np.float64), self.camera, camera, outside=0.0)
        self.depth = None if depth is None else _sampled(depth, self.camera, camera, outside=np.nan)
        # Pixels outside of the picture say nothing.
        self.inside = _sampled(np.ones(mask.shape), self.camera, camera, outside=0.0)
        self.area = max(float(self.mask.sum()), 1.0)
        self.distance = float(transform_points(pose, self.centre[None])[0, 2])
        # A step of one working pixel at the rim of the object.
        self.pixel = self.distance / self.camera.fx / max(self.extent / 2, 1e-12)

    def solve(self, *, turning: bool = True) -> Pose:
        """Refine from the first pose; not `turning` keeps its rotation."""
        unknowns = np.zeros(7 if self.with_depth else 6)
        free = np.ones(len(unknowns), dtype=bool)
        free[TURN] = turning
        for blur in BLURS_PX:
            unknowns = self._descend(unknowns, free, blur)
        return self.pose(unknowns)

    def pose(self, unknowns: NDArray[np.float64]) -> Pose:
        """The pose that the unknowns stand for: turns and sizes are about the centre of the mesh's box."""
        size, half = np.exp(unknowns[2]), self.extent / 2
        farther = np.exp(unknowns[6]) if self.with_depth else 1.0
        rotation = Rotation.from_rotvec(unknowns[TURN]).as_matrix() @ rotation_from_quaternion(self.first.rotation_wxyz)
        centre = transform_points(self.first, self.centre[None])[0]
        centre = (centre + np.array([unknowns[0] * half, unknowns[1] * half, 0.0])) * farther
        # Farther away, the size grows as well, so that distance alone leaves the outline as it is.
        scale = np.asarray(self.first.scale) * size * farther
        x, y, z = centre - rotation @ (scale * self.centre)
        a, b, c = scale
        return Pose(quaternion_from_rotation(rotation), (float(x), float(y), float(z)), (float(a), float(b), float(c)))

    def _descend(self, unknowns: NDArray[np.float64], free: NDArray[np.bool_], blur: float) -> NDArray[np.float64]:
        directions = np.eye(len(unknowns))[free]
        residual = self._residual(unknowns, blur)
        cost, damping = float(residual @ residual), 1e-2
        for _ in range(STEPS):
            step = max(blur, 1.0) * self.pixel
            jacobian = np.stack(
                [
                    (self._residual(unknowns + step * along, blur) - self._residual(unknowns - step * along, blur))
                    / (2 * step)
                    for along in directions
                ],
                axis=1,
            )
            normal, gradient = jacobian.T @ jacobian, jacobian.T @ residual
            improved = False
            for _ in range(4):
                damped = normal + damping * np.diag(np.diag(normal) + 1e-9)
                update = -np.linalg.solve(damped, gradient) @ directions
                update *= min(1.0, 0.4 / max(float(np.abs(update).max()), 1e-12))
                tried = self._residual(unknowns + update, blur)
                if float(tried @ tried) < cost:
                    unknowns, residual, improved = unknowns + update, tried, True
                    damping = max(damping / 5, 1e-4)
                    break
                damping *= 8
            if not improved or cost - float(residual @ residual) < 1e-4 * cost:
                break
            cost = float(residual @ residual)
        return unknowns

    def _residual(self, unknowns: NDArray[np.float64], blur: float) -> NDArray[np.float64]:
        """Blurred silhouette minus blurred mask, depths, and the distance from the first pose."""
        rendered = depth_map(transform_points(self.pose(unknowns), self.vertices), self.faces, self.camera)
        covered = np.isfinite(rendered)
        difference = ndimage.gaussian_filter((covered - self.mask) * self.inside, blur, mode="constant")
        parts = [difference.ravel() / np.sqrt(self.area)]
        if self.depth is not None:
            gap = np.where(covered, rendered - self.depth, np.nan) / self.extent
            # Bounded, so that occluders and flying pixels do not pull.
            gap = np.where(np.isfinite(gap), DEPTH_LIMIT * np.tanh(gap / DEPTH_LIMIT), 0.0)
            parts.append(gap.ravel() / np.sqrt(self.area))
        held = np.ones(len(unknowns))
        held[:3] = 0.1
        parts.append(PRIOR * held * unknowns)
        return np.concatenate(parts)


def coarsened(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], max_faces: int = MAX_FACES
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Merge the vertices of each cell of a grid where a mesh has more than `max_faces` faces; outlines move little."""
    if len(faces) <= max_faces:
        return vertices, faces
    low = vertices.min(axis=0)
    cells = ((vertices - low) / (float(np.ptp(vertices, axis=0).max()) * COARSE_CELL)).astype(np.int64)
    _, index, counts = np.unique(cells @ [1 << 20, 1 << 10, 1], return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(index, vertices[:, axis]) / counts for axis in range(3)], axis=1)
    merged = index[faces]
    whole = (merged[:, 0] != merged[:, 1]) & (merged[:, 1] != merged[:, 2]) & (merged[:, 2] != merged[:, 0])
    unique = np.unique(np.sort(merged[whole], axis=1), axis=0)
    return means, unique


def _square_around(region: NDArray[np.bool_]) -> tuple[float, float, float]:
    """(top, left, side) in pixels of a square around a mask, with a margin."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    height, width = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    side = max(height, width) * (1 + 2 * MARGIN)
    return float((rows[0] + rows[-1] + 1 - side) / 2), float((columns[0] + columns[-1] + 1 - side) / 2), float(side)


def _cropped(camera: Intrinsics, left: float, top: float, side: float) -> Intrinsics:
    """The camera of a square part of the picture in WORKING_PX² pixels."""
    part = Intrinsics(camera.fx, camera.fy, camera.cx - left, camera.cy - top, round(side), round(side))
    return resized_camera(part, WORKING_PX, WORKING_PX)


def _sampled(
    layer: NDArray[np.floating], part: Intrinsics, whole: Intrinsics, *, outside: float
) -> NDArray[np.float64]:
    """A layer of the whole picture at the pixel centres of a part of it."""
    columns = (np.arange(part.width) + 0.5 - part.cx) / part.fx * whole.fx + whole.cx
    rows = (np.arange(part.height) + 0.5 - part.cy) / part.fy * whole.fy + whole.cy
    i, j = np.floor(rows).astype(int), np.floor(columns).astype(int)
    height, width = layer.shape
    known = ((i >= 0) & (i < height))[:, None] & ((j >= 0) & (j < width))
    cut = layer[np.clip(i, 0, height - 1)[:, None], np.clip(j, 0, width - 1)]
    return np.where(known, cut, outside).astype(np.float64)
