"""Stage 3 in a real browser: every function of the paper's tool and more, by keyboard alone and by mouse alone."""

import pytest
from playwright.sync_api import expect

from engine.alignment.models import Alignment, AssistanceUse
from engine.alignment.rescoring import score_alignment
from engine.contracts.poses import Pose
from engine.workforce.models import Judgement
from tests.e2e.alignment_desk import SLOWEST_MS, keep_screenshots, take_seat
from tests.e2e.alignment_queue import queue_alignment
from tests.e2e.conftest import OpenPage
from tests.stage_fixtures import handed_over, no_worker, own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed_over", "no_worker")]

ANGLES = ("heading", "tilt", "roll")
BESIDE = Pose(rotation_wxyz=(0.0, 1.0, 0.0, 0.0), translation=(0.45, 0.1, 1.5), scale=(0.2, 0.2, 0.2))


def test_every_function_by_keyboard_alone(person_page: OpenPage) -> None:
    alignment = queue_alignment(neighbour=BESIDE)
    desk = take_seat(person_page)
    page = desk.page
    first = desk.pose()
    keep_screenshots(page, "alignment-dark", (1280, 720))

    moved = desk.press("w", "ArrowRight")
    assert moved["x"] > first["x"]
    assert (moved["y"], moved["z"]) == (first["y"], first["z"])
    finely = desk.press("Shift+ArrowLeft")
    assert 0 < moved["x"] - finely["x"] < 0.5 * (moved["x"] - first["x"])
    assert desk.press("z", "z") == first
    assert desk.press("y", "y") == finely
    assert desk.press("Control+z", "Control+z") == first

    assert desk.press("e", "ArrowRight")["heading"] > first["heading"]
    desk.press("z", "x")
    assert desk.press("ArrowRight")["heading"] == pytest.approx(first["heading"] + 15, abs=0.2)
    assert desk.press("x", "z", "r", "ArrowUp")["size"] > first["size"]
    desk.press("z")

    farther = desk.press("PageUp")  # farther, outline kept
    assert farther["z"] / first["z"] == pytest.approx(farther["size"] / first["size"], abs=1e-3)
    desk.press("z")
    desk.press("q")
    expect(page.get_by_role("button", name="Axes: local")).to_be_visible()
    desk.press("q", "q", "w", "Shift+Y")
    expect(page.get_by_role("button", name="only along y")).to_be_visible()
    up = desk.press("ArrowRight")
    assert (up["x"], up["y"] < first["y"]) == (first["x"], True)
    assert desk.press("z", "Shift+Y") == first

    turned = desk.press("j")
    assert abs((turned["heading"] - first["heading"] + 180) % 360 - 180) == pytest.approx(90, abs=0.2)
    assert desk.press("l") == first
    for key in ("i", "k", "u", "m", "Shift+M"):
        assert desk.press(key) != first, key
        assert desk.press("z") == first, key

    for key, name in (("v", "Mesh"), ("t", "Target"), ("c", "Controls"), ("h", "Placed")):
        desk.is_pressed(name)
        desk.press(key)
        desk.is_pressed(name, False)
        desk.press(key)
    points = page.get_by_role("slider", name="Size of points")
    desk.press("p", "p")
    expect(points).to_have_attribute("aria-valuenow", "3")
    desk.press("Shift+P")
    expect(points).to_have_attribute("aria-valuenow", "2")
    desk.press("d")
    expect(page.get_by_role("button", name="Overlay: surface")).to_be_visible()
    opacity = page.get_by_role("slider", name="Opacity of the overlay")
    desk.press("BracketLeft", "BracketLeft", "BracketRight")
    expect(opacity).to_have_attribute("aria-valuenow", "0.5")
    desk.press("BracketRight", "d", "9")
    expect(page.get_by_role("button", name="Whole")).to_be_visible()
    desk.press("d", "9")

    desk.press("1")
    desk.is_pressed("Camera")
    for key in ("2", "3", "4", "5", "6", "f", "=", "-", "0", " ", "ArrowLeft", "ArrowUp", ","):
        desk.press(key)
    desk.is_pressed("Camera", False)
    assert desk.pose() == first  # looking around moves nothing

    floating = desk.press("w", "ArrowUp", "ArrowUp")
    desk.press("g")
    standing = desk.pose_other_than(floating)
    assert [standing[angle] for angle in ANGLES] == [floating[angle] for angle in ANGLES]
    desk.press("b")
    assert desk.pose_other_than(standing) == first
    before = desk.scores()
    desk.ask("a", "Snap")
    assert sum(desk.scores()) >= sum(before)
    desk.press("o")
    expect(page.get_by_role("button", name="Proposal 1")).to_be_visible(timeout=SLOWEST_MS)
    page.wait_for_function("() => document.querySelectorAll('canvas[data-drawn]').length > 1")
    keep_screenshots(page, "alignment-proposals-dark", (1280, 720))
    desk.press("1")
    expect(page.get_by_role("button", name="Proposal 1")).to_have_count(0)

    while page.evaluate("document.activeElement?.dataset.field") != "heading":
        page.keyboard.press("Tab")
    page.keyboard.type("30")
    page.keyboard.press("Enter")
    assert desk.pose()["heading"] == 30
    expect(page.get_by_text("saved ✓")).to_be_visible()
    placed = desk.pose()
    page.reload()
    desk.scene_is_shown()
    assert desk.pose() == placed  # the draft goes on where it stood
    scores = desk.scores()
    desk.hand_in()
    expect(page.get_by_text("Nothing waits to be placed")).to_be_visible()

    score_alignment(work_item_id=alignment.pk)
    alignment.refresh_from_db()
    assert (alignment.client_silhouette_iou, alignment.client_inlier_share) == pytest.approx(scores, abs=1e-6)
    assert alignment.silhouette_iou == pytest.approx(scores[0], abs=0.01)
    assert alignment.inlier_share == pytest.approx(scores[1], abs=0.01)
    assert alignment.pose["translation"][2] == pytest.approx(placed["z"], abs=1e-4)
    kinds = list(AssistanceUse.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["ground", "initial_pose", "snap", "try_others"]
    assert AssistanceUse.objects.get(kind="try_others").kept


def test_every_function_by_mouse_alone(person_page: OpenPage) -> None:
    queue_alignment(neighbour=BESIDE)
    desk = take_seat(person_page, scheme="light")
    page = desk.page
    page.get_by_role("button", name="Switch to the light theme").click()
    first = desk.pose()
    scene, photograph = desk.view("scene"), desk.view("photograph")
    desk.click("Camera")
    middle = scene.at(0.5, 0.5)

    moved = desk.drag(photograph.at(0.5, 0.5), photograph.at(0.55, 0.5))
    assert moved["x"] > first["x"]
    assert desk.click("Undo") == first
    assert desk.click("Redo") == moved
    desk.click("Undo")

    desk.click("Start")
    desk.click("Move")
    in_scene = desk.drag(middle, (middle[0] + 60, middle[1]))
    assert in_scene != first
    desk.click("Undo")
    desk.drag(scene.at(0.02, 0.5), scene.at(0.1, 0.45))  # beside the object: the view turns
    desk.drag(scene.at(0.02, 0.5), scene.at(0.1, 0.5), button="right")
    page.mouse.wheel(0, -240)
    assert desk.pose() == first
    desk.click("Reset")
    keep_screenshots(page, "alignment-light", (1280, 720), (2560, 1440))

    desk.click("Turn")
    assert desk.drag(photograph.at(0.5, 0.5), photograph.at(0.6, 0.5))["heading"] != first["heading"]
    desk.click("Undo")
    page.keyboard.down("Control")  # a modifier of the mouse
    stepped = desk.drag(photograph.at(0.5, 0.5), photograph.at(0.6, 0.5))["heading"] - first["heading"]
    page.keyboard.up("Control")
    assert abs(stepped) > 10
    desk.click("Undo")
    page.keyboard.down("Shift")
    finely = desk.drag(photograph.at(0.5, 0.5), photograph.at(0.6, 0.5))["heading"] - first["heading"]
    page.keyboard.up("Shift")
    assert 0 < abs(finely) < 0.5 * abs(stepped)
    desk.click("Undo")
    desk.click("Scale")
    assert desk.drag(photograph.at(0.6, 0.5), photograph.at(0.7, 0.5))["size"] > first["size"]
    desk.click("Undo")
    page.mouse.move(*photograph.at(0.5, 0.5))
    page.mouse.wheel(0, 120)
    assert desk.pose_other_than(first)["z"] > first["z"]
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    assert desk.click("Undo") == first

    for name in ("Flip", "Invert", "↶", "↷", "⤒", "⤓", "⟲"):
        assert desk.click(name) != first, name
        assert desk.click("Undo") == first, name
    for name in ("Mesh", "Target", "Controls", "Placed", "x", "Steps"):
        before = page.get_by_role("button", name=name, exact=True).get_attribute("aria-pressed") == "true"
        desk.click(name)
        desk.is_pressed(name, not before)
        desk.click(name)
    desk.click("Points +")
    slider = page.get_by_role("slider", name="Size of points")
    expect(slider).to_have_attribute("aria-valuenow", "2")
    desk.click("−")
    for name in ("Left", "Right", "Above", "Behind", "Fit", "Start", "Axes: world", "Axes: local", "Axes: view"):
        desk.click(name)
    for name in ("Overlay: fit", "Overlay: surface", "Overlay: outline", "Zoomed", "Whole"):
        desk.click(name)
    opacity = page.get_by_role("slider", name="Opacity of the overlay")
    faint, thumb = opacity.get_attribute("aria-valuenow"), opacity.bounding_box()
    assert thumb is not None
    desk.drag((thumb["x"] + 2, thumb["y"] + 2), (thumb["x"] + 200, thumb["y"]))
    expect(opacity).to_have_attribute("aria-valuenow", "1")
    assert faint != "1"
    desk.click("Snap")
    expect(page.get_by_role("button", name="Snap")).to_be_enabled(timeout=SLOWEST_MS)
    desk.click("Try others")
    page.get_by_role("button", name="Proposal 2").click(timeout=SLOWEST_MS)
    chosen = desk.pose()
    desk.click("Ground")
    desk.pose_other_than(chosen)
    desk.click("First pose")
    expect(page.locator("[data-field=x]")).to_have_value(f"{first['x']:.4f}")
    desk.click("Guide")
    expect(page.get_by_text("put the shape where the object is")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button").first.click()
    desk.click("Not alignable…")
    keep_screenshots(page, "alignment-not-alignable-light", (1280, 720))
    page.get_by_role("button", name="too occluded").click()
    expect(page.get_by_text("Nothing waits to be placed")).to_be_visible()
    assert Alignment.objects.get(submitted_at__isnull=False, not_alignable="too_occluded").pose is None
    assert Judgement.objects.count() == 1


def test_with_the_keys_of_blender_the_object_follows_the_pointer_until_it_is_put_down(person_page: OpenPage) -> None:
    queue_alignment()
    desk = take_seat(person_page)
    page, photograph = desk.page, desk.view("photograph")
    page.keyboard.press("Shift+Slash")
    desk.click("All keys as in Blender")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    first = desk.pose()
    page.mouse.move(*photograph.at(0.5, 0.5))
    desk.press("g")
    page.mouse.move(*photograph.at(0.6, 0.6))
    assert desk.pose() != first
    assert desk.press("Escape") == first
    page.mouse.move(*photograph.at(0.5, 0.5))
    desk.press("g")
    page.mouse.move(*photograph.at(0.6, 0.6))
    along_x = desk.press("x")
    assert (along_x["x"] > first["x"], along_x["y"]) == (True, first["y"])
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(*photograph.at(0.3, 0.3))
    assert desk.pose() == along_x  # put down
    desk.press("s")
    page.mouse.move(*photograph.at(0.2, 0.2))
    larger = desk.press("Enter")  # puts it down, and submits nothing
    assert larger["size"] > first["size"]
    assert desk.press("u") == along_x
    assert desk.press("u") == first
    assert not Alignment.objects.filter(submitted_at__isnull=False).exists()
