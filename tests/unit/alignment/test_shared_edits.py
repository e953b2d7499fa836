"""Flips, quarter turns, axes and standing on the ground, in the poses that the page's tests share."""

import json

import numpy as np
import pytest

from engine.alignment.initial_pose import upright_facing_camera
from engine.alignment.similarity import rotation_about
from engine.contracts.poses import Pose, rotation_from_quaternion, transform_points
from engine.contracts.serialisation import from_json
from engine.embedded.places import CHECKOUT

SHARED = json.loads((CHECKOUT / "tests" / "fixtures" / "poses.json").read_text())
NORMAL, OFFSET = np.array(SHARED["ground"]["normal"]), SHARED["ground"]["offset"]
CORNERS = np.array(SHARED["corners_object"])
PHOTOGRAPH_AXES = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
EDITS = {edit["name"]: edit for edit in SHARED["edits"]}


def rotations(edit: dict) -> tuple[np.ndarray, np.ndarray]:
    """Before and after."""
    before, after = (from_json(Pose, edit[when]) for when in ("pose", "after"))
    return rotation_from_quaternion(before.rotation_wxyz), rotation_from_quaternion(after.rotation_wxyz)


def test_the_axes_of_the_ground_are_those_of_an_upright_object() -> None:
    upright = upright_facing_camera(tuple(NORMAL))
    np.testing.assert_allclose(np.array(SHARED["ground"]["axes"]).T, upright, atol=1e-9)


@pytest.mark.parametrize(("name", "mirrored"), [("front to back", (-1, 1, -1)), ("upside down", (1, -1, -1))])
def test_flips_turn_two_of_the_objects_axes_round(name: str, mirrored: tuple[int, int, int]) -> None:
    before, after = rotations(EDITS[name])
    np.testing.assert_allclose(after, before @ np.diag(mirrored), atol=1e-9)


@pytest.mark.parametrize(
    "edit", [edit for edit in SHARED["edits"] if edit["edit"] == "quarter"], ids=lambda e: e["name"]
)
def test_quarter_turns_go_about_one_axis_of_the_frame(edit: dict) -> None:
    before, after = rotations(edit)
    axes = {"photograph": PHOTOGRAPH_AXES, "ground": np.array(SHARED["ground"]["axes"]), "local": before.T}
    turn = rotation_about(edit["sign"] * np.pi / 2 * axes[edit["frame"]][edit["axis"]])
    np.testing.assert_allclose(after, turn @ before, atol=1e-9)
    assert edit["after"]["translation"] == edit["pose"]["translation"]


def test_on_the_ground_one_axis_is_vertical_and_the_lowest_corner_touches() -> None:
    edit = EDITS["on the ground"]
    before, after = rotations(edit)
    placed = transform_points(from_json(Pose, edit["after"]), CORNERS)
    assert (placed @ NORMAL).min() == pytest.approx(OFFSET, abs=1e-9)
    upright = np.abs(after.T @ NORMAL).argmax()
    assert abs(after.T @ NORMAL)[upright] == pytest.approx(1)
    assert upright == np.abs(before.T @ NORMAL).argmax()  # the nearest of its axes
    np.testing.assert_allclose(
        np.cross(np.array(edit["after"]["translation"]) - edit["pose"]["translation"], NORMAL), 0, atol=1e-9
    )  # it moves up or down alone
