"""A scripted artist's mesh is closed, upright and looks like the mask from the front."""

import numpy as np

from engine.rehearsal.sculpting import sculpt
from engine.rehearsal.silhouettes import best_view


def test_the_sculpture_is_closed_fits_the_unit_cube_and_covers_its_mask() -> None:
    rows, columns = np.mgrid[0:120, 0:160]
    mask = ((rows - 70) / 40) ** 2 + ((columns - 60) / 25) ** 2 < 1
    mask[20:70, 55:65] = True  # a stalk upwards
    body = sculpt(mask)
    assert body.is_watertight
    assert np.abs(body.bounds).max() <= 0.5 + 1e-9
    assert best_view(body, mask).iou > 0.9
    upper_half = body.vertices[body.vertices[:, 1] > 0.4]
    assert np.ptp(upper_half[:, 0]) < 0.3, "the stalk is on top, where it is in the photograph"
