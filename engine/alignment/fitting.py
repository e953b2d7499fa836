"""Fits a pose to M and its points: the mathematics behind "snap" and "try others" (paper A.4; E.3 for the idea).

One least-squares problem over the similarity (R, t, s) with two kinds of residuals: the distances of M's points to the
surface (ICP whose visible side is given by the points), and the distances between the outlines of mesh and mask in the
image. Rays and nearest points are asked for in the mesh's own frame, so its search tree is built once for all poses.

open3d is imported where the tree is built: the web process never does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.alignment.initial_pose import CAMERA_UP
from engine.alignment.outline import Window
from engine.alignment.scoring import inlier_tolerance, intersection_over_union, visible_points
from engine.alignment.similarity import Array, Similarity, rotation_grid
from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, quaternion_from_rotation, rotation_from_quaternion

# Rays along the long side of the window around M: for the last fit, and to compare many poses.
FINE_RAYS, COARSE_RAYS = 192, 48
FINE_POINTS, COARSE_POINTS = 1500, 300

# Residuals beyond this many units (τ, or outline widths) count less and less.
ROBUST_UNITS = 3.0

SNAP_STEPS, GRID_STEPS, TURNED_STEPS = 25, 6, 10
FRONT_TO_BACK = np.diag([-1.0, 1.0, -1.0])  # half a turn about the object's Y
CLEARLY_BETTER = 0.005  # in quality: more than a fit differs by from run to run
MOST_REFINED = 12
MOST_OTHERS = 6

# Poses nearer to each other than this are one choice: half a step of the grid, and what a fit may differ by.
LEAST_TURN_DEGREES = 20.0

# Two poses look the same when their outlines overlap this much and their depths differ by less than this share of τ.
SAME_OUTLINE_IOU, SAME_DEPTH_SHARE = 0.96, 0.75


@dataclass(frozen=True)
class Look:
    """What a pose looks like against M, at one resolution.

    Attributes:
        depth: (rows, columns) z of the surface in the camera frame, infinite beside it.
        surface: (n, 3) nearest surface points to M's points, camera frame; `distances`: (n,) to them.
        silhouette_iou, inlier_share: in the window; the share is 0 where M has no points.
    """

    depth: Array
    surface: Array
    distances: Array
    silhouette_iou: float
    inlier_share: float

    @property
    def quality(self) -> float:
        """What a better pose has more of."""
        return 0.5 * (self.silhouette_iou + self.inlier_share)


class Fit:
    """A mesh and what it is fitted to, prepared once for many poses.

    Args:
        vertices_object: (n, 3); `faces`: (m, 3) indices into them.
        mask: (height, width) M.
        points_camera: (height, width, 3) P in the camera frame, NaN where unknown.
        intrinsics: of the photograph at the size of the mask.
        scale_ratio: (3,) the scale's proportions, which stay as they are.
        points_weight: how much M's points count against its outline; less where P is but a guess.
    """

    def __init__(
        self,
        *,
        vertices_object: NDArray[np.floating],
        faces: NDArray[np.integer],
        mask: NDArray[np.bool_],
        points_camera: NDArray[np.floating],
        intrinsics: Intrinsics,
        scale_ratio: tuple[float, float, float] = (1.0, 1.0, 1.0),
        points_weight: float = 1.0,
    ) -> None:
        self._ratio = np.asarray(scale_ratio, dtype=np.float64)
        self._vertices = np.asarray(vertices_object, dtype=np.float64) * self._ratio
        self._faces = np.ascontiguousarray(faces, dtype=np.uint32)
        self._intrinsics = intrinsics
        self._points_weight = points_weight
        points = visible_points(points_camera, mask)
        self._points = points[np.random.default_rng(0).permutation(len(points))[:FINE_POINTS]]
        self._tolerance = inlier_tolerance(points_camera, mask) or 1.0
        self._fine = Window(mask, points_camera[..., 2], intrinsics, rays=FINE_RAYS)
        self._coarse = Window(mask, points_camera[..., 2], intrinsics, rays=COARSE_RAYS)

    def snap(self, pose: Pose, *, steps: int = SNAP_STEPS) -> Pose:
        """Return the best pose met on the way down from `pose`; `pose` itself where none is better."""
        return self._pose(self._descend(self._similarity(pose), steps=steps, window=self._fine)[0])

    def fits_better_turned(self, pose: Pose) -> bool:
        """Whether the mesh fits clearly better front to back.

        Cars, mugs and pots look nearly alike from there, and a fit ends on the side that it came from.
        """
        here = self._similarity(pose)
        turned = Similarity(here.rotation @ FRONT_TO_BACK, here.translation, here.scale)
        there = self._descend(turned, steps=TURNED_STEPS, window=self._fine)[1]
        return there.quality > self._look(here, self._fine).quality + CLEARLY_BETTER

    def others(self, pose: Pose, *, up: tuple[float, float, float] = CAMERA_UP) -> list[Pose]:
        """Return up to six poses that look different from `pose` and from each other, best first.

        A grid of rotations (each of six sides down, twelve turns about the vertical), placed by mask and points; the
        best of them are fitted.
        """
        start = self._similarity(pose)
        placed = [self._placed(rotation) for rotation in rotation_grid(up)]
        ranked = sorted(placed, key=lambda one: -self._look(one, self._coarse, COARSE_POINTS).quality)
        fitted = [self._descend(one, steps=GRID_STEPS, window=self._coarse)[0] for one in ranked[:MOST_REFINED]]
        seen = [(start, self._look(start, self._fine))]
        for _, one, look in sorted(self._rated(fitted), key=lambda rated: -rated[0]):
            alike = any(
                one.turn_degrees(other) < LEAST_TURN_DEGREES or self._same(look, shown) for other, shown in seen
            )
            if len(seen) <= MOST_OTHERS and not alike:
                seen.append((one, look))
        return [self._pose(one) for one, _ in seen[1:]]

    def _rated(self, fitted: list[Similarity]) -> Iterator[tuple[float, Similarity, Look]]:
        for one in fitted:
            best, look = self._descend(one, steps=GRID_STEPS, window=self._fine)
            yield look.quality, best, look

    def _descend(self, start: Similarity, *, steps: int, window: Window) -> tuple[Similarity, Look]:
        """Levenberg–Marquardt, keeping the best look: the cost leads the way, the scores decide."""
        count = FINE_POINTS if window is self._fine else COARSE_POINTS
        at, look = start, self._look(start, window, count)
        best, best_look = at, look
        damping = 1e-3
        jacobian, residuals, weights = self._residuals(at, look, window)
        cost = float(weights @ residuals**2)
        for _ in range(steps):
            weighted = jacobian * weights[:, None]
            normal = weighted.T @ jacobian
            damped = normal + damping * np.diag(np.diag(normal) + 1e-9 * np.trace(normal))
            tried = at.moved(-np.linalg.solve(damped, weighted.T @ residuals).astype(np.float64))
            look = self._look(tried, window, count)
            new_jacobian, new_residuals, new_weights = self._residuals(tried, look, window)
            new_cost = float(new_weights @ new_residuals**2)
            if look.quality > best_look.quality:
                best, best_look = tried, look
            if new_cost < cost:
                small = cost - new_cost < 1e-4 * cost
                at, cost, damping = tried, new_cost, max(damping / 3, 1e-6)
                jacobian, residuals, weights = new_jacobian, new_residuals, new_weights
                if small:
                    break
            else:
                damping *= 5
                if damping > 1e4:
                    break
        return best, best_look

    def _residuals(self, at: Similarity, look: Look, window: Window) -> tuple[Array, Array, Array]:
        """Return (n, 7) Jacobian, (n,) residuals in their units, (n,) weights."""
        rows: list[Array] = []
        residuals: list[Array] = []
        weights: list[Array] = []

        def add(moving: Array, along: Array, distance: Array, weight: float) -> None:
            """`distance` shrinks as the surface point `moving` goes along `along`."""
            if not len(distance):
                return
            arm = moving - at.translation
            rows.append(-np.concatenate([np.cross(arm, along), along, (arm * along).sum(1, keepdims=True)], axis=1))
            residuals.append(distance)
            weights.append(weight / len(distance) / (1 + (distance / ROBUST_UNITS) ** 2))

        if len(look.distances):
            towards = self._points[: len(look.surface)] - look.surface
            unit = towards / np.maximum(look.distances, 1e-12)[:, None]
            add(look.surface, unit / self._tolerance, look.distances / self._tolerance, self._points_weight)
        for moving, along, distance in window.outline_residuals(look.depth, self._tolerance):
            add(moving, along, distance, 1.0)
        if not rows:
            return np.zeros((0, 7)), np.zeros(0), np.zeros(0)
        return np.concatenate(rows), np.concatenate(residuals), np.concatenate(weights)

    def _look(self, at: Similarity, window: Window, count: int = FINE_POINTS) -> Look:
        depth = self._cast(at, window)
        points = self._points[:count]
        if len(points):
            nearest = at.apply(self._nearest(at.invert(points)))
            distances = np.linalg.norm(points - nearest, axis=1)
        else:
            nearest, distances = np.zeros((0, 3)), np.zeros(0)
        return Look(
            depth=depth,
            surface=nearest,
            distances=distances,
            silhouette_iou=intersection_over_union(np.isfinite(depth), window.mask),
            inlier_share=float(np.mean(distances <= self._tolerance)) if len(distances) else 0.0,
        )

    def _same(self, one: Look, other: Look) -> bool:
        covered = np.isfinite(one.depth) & np.isfinite(other.depth)
        overlap = intersection_over_union(np.isfinite(one.depth), np.isfinite(other.depth))
        if overlap < SAME_OUTLINE_IOU or not covered.any():
            return False
        apart = np.abs(one.depth[covered] - other.depth[covered]).mean()
        return bool(apart < SAME_DEPTH_SHARE * self._tolerance)

    def _placed(self, rotation: Array) -> Similarity:
        """The mesh so turned, its outline's box on M's box, its front on M's points."""
        low, high, front = self._fine.box_low, self._fine.box_high, self._front
        focal = np.array([self._intrinsics.fx, self._intrinsics.fy])
        principal = np.array([self._intrinsics.cx, self._intrinsics.cy])
        turned = self._sample @ rotation.T
        scale = front * float(((high - low) / focal).max()) / float(np.ptp(turned[:, :2], axis=0).max())
        centre = (low + high) / 2
        translation = np.zeros(3)
        for _ in range(4):
            translation[2] = front - scale * float(np.quantile(turned[:, 2], 0.05))
            translation[:2] = (centre - principal) / focal * translation[2]
            placed = scale * turned + translation
            seen = placed[:, :2] / np.maximum(placed[:, 2:], 1e-3 * front) * focal + principal
            seen_low, seen_high = seen.min(axis=0), seen.max(axis=0)
            scale *= float(np.mean((high - low) / np.maximum(seen_high - seen_low, 1e-6)))
            centre = centre + (low + high) / 2 - (seen_low + seen_high) / 2
        return Similarity(rotation=rotation, translation=translation, scale=scale)

    @cached_property
    def _front(self) -> float:
        return float(np.percentile(self._points[:, 2], 5.0)) if len(self._points) else 1.0

    @cached_property
    def _sample(self) -> Array:
        """Some vertices, for boxes."""
        return self._vertices[:: -(-len(self._vertices) // 2000)]

    @cached_property
    def _scene(self) -> Any:
        import open3d

        scene = open3d.t.geometry.RaycastingScene()
        scene.add_triangles(
            open3d.core.Tensor(np.ascontiguousarray(self._vertices, dtype=np.float32)),
            open3d.core.Tensor(self._faces),
        )
        return scene

    def _cast(self, at: Similarity, window: Window) -> Array:
        import open3d

        rays = np.empty((*window.rays.shape[:2], 6), dtype=np.float32)
        rays[..., :3] = at.invert(np.zeros((1, 3)))
        rays[..., 3:] = window.rays @ at.rotation / at.scale  # z of a camera ray is 1, so its t is depth
        return np.asarray(self._scene.cast_rays(open3d.core.Tensor(rays))["t_hit"].numpy(), dtype=np.float64)

    def _nearest(self, points_object: Array) -> Array:
        import open3d

        query = open3d.core.Tensor(np.ascontiguousarray(points_object, dtype=np.float32))
        return np.asarray(self._scene.compute_closest_points(query)["points"].numpy(), dtype=np.float64)

    def _similarity(self, pose: Pose) -> Similarity:
        return Similarity(
            rotation=rotation_from_quaternion(pose.rotation_wxyz),
            translation=np.asarray(pose.translation, dtype=np.float64),
            scale=float(np.mean(np.asarray(pose.scale) / self._ratio)),
        )

    def _pose(self, at: Similarity) -> Pose:
        x, y, z = (float(value) for value in at.translation)
        scale_x, scale_y, scale_z = (float(value) for value in at.scale * self._ratio)
        u, _, v = np.linalg.svd(at.rotation)  # many small turns
        return Pose(
            rotation_wxyz=quaternion_from_rotation(u @ v), translation=(x, y, z), scale=(scale_x, scale_y, scale_z)
        )
