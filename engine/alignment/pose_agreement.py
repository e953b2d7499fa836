"""How far two poses of one mesh are apart: against a known pose, or two people's against each other.

Symmetric objects look the same in several poses; whoever chose another one of them has not erred: the measures count
the nearest of the equivalent poses. Source: paper D.3.2 for ADD-S; a tenth of the diameter is its usual threshold.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.alignment.similarity import rotation_about
from engine.contracts.poses import Pose, rotation_from_quaternion, transform_points

Array = NDArray[np.float64]

ADD_S_BAR = 0.1

# Points of the surface that the measures are taken on; symmetries are looked for by the distance of some turned points
# to a dense cover. A fixed seed, so that the same poses agree as much every time.
SURFACE_POINTS, COVER_POINTS, TURNED_POINTS = 2000, 40_000, 500

# A rotation is a symmetry where it moves no part of the surface farther than this share of the diameter off it.
SYMMETRY_SHARE = 0.015

# Shares of a whole turn about each axis that may be symmetries: tens of degrees, eighths and fifths.
TURNS = sorted({step / fold for fold in (36, 8, 5) for step in range(1, fold)})

# A cube has 24 symmetries and a pentagonal prism 10; whoever finds more than this has found a ball.
MOST_SYMMETRIES = 120


@dataclass(frozen=True)
class PoseAgreement:
    """Differences of a pose from a reference; zero, zero, zero and one where they agree.

    Attributes:
        add_s: mean distance from the reference's surface to the nearest surface point of the pose, over the diameter.
        rotation_degrees: the smallest turn between the two, modulo the symmetries of the mesh.
        translation_over_diameter: distance of the two centres of the mesh's box over the reference's diameter.
        scale_ratio: volume scale of the pose over that of the reference, as a length.
    """

    add_s: float
    rotation_degrees: float
    translation_over_diameter: float
    scale_ratio: float

    @property
    def agrees(self) -> bool:
        """ADD-S@0.1."""
        return self.add_s < ADD_S_BAR


class PosedMesh:
    """A mesh whose poses are compared. Its symmetries are looked for once.

    Args:
        vertices_object: (n, 3) in the object frame; `faces`: (m, 3) indices into them.

    Attributes:
        round_axes: (k, 3) axes of the object frame about which every turn looks the same.
        symmetries: the other rotations that leave the surface where it is, with the identity.
    """

    def __init__(self, vertices_object: NDArray[np.floating], faces: NDArray[np.integer]) -> None:
        from scipy import spatial

        vertices = np.asarray(vertices_object, dtype=np.float64)
        cover = _sample_surface(vertices, faces, COVER_POINTS)
        self._surface = cover[:SURFACE_POINTS]
        self._centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
        self._diameter = float(np.linalg.norm(np.ptp(vertices, axis=0)))
        self._cover = spatial.cKDTree(cover - self._centre)
        self._spacing = float(self._cover.query(self._surface - self._centre, k=2)[0][:, 1].max())
        turns = {axis: self._turns_about(axis) for axis in range(3)}
        self.round_axes = np.array([np.eye(3)[axis] for axis in turns if len(turns[axis]) == len(TURNS)]).reshape(-1, 3)
        self.symmetries = _closed([turn for axis in turns if len(turns[axis]) < len(TURNS) for turn in turns[axis]])

    def compare(self, pose: Pose, reference: Pose) -> PoseAgreement:
        """Measure `pose` against `reference`."""
        from scipy import spatial

        posed, wanted = transform_points(pose, self._surface), transform_points(reference, self._surface)
        diameter = self._diameter * _length(reference)
        between = rotation_from_quaternion(pose.rotation_wxyz).T @ rotation_from_quaternion(reference.rotation_wxyz)
        centres = transform_points(pose, self._centre[None]) - transform_points(reference, self._centre[None])
        return PoseAgreement(
            add_s=float(spatial.cKDTree(posed).query(wanted)[0].mean()) / diameter,
            rotation_degrees=min(self._turn_degrees(between @ symmetry) for symmetry in self.symmetries),
            translation_over_diameter=float(np.linalg.norm(centres)) / diameter,
            scale_ratio=_length(pose) / _length(reference),
        )

    def _turn_degrees(self, rotation: Array) -> float:
        """The turn that is seen: about a round axis only its tilt, of a ball nothing."""
        if len(self.round_axes) > 1:
            return 0.0
        cosine = (np.trace(rotation) - 1) / 2
        if len(self.round_axes) == 1:
            (axis,) = self.round_axes
            cosine = axis @ rotation @ axis
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))

    def _turns_about(self, axis: int) -> list[Array]:
        """The turns about an axis of the object that leave the surface where it is."""
        points = self._surface[:TURNED_POINTS] - self._centre
        turned = [rotation_about(np.eye(3)[axis] * turn * 2 * np.pi) for turn in TURNS]
        bar = self._spacing + SYMMETRY_SHARE * self._diameter
        return [one for one in turned if float(self._cover.query(points @ one.T)[0].max()) < bar]


def _sample_surface(vertices: Array, faces: NDArray[np.integer], count: int) -> Array:
    """Points spread evenly over the surface in random order, the same ones every time."""
    import trimesh

    mesh = trimesh.Trimesh(vertices=vertices, faces=faces, process=False)
    return np.asarray(trimesh.sample.sample_surface(mesh, count, seed=0)[0], dtype=np.float64)


def _closed(turns: list[Array]) -> list[Array]:
    """The group that the turns make: a cube's halves and quarters give the thirds about its corners as well."""
    found = [np.eye(3)]
    for one in found:  # grows while it is walked
        for turn in turns:
            product = turn @ one
            if len(found) < MOST_SYMMETRIES and not any(np.allclose(product, known, atol=1e-6) for known in found):
                found.append(product)
    return found


def _length(pose: Pose) -> float:
    """One number for the scale: the side of a cube of the same volume."""
    return float(np.prod(pose.scale) ** (1 / 3))
