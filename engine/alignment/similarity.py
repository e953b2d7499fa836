"""Poses with one scale, and small changes of them: what a fit moves."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.alignment.initial_pose import upright_facing_camera

Array = NDArray[np.float64]

# Turns about the vertical in the grid of rotations.
YAW_STEPS = 12


@dataclass(frozen=True)
class Similarity:
    """x_camera = scale · R · x_object + translation, with one scale."""

    rotation: Array
    translation: Array
    scale: float

    def moved(self, twist: Array) -> "Similarity":
        """Turn by `twist[:3]` about the object's origin, shift by `twist[3:6]`, scale by e^`twist[6]`."""
        return Similarity(
            rotation=rotation_about(twist[:3]) @ self.rotation,
            translation=self.translation + twist[3:6],
            scale=float(self.scale * np.exp(np.clip(twist[6], -0.5, 0.5))),
        )

    def turn_degrees(self, other: "Similarity") -> float:
        """The angle between the two rotations."""
        cosine = (np.trace(self.rotation.T @ other.rotation) - 1) / 2
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))

    def apply(self, points_object: Array) -> Array:
        """Take (n, 3) object points to the camera frame."""
        return self.scale * points_object @ self.rotation.T + self.translation

    def invert(self, points_camera: Array) -> Array:
        """Take (n, 3) camera points to the object frame."""
        return (points_camera - self.translation) @ self.rotation / self.scale


def rotation_grid(up: tuple[float, float, float]) -> Iterator[Array]:
    """Yield (3, 3) rotations: each of the object's six sides down, in twelve turns about the vertical."""
    upright = upright_facing_camera(up)
    quarter = np.pi / 2
    for side in (
        np.eye(3),
        *(rotation_about(np.array([turns * quarter, 0.0, 0.0])) for turns in (1, 2, 3)),
        *(rotation_about(np.array([0.0, 0.0, turns * quarter])) for turns in (1, 3)),
    ):
        for turn in range(YAW_STEPS):
            yield upright @ rotation_about(np.array([0.0, turn * 2 * np.pi / YAW_STEPS, 0.0])) @ side


def rotation_about(turn: Array) -> Array:
    """Rodrigues: the rotation by |turn| radians about turn."""
    angle = float(np.linalg.norm(turn))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = turn / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
