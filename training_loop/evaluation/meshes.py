"""Meshes to be measured: read from a file, checked, fitted and sampled.

Only triangles count. Vertices that no triangle with area uses do not stretch the box that a mesh is fitted by.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

Points = NDArray[np.float64]

MESH_SUFFIXES = (".glb", ".gltf", ".obj", ".ply")
MAX_FACES = 5_000_000
MAX_BYTES = 1 << 30


class MeshError(ValueError):
    """A mesh that cannot be measured."""


@dataclass(frozen=True)
class Surface:
    """Triangles that have area.

    Attributes:
        vertices: (n, 3), all of them used. faces: (m, 3) indices into them.
        dropped_faces: how many triangles without area were left out.
        open_edges: how many edges do not join exactly two triangles; 0 for a closed manifold.
    """

    vertices: Points
    faces: NDArray[np.int64]
    dropped_faces: int = 0
    open_edges: int = 0

    @property
    def notes(self) -> list[str]:
        """What is unusual about the mesh, without keeping it from being measured."""
        notes = [f"{self.dropped_faces} faces without area left out"] if self.dropped_faces else []
        return [*notes, f"{self.open_edges} open or shared edges"] if self.open_edges else notes


@dataclass(frozen=True)
class SurfacePoints:
    """Points (n, 3) of a surface, uniform by area and in the order of its faces, with their unit normals (n, 3)."""

    points: Points
    normals: Points

    def every(self, count: int) -> "SurfacePoints":
        """About `count` of the points, evenly along the faces and therefore over the area."""
        step = max(1, len(self.points) // count)
        return SurfacePoints(self.points[step // 2 :: step], self.normals[step // 2 :: step])


def read_surface(path: Path) -> Surface:
    """Read the triangles of a glb, gltf, obj or ply file, with the transforms of its scene applied.

    Raises:
        MeshError: the file cannot be read, is too large, or holds nothing that can be measured.
    """
    if path.stat().st_size > MAX_BYTES:
        raise MeshError(f"the file has {path.stat().st_size / 2**20:.0f} MiB; at most {MAX_BYTES >> 20} are read")
    try:
        loaded: Any = trimesh.load(path, process=False, skip_materials=True)
        mesh = loaded.to_mesh() if isinstance(loaded, trimesh.Scene) else loaded
    except Exception as error:  # parsers fail on damaged files in ways of their own
        raise MeshError(f"the file cannot be read as a mesh: {error or type(error).__name__}") from error
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise MeshError("the file has no triangles (a point cloud cannot be sampled by area)")
    return surface_of(mesh)


def surface_of(mesh: trimesh.Trimesh) -> Surface:
    """Check a mesh and keep its triangles with area.

    Raises:
        MeshError: no triangle with area, vertices that are not finite, or too many faces.
    """
    vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
    if not len(vertices) or not len(faces):
        raise MeshError("the mesh is empty: it has no vertex or no face")
    if len(faces) > MAX_FACES:
        raise MeshError(f"the mesh has {len(faces):,} faces; simplify it to at most {MAX_FACES:,}")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise MeshError("a face names a vertex that does not exist")
    used = vertices[np.unique(faces)]
    if not np.isfinite(used).all():
        raise MeshError(f"{int((~np.isfinite(used).all(axis=1)).sum())} vertices are NaN or infinite")
    extent = float(np.ptp(used, axis=0).max())
    if extent <= 0:
        raise MeshError("the mesh has no extent: all its vertices are at one place")
    # Measured on the unit cube, where neither tiny nor huge units under- or overflow.
    areas = np.linalg.norm(_cross_of((vertices - used.min(axis=0)) / extent, faces), axis=1)
    solid = areas > 0
    if not solid.any():
        raise MeshError("the mesh has no triangle with area: all of them are points or lines")
    kept, index = np.unique(faces[solid], return_inverse=True)
    faces = index.reshape(-1, 3)
    return Surface(vertices[kept], faces, int((~solid).sum()), _open_edges(vertices[kept], faces))


def fitted(surface: Surface) -> Surface:
    """Centre the bounding box and scale its longest side to [-1, 1] (paper D.3.1)."""
    low, high = surface.vertices.min(axis=0), surface.vertices.max(axis=0)
    vertices = (surface.vertices - (low + high) / 2) * (2 / float((high - low).max()))
    return Surface(vertices, surface.faces, surface.dropped_faces, surface.open_edges)


def sample_surface(surface: Surface, count: int, seed: int) -> SurfacePoints:
    """Draw `count` points uniformly by area; the same for the same surface, count and seed.

    The draws are independent; they come sorted along the faces, so that neighbours in the list are neighbours in space,
    which makes nearest-neighbour queries several times faster and changes no statistic.
    """
    cross = _cross_of(surface.vertices, surface.faces)
    double_areas = np.linalg.norm(cross, axis=1)
    cumulative = np.cumsum(double_areas)
    rng = np.random.default_rng(seed)
    positions = np.sort(rng.random(count)) * cumulative[-1]
    face = np.searchsorted(cumulative, positions, side="right").clip(max=len(double_areas) - 1)
    u, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    corners = surface.faces[face]
    points = surface.vertices[corners[:, 0]] * (1 - u)
    points += surface.vertices[corners[:, 1]] * (u * (1 - v))
    points += surface.vertices[corners[:, 2]] * (u * v)
    normals = cross / np.maximum(double_areas, np.finfo(np.float64).tiny)[:, None]
    return SurfacePoints(points, normals[face])


def _cross_of(vertices: Points, faces: NDArray[np.int64]) -> Points:
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return np.asarray(np.cross(b - a, c - a))


def _open_edges(vertices: Points, faces: NDArray[np.int64]) -> int:
    """Count edges that are not shared by exactly two faces, once vertices at the same place are one."""
    _, same = np.unique(vertices, axis=0, return_inverse=True)
    joined = same.reshape(-1)[faces]
    edges = np.sort(np.concatenate([joined[:, [0, 1]], joined[:, [1, 2]], joined[:, [2, 0]]]), axis=1)
    _, counts = np.unique(edges[:, 0] * (int(joined.max()) + 1) + edges[:, 1], return_counts=True)
    return int((counts != 2).sum())
