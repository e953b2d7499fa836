"""A scripted person tells a fitting texture from a wrong one by its colours."""

import numpy as np
import trimesh

from engine.contracts.glb import MeshPart
from engine.rehearsal.colours import colour_likeness
from engine.rehearsal.silhouettes import view_rotation

RED, GREEN = np.array([200, 30, 30], np.uint8), np.array([30, 160, 30], np.uint8)
FRONT = view_rotation(azimuth_degrees=0, elevation_degrees=0)


def photograph() -> tuple[np.ndarray, np.ndarray]:
    """A round thing, red above and green below, on blue."""
    y, x = np.mgrid[:100, :140]
    mask = (y - 50) ** 2 + (x - 70) ** 2 < 40**2
    image = np.full((100, 140, 3), (20, 20, 220), np.uint8)
    image[mask & (y < 50)], image[mask & (y >= 50)] = RED, GREEN
    return image, mask


def ball(above: np.ndarray, below: np.ndarray) -> list[MeshPart]:
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=0.5)
    colors = np.where(np.asarray(mesh.vertices)[:, 1:2] > 0, above, below).astype(np.uint8)
    return [MeshPart(np.asarray(mesh.vertices), np.asarray(mesh.faces), colors=colors)]


def likeness(parts: list[MeshPart]) -> float:
    image, mask = photograph()
    return colour_likeness(parts, rotation=FRONT, image=image, mask=mask)


def test_the_right_colours_in_the_right_places_are_alike() -> None:
    assert likeness(ball(RED, GREEN)) > 0.9


def test_colours_upside_down_or_of_something_else_are_not() -> None:
    assert likeness(ball(GREEN, RED)) < 0.7
    assert likeness(ball(np.array([20, 20, 220]), np.array([20, 20, 220]))) < likeness(ball(RED, RED))


def test_one_colour_for_all_counts_too() -> None:
    plain = [MeshPart(part.positions, part.faces, base_color=(200, 30, 30)) for part in ball(RED, RED)]
    assert abs(likeness(plain) - likeness(ball(RED, RED))) < 1e-6
