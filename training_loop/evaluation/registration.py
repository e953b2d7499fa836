"""Rigid registration of two sampled surfaces (ICP) that does not depend on luck.

Every registration starts from the same fixed rotations, each refined on coarse samples; the best few go on with finer
ones. No random number is drawn, so that the result is the same on every run.

1. Starts: the 24 rotations that map the axes to the axes, the same after an eighth of a turn about the vertical and
   about the two other axes in turn, and the four that align the principal axes: see `start_rotations`.
2. Each start takes a few steps on a few hundred points. The best go on to more points, level by level (`_best`); starts
   that arrived at the same place count once.
3. The last three are refined on ten thousand points of each surface. A step looks for the nearest points both ways,
   leaves out the worst tenth, and minimises distances to the tangent planes (plus a little of the distances to the
   points, which holds what the planes leave free) by one damped Gauss-Newton step.
4. Of alignments that are as good as the best one (`TIE_FACTOR`, `TIE_DISTANCE`), and of none at all, the smallest
   rotation wins: shapes with symmetries are not turned without need.

Source: paper sections D.3.1 and D.3.2 (ICP before the shape metrics, ICP-Rot); the paper names no variant of ICP.
"""

import itertools
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from training_loop.evaluation.meshes import Points, SurfacePoints
from training_loop.evaluation.nearest import distance_tree

# Nearest pairs used: the rest are holes, floaters and parts that the other shape does not have.
TRIM = 0.9

# Weight of the distance to the point next to that to its tangent plane.
POINT_WEIGHT = 0.05

# Levels: (points of each surface, motions that go on to it by their mean distances, steps that these take).
COARSE_LEVELS = ((300, 1_000, 6), (1_000, 16, 6))
FINE_LEVELS = ((1_500, 6, 4), (8_000, 3, 12))

# Points that fill the grids of the coarse levels and give the principal axes.
GRID_POINTS = 50_000

# Alignments are equally good up to this factor and this distance (in units of the fitted shape).
TIE_FACTOR, TIE_DISTANCE = 1.03, 2e-4

# The same while motions are still coarse; and motions that are one.
COARSE_TIE_FACTOR, COARSE_TIE_DISTANCE = 1.1, 2e-3
SAME_DEG = 4.0

# A step that moves the points by less than this ends the refinement.
CONVERGED = 1e-6


@dataclass(frozen=True)
class Registration:
    """x_target ≈ rotation · x_source + translation.

    Attributes:
        rotation: (3, 3). translation: (3,).
        residual: mean nearest distance, both ways, on the finest samples. unregistered: the same without registration.
        start: index of the start that led here; 0 is the identity.
    """

    rotation: Points
    translation: Points
    residual: float
    unregistered: float
    start: int

    @property
    def angle_deg(self) -> float:
        """Angle of the rotation."""
        return float(np.degrees(Rotation.from_matrix(self.rotation).magnitude()))

    def apply(self, points: Points) -> Points:
        """Move (n, 3) source points onto the target."""
        return np.asarray(points @ self.rotation.T + self.translation)


class Nearest(Protocol):
    """Finds the nearest of a surface's points."""

    surface: SurfacePoints

    def query(self, points: Points) -> NDArray[np.intp]:
        """Index (n,) of the point of `surface` nearest to each of (n, 3) points."""


class NearestInTree:
    """Exact."""

    def __init__(self, surface: SurfacePoints, *, workers: int) -> None:
        self.surface, self.workers = surface, workers
        self.tree = distance_tree(surface.points)

    def query(self, points: Points) -> NDArray[np.intp]:
        """Index (n,) of the point of `surface` nearest to each of (n, 3) points."""
        return np.asarray(self.tree.query(points, workers=self.workers)[1])


class NearestInGrid:
    """Exact to about a cell, by looking it up: the nearest occupied cell of every cell of a grid is computed once."""

    def __init__(self, surface: SurfacePoints, *, cell: float = 0.05, margin: float = 0.8) -> None:
        self.surface, self.cell = surface, cell
        self.origin = surface.points.min(axis=0) - margin
        shape = np.ceil((surface.points.max(axis=0) + margin - self.origin) / cell).astype(int) + 1
        self.last = shape - 1
        occupied = np.full(shape, -1)
        occupied[tuple(self._cells(surface.points).T)] = np.arange(len(surface.points))
        nearest = ndimage.distance_transform_edt(occupied < 0, return_distances=False, return_indices=True)
        self.index = occupied[tuple(nearest)].reshape(-1)

    def query(self, points: Points) -> NDArray[np.intp]:
        """Index (n,) of a point of `surface` near to each of (n, 3) points."""
        i, j, k = self._cells(points).T
        return np.asarray(self.index[(i * (self.last[1] + 1) + j) * (self.last[2] + 1) + k])

    def _cells(self, points: Points) -> NDArray[np.intp]:
        return np.asarray(np.clip(((points - self.origin) / self.cell).astype(np.intp), 0, self.last))


@dataclass(frozen=True)
class Level:
    """Samples of both surfaces, and what finds the nearest point of each."""

    source: SurfacePoints
    target: SurfacePoints
    of_source: Nearest
    of_target: Nearest


def register(source: SurfacePoints, target: SurfacePoints, *, workers: int = -1) -> Registration:
    """Find the rigid motion that brings `source` onto `target`, both about as large as [-1, 1]³."""
    some = [surface.every(GRID_POINTS) for surface in (source, target)]
    starts = start_rotations(some[0].points, some[1].points)
    translations = target.points.mean(axis=0) - np.einsum("kij,j->ki", starts, source.points.mean(axis=0))
    # The first is the identity without moving the centroid.
    rotations = np.concatenate([np.eye(3)[None], starts])
    translations = np.concatenate([np.zeros((1, 3)), translations])
    index = np.arange(len(rotations))
    coarse = [NearestInGrid(surface) for surface in some]
    for points, kept, steps in COARSE_LEVELS:
        level = Level(source.every(points), target.every(points), coarse[0], coarse[1])
        rotations, translations, index = _best(level, kept, rotations, translations, index)
        rotations, translations = refine(level, rotations, translations, steps)
    for points, kept, steps in FINE_LEVELS:
        fine = [surface.every(points) for surface in (source, target)]
        exact = [NearestInTree(surface, workers=workers) for surface in fine]
        level = Level(fine[0], fine[1], exact[0], exact[1])
        rotations, translations, index = _best(level, kept, rotations, translations, index)
        rotations, translations = refine(level, rotations, translations, steps)
    # What was given competes with what was found: registration never makes things worse.
    rotations = np.concatenate([np.eye(3)[None], rotations])
    translations = np.concatenate([np.zeros((1, 3)), translations])
    index = np.concatenate([[0], index])
    scores = mean_distances(level, rotations, translations)
    good = np.flatnonzero(scores <= scores.min() * TIE_FACTOR + TIE_DISTANCE)
    angles = Rotation.from_matrix(rotations[good]).magnitude()
    chosen = good[np.lexsort((scores[good], np.round(angles, 2)))[0]]
    return Registration(
        rotations[chosen], translations[chosen], float(scores[chosen]), float(scores[0]), int(index[chosen])
    )


def _best(
    level: Level, kept: int, rotations: Points, translations: Points, index: NDArray[np.intp]
) -> tuple[Points, Points, NDArray[np.intp]]:
    """At most `kept` different motions: half by their mean distances, half by their angles among those about as good.

    Without the second half, a shape with many symmetries would lose the smallest rotation to larger ones.
    """
    if kept >= len(index):
        return rotations, translations, index
    scores = mean_distances(level, rotations, translations)
    by_score = np.argsort(scores, kind="stable")
    limit = scores.min() * COARSE_TIE_FACTOR + COARSE_TIE_DISTANCE
    angles = Rotation.from_matrix(rotations).magnitude()
    by_angle = [int(k) for k in np.argsort(np.round(angles, 3), kind="stable") if scores[k] <= limit]
    chosen: list[int] = []
    for candidates, room in ((by_score, kept - kept // 2), (by_angle, kept), (by_score, kept)):
        for k in candidates:
            if len(chosen) >= room:
                break
            if not any(_same(rotations[k], rotations[other]) for other in chosen):
                chosen.append(int(k))
    return rotations[chosen], translations[chosen], index[chosen]


def _same(first: Points, second: Points) -> bool:
    """Whether two rotations are less than SAME_DEG apart."""
    return bool(np.trace(first.T @ second) > 1 + 2 * np.cos(np.radians(SAME_DEG)))


def start_rotations(source: Points, target: Points) -> Points:
    """(k, 3, 3) rotations to start from; the first is the identity."""
    axes = axis_rotations()
    eighths = Rotation.from_euler("xyz", np.eye(3)[[1, 0, 2]] * 45, degrees=True).as_matrix()
    turned = [axes @ eighth for eighth in eighths]
    return np.concatenate([axes, *turned, principal_axis_rotations(source, target)])


def axis_rotations() -> Points:
    """(24, 3, 3): the rotations that map every coordinate axis to a coordinate axis; the identity comes first."""
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = np.eye(3)[list(order)] * signs
            if np.linalg.det(matrix) > 0:
                found.append(matrix)
    return np.stack(found)


def principal_axis_rotations(source: Points, target: Points) -> Points:
    """(4, 3, 3) rotations that bring the principal axes of the source onto those of the target."""
    bases = []
    for points in (source, target):
        basis = np.linalg.eigh(np.cov((points - points.mean(axis=0)).T))[1]
        basis[:, 0] *= np.sign(np.linalg.det(basis)) or 1.0
        bases.append(basis)
    flips = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=np.float64)
    return np.stack([(bases[1] * flip) @ bases[0].T for flip in flips])


def mean_distances(level: Level, rotations: Points, translations: Points) -> Points:
    """(k,) mean of the nearest distances both ways, for k motions of the source."""
    pairs = _pairs(level, rotations, translations)
    half = len(level.source.points)
    return np.asarray((pairs.distances[:, :half].mean(axis=1) + pairs.distances[:, half:].mean(axis=1)) / 2)


def refine(level: Level, rotations: Points, translations: Points, steps: int) -> tuple[Points, Points]:
    """Take up to `steps` Gauss-Newton steps from each of k motions."""
    rotations, translations = rotations.copy(), translations.copy()
    moving = np.arange(len(rotations))
    for _ in range(steps):
        turn, shift = _step(_pairs(level, rotations[moving], translations[moving]))
        rotations[moving] = turn @ rotations[moving]
        translations[moving] = np.einsum("kij,kj->ki", turn, translations[moving]) + shift
        moved = np.linalg.norm(turn - np.eye(3), axis=(1, 2)) + np.linalg.norm(shift, axis=1)
        moving = moving[moved > CONVERGED]
        if not len(moving):
            break
    return rotations, translations


@dataclass(frozen=True)
class Pairs:
    """Nearest pairs of k motions, those of the source's points first, then those of the target's.

    Attributes:
        points: (k, n + m, 3) points of the moved source. gaps: (k, n + m, 3) from their partners to them.
        normals: (k, n + m, 3) of the surface on which the partner was looked for. distances: (k, n + m).
    """

    points: Points
    gaps: Points
    normals: Points
    distances: Points


def _pairs(level: Level, rotations: Points, translations: Points) -> Pairs:
    """Pair every sample with the nearest point of the other surface."""
    k = len(rotations)
    turned = rotations.transpose(0, 2, 1)
    moved = level.source.points @ turned + translations[:, None]
    to_target = level.of_target.query(moved.reshape(-1, 3)).reshape(k, -1)
    back = (level.target.points - translations[:, None]) @ rotations
    to_source = level.of_source.query(back.reshape(-1, 3)).reshape(k, -1)
    hit = level.of_source.surface.points[to_source] @ turned + translations[:, None]
    gaps = np.concatenate([moved - level.of_target.surface.points[to_target], hit - level.target.points], axis=1)
    normals = np.concatenate(
        [level.of_target.surface.normals[to_target], level.of_source.surface.normals[to_source] @ turned], axis=1
    )
    return Pairs(np.concatenate([moved, hit], axis=1), gaps, normals, np.sqrt(np.einsum("kij,kij->ki", gaps, gaps)))


def _step(pairs: Pairs) -> tuple[Points, Points]:
    """One damped Gauss-Newton step of each motion: turns (k, 3, 3) and shifts (k, 3) to apply after it."""
    points, gap, normals = pairs.points, pairs.gaps, pairs.normals
    weights = (pairs.distances <= np.quantile(pairs.distances, TRIM, axis=1, keepdims=True)).astype(np.float64)
    total = weights.sum(axis=1)
    centre = np.einsum("ki,kij->kj", weights, points) / total[:, None]
    arm = points - centre[:, None]
    # Rows of the Jacobian by (turn, shift): to the tangent plane …
    plane = np.concatenate([_cross(arm, normals), normals], axis=2)
    weighted = weights[..., None] * plane
    normal_matrix = weighted.transpose(0, 2, 1) @ plane
    gradient = np.einsum("kia,ki->ka", weighted, np.einsum("kij,kij->ki", gap, normals))
    # … and to the point itself, where turn and shift do not mix because arms are measured from the centre.
    weighted_arm = weights[..., None] * arm
    spread = weighted_arm.transpose(0, 2, 1) @ arm
    inertia = np.trace(spread, axis1=1, axis2=2)[:, None, None] * np.eye(3) - spread
    normal_matrix[:, :3, :3] += POINT_WEIGHT * inertia
    normal_matrix[:, 3:, 3:] += POINT_WEIGHT * total[:, None, None] * np.eye(3)
    gradient[:, :3] += POINT_WEIGHT * _cross(weighted_arm, gap).sum(axis=1)
    gradient[:, 3:] += POINT_WEIGHT * np.einsum("ki,kij->kj", weights, gap)
    # A line of points leaves the turn about itself free.
    normal_matrix += 1e-9 * np.trace(normal_matrix, axis1=1, axis2=2)[:, None, None] * np.eye(6)
    update = -np.linalg.solve(normal_matrix, gradient[..., None])[..., 0]
    # Half a radian at most: further off, the pairs mean nothing.
    length = np.linalg.norm(update[:, :3], axis=1, keepdims=True)
    turn = Rotation.from_rotvec(update[:, :3] * np.minimum(1.0, 0.5 / np.maximum(length, 1e-12))).as_matrix()
    return turn, update[:, 3:] + centre - np.einsum("kij,kj->ki", turn, centre)


def _cross(a: Points, b: Points) -> Points:
    """Cross products of (..., 3) vectors; numpy's own takes several times as long."""
    x, y, z = np.moveaxis(a, -1, 0)
    u, v, w = np.moveaxis(b, -1, 0)
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)
