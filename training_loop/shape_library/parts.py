"""Closed coloured building blocks of the shapes: lofts, lathes, tubes, boxes, extrusions.

Every part is a closed surface wound outwards. A shape is a set of parts that may overlap: the union of their insides is
the solid (nonzero winding). Lengths are free while a shape is built; `assemble` fits the whole to [-0.5, 0.5]³.
Y is up and +Z is the front.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

Rgb = tuple[int, int, int]
Axis = Literal["x", "y", "z"]
_AXES: dict[str, int] = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class Part:
    """A closed surface in one colour: `vertices` (n, 3), `faces` (m, 3) wound outwards."""

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    color: Rgb = (160, 160, 160)

    def painted(self, color: Rgb) -> "Part":
        """The same surface in another colour."""
        return replace(self, color=color)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Part":
        """Translate."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def scaled(self, x: float, y: float, z: float) -> "Part":
        """Stretch about the origin by positive factors."""
        return replace(self, vertices=self.vertices * np.array([x, y, z]))

    def turned(self, axis: Axis, degrees: float) -> "Part":
        """Rotate about an axis through the origin, counter-clockwise seen from its positive end."""
        index = _AXES[axis]
        b, c = (index + 1) % 3, (index + 2) % 3
        angle = np.deg2rad(degrees)
        matrix = np.eye(3)
        matrix[b, b] = matrix[c, c] = np.cos(angle)
        matrix[b, c], matrix[c, b] = -np.sin(angle), np.sin(angle)
        return replace(self, vertices=self.vertices @ matrix.T)

    def mirrored(self, axis: Axis) -> "Part":
        """Reflect through the plane across an axis; the faces stay wound outwards."""
        sign = np.ones(3)
        sign[_AXES[axis]] = -1.0
        return replace(self, vertices=self.vertices * sign, faces=self.faces[:, ::-1])

    def bent(self, x: ArrayLike = 0.0, y: ArrayLike = 0.0, z: ArrayLike = 0.0) -> "Part":
        """Add one offset per vertex (each argument a scalar or (n,))."""
        offsets = np.stack(np.broadcast_arrays(x, y, z, np.zeros(len(self.vertices)))[:3], axis=1)
        return replace(self, vertices=self.vertices + offsets)


def loft(rings: ArrayLike, *, closed: bool = False) -> Part:
    """Skin a sequence of rings (k, n, 3), each a loop; the ends are capped by fans about their centroids.

    `closed` joins the last ring to the first instead of capping. The rings' outlines must be star-shaped about their
    centroids where they are capped.
    """
    points = np.asarray(rings, dtype=np.float64)
    ring_count, size = points.shape[:2]
    vertices = points.reshape(-1, 3)
    starts = np.arange(ring_count if closed else ring_count - 1)[:, None] * size
    here = np.arange(size)
    after = (here + 1) % size
    a, b = starts + here, starts + after
    c, d = (a + size) % len(vertices), (b + size) % len(vertices)
    sides = np.stack([np.stack([a, b, d], axis=-1), np.stack([a, d, c], axis=-1)]).reshape(-1, 3)
    if closed:
        return _outward(vertices, sides)
    bottom, top = len(vertices), len(vertices) + 1
    vertices = np.concatenate([vertices, points[:1].mean(axis=1), points[-1:].mean(axis=1)])
    last = (ring_count - 1) * size
    caps = [
        np.stack([after, here, np.full(size, bottom)], axis=1),
        np.stack([last + here, last + after, np.full(size, top)], axis=1),
    ]
    return _outward(vertices, np.concatenate([sides, *caps]))


def lathe(profile: ArrayLike, *, segments: int = 28, closed: bool = False) -> Part:
    """Turn a profile of (radius, y) points about the Y axis.

    An open profile starts and ends near the axis (its ends are capped there); a hollow vessel goes up the outside,
    over the rim and down the inside. `closed` joins the ends: a ring such as a tyre.
    """
    outline = np.asarray(profile, dtype=np.float64)
    angle = np.arange(segments) * (2 * np.pi / segments)
    radius = np.maximum(outline[:, 0], 1e-4)[:, None]
    height = np.broadcast_to(outline[:, 1, None], (len(outline), segments))
    return loft(np.stack([radius * np.sin(angle), height, radius * np.cos(angle)], axis=-1), closed=closed)


def smooth(points: ArrayLike, steps: int = 6) -> NDArray[np.float64]:
    """Pass a Catmull–Rom curve through (n, d) points, with `steps` segments between neighbours."""
    knots = np.asarray(points, dtype=np.float64)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = (np.arange(steps) / steps)[None, :, None]
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    return np.concatenate([curve.reshape(-1, knots.shape[1]), knots[-1:]])


def tube(path: ArrayLike, radius: ArrayLike, *, segments: int = 10, closed: bool = False, flat: float = 1.0) -> Part:
    """Sweep a circle along a path (k, 3); `radius` is a number or one per point, `flat` squeezes the section sideways.

    `closed` joins the end to the start (the path must not repeat its first point).
    """
    points = np.asarray(path, dtype=np.float64)
    tangent = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0) if closed else np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent[0], np.eye(3)[int(np.argmin(np.abs(tangent[0])))])
    sides = []
    for direction in tangent:
        # Carry the frame along without twist.
        side = side - direction * (side @ direction)
        side /= np.linalg.norm(side)
        sides.append(side)
    u = np.array(sides)
    w = np.cross(tangent, u)
    angle = np.arange(segments) * (2 * np.pi / segments)
    size = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(points),))[:, None, None]
    circle = np.cos(angle)[:, None] * u[:, None] * flat + np.sin(angle)[:, None] * w[:, None]
    return loft(points[:, None] + size * circle, closed=closed)


def rod(
    start: ArrayLike, stop: ArrayLike, radius: float, radius_stop: float | None = None, *, segments: int = 10
) -> Part:
    """A straight round bar, tapering to `radius_stop`."""
    radii = [radius, radius if radius_stop is None else radius_stop]
    return tube(np.stack([np.asarray(start, float), np.asarray(stop, float)]), radii, segments=segments)


def ellipsoid(x: float, y: float, z: float, *, power: float = 2.0, segments: int = 20, rings: int = 12) -> Part:
    """A (super)ellipsoid with the given half-axes; `power` 2 is round, larger is boxier."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)[1:-1]
    longitude = np.arange(segments) * (2 * np.pi / segments)
    exponent = 2.0 / power
    across, up = _signed_power(np.cos(latitude), exponent), _signed_power(np.sin(latitude), exponent)
    sine, cosine = _signed_power(np.sin(longitude), exponent), _signed_power(np.cos(longitude), exponent)
    points = np.stack(
        [
            x * across[:, None] * sine,
            y * np.broadcast_to(up[:, None], (len(up), segments)),
            z * across[:, None] * cosine,
        ],
        axis=-1,
    )
    ball = loft(points)
    ball.vertices[-2] = (0.0, -y, 0.0)
    ball.vertices[-1] = (0.0, y, 0.0)
    return ball


def box(x: float, y: float, z: float, *, round: float = 0.0, taper: float = 1.0) -> Part:  # noqa: A002
    """A box with full sizes (x, y, z) standing on y = 0, centred in x and z.

    `round` is the radius of its edges (0 leaves them sharp), `taper` scales the top.
    """
    if round <= 0:
        outline = np.array([[-0.5, 0.5], [0.5, 0.5], [0.5, -0.5], [-0.5, -0.5]]) * (x, z)
        levels = [(0.0, 0.0), (y, 0.0)]
        outlines = [outline for _ in levels]
    else:
        round = min(round, 0.499 * min(x, y, z))  # noqa: A001
        angle = np.linspace(0, np.pi / 2, 4)
        inset = round * (1 - np.cos(angle))
        rise = round * np.sin(angle)
        levels = [(round - h, i) for h, i in zip(rise[::-1], inset[::-1], strict=True)]
        levels += [(y - round + h, i) for h, i in zip(rise, inset, strict=True)]
        outlines = [_rounded_rectangle(x - 2 * i, z - 2 * i, round) for _, i in levels]
    rings = []
    for (level, _), outline in zip(levels, outlines, strict=True):
        scale = 1.0 + (taper - 1.0) * level / y
        rings.append(np.stack([outline[:, 0] * scale, np.full(len(outline), level), outline[:, 1] * scale], axis=1))
    return loft(np.stack(rings))


def extrude(polygon: ArrayLike, depth: float, *, bevel: float = 0.0) -> Part:
    """Give a simple polygon (n, 2) in the XY plane a thickness in Z, centred on z = 0. The polygon may be concave.

    `bevel` pulls the rims in by that much at both faces, towards the polygon's centre.
    """
    outline = np.asarray(polygon, dtype=np.float64)
    if _signed_area(outline) < 0:
        outline = outline[::-1]
    middle = (outline.max(axis=0) + outline.min(axis=0)) / 2
    extent = np.ptp(outline, axis=0).max()
    inner = middle + (outline - middle) * (1 - 2 * bevel / extent)
    half = depth / 2
    levels = [(-half, outline), (half, outline)]
    if bevel > 0:
        levels = [(-half, inner), (-half + bevel, outline), (half - bevel, outline), (half, inner)]
    size = len(outline)
    vertices = np.concatenate([np.column_stack([ring, np.full(size, level)]) for level, ring in levels])
    here = np.arange(size)
    after = (here + 1) % size
    faces = []
    for step in range(len(levels) - 1):
        a, b = step * size + here, step * size + after
        faces += [np.stack([a, b, b + size], axis=1), np.stack([a, b + size, a + size], axis=1)]
    cap = _ear_clip(outline)
    faces += [cap[:, ::-1], cap + (len(levels) - 1) * size]
    return _outward(vertices, np.concatenate(faces))


def circle(radius: float, count: int, *, start: float = 0.0, stop: float = 360.0) -> NDArray[np.float64]:
    """Points (count, 2) on an arc in degrees; a full turn leaves out the repeated last point."""
    angle = np.deg2rad(np.linspace(start, stop, count, endpoint=abs(stop - start) < 360))
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def assemble(parts: Sequence[Part]) -> trimesh.Trimesh:
    """Join parts into one mesh with vertex colours, centred and scaled uniformly so that its longest side is 1."""
    vertices = np.concatenate([part.vertices for part in parts])
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    vertices = (vertices - (low + high) / 2) / (high - low).max()
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    faces = np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=True)])
    colors = np.concatenate([np.tile((*part.color, 255), (len(part.vertices), 1)) for part in parts])
    return trimesh.Trimesh(
        vertices=np.clip(vertices, -0.5, 0.5), faces=faces, vertex_colors=colors.astype(np.uint8), process=False
    )


def _outward(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Part:
    """Wind a closed surface so that its signed volume is positive."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    volume = np.einsum("ij,ij->", a - vertices[0], np.cross(b - vertices[0], c - vertices[0]))
    return Part(vertices, faces if volume >= 0 else faces[:, ::-1])


def _signed_power(value: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    return np.asarray(np.sign(value) * np.abs(value) ** exponent)


def _rounded_rectangle(x: float, z: float, radius: float) -> NDArray[np.float64]:
    """Outline of a rectangle of full sizes x, z with corners of the given radius (as far as it fits)."""
    radius = min(radius, 0.49 * min(x, z))
    corner = circle(radius, 4, start=0, stop=90)
    half = np.array([x, z]) / 2 - radius
    turns = []
    for quarter in range(4):
        cosine, sine = (1, 0, -1, 0)[quarter], (0, 1, 0, -1)[quarter]
        rotated = corner @ np.array([[cosine, sine], [-sine, cosine]])
        sign = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)][quarter])
        turns.append(rotated + sign * half)
    return np.concatenate(turns)


def _signed_area(polygon: NDArray[np.float64]) -> float:
    x, y = polygon.T
    return float(0.5 * (x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def _ear_clip(polygon: NDArray[np.float64]) -> NDArray[np.int64]:
    """Triangulate a simple counter-clockwise polygon."""
    remaining = list(range(len(polygon)))
    triangles = []
    while len(remaining) > 3:
        for position, current in enumerate(remaining):
            before, after = remaining[position - 1], remaining[(position + 1) % len(remaining)]
            a, b, c = polygon[before], polygon[current], polygon[after]
            if _turn(a, b, c) <= 1e-12:
                continue
            others = polygon[[index for index in remaining if index not in (before, current, after)]]
            if not _any_inside(others, a, b, c):
                triangles.append((before, current, after))
                del remaining[position]
                break
        else:
            # Only collinear corners are left.
            triangles.append((remaining[0], remaining[1], remaining[2]))
            del remaining[1]
    triangles.append((remaining[0], remaining[1], remaining[2]))
    return np.array(triangles)


def _turn(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _any_inside(
    points: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> bool:
    inside = np.ones(len(points), dtype=bool)
    for start, stop in ((a, b), (b, c), (c, a)):
        edge = stop - start
        inside &= edge[0] * (points[:, 1] - start[1]) - edge[1] * (points[:, 0] - start[0]) >= -1e-12
    return bool(inside.any())


def facing_front(parts: list[Part]) -> list[Part]:
    """Turn what drives towards +x to face +z."""
    return [part.turned("y", -90) for part in parts]


def cabin(base: NDArray[np.float64], crown: NDArray[np.float64], width_base: float, width_crown: float) -> Part:
    """A block that narrows from the belt line to the roof."""
    rings = []
    for ends, width in ((base, width_base), (crown, width_crown)):
        (rear, y), (front, _) = ends
        half = width / 2
        rings.append([(rear, y, -half), (front, y, -half), (front, y, half), (rear, y, half)])
    return loft(rings)
