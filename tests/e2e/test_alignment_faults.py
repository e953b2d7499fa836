"""What goes wrong at Stage 3: said where the work is, and nothing is lost."""

import pytest
from playwright.sync_api import expect

from engine.alignment import assistance, services
from engine.alignment.models import Alignment
from engine.alignment.rescoring import score_alignment
from engine.asking import NobodyAnswers
from engine.workforce.models import Draft, Role, User, WorkItem
from tests.e2e.alignment_desk import take_seat
from tests.e2e.alignment_queue import queue_alignment, queue_large_alignment
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.factories import make_user
from tests.posed_scenes import posed_scene
from tests.stage_fixtures import handed_over, no_worker, own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed_over", "no_worker")]


def test_without_points_under_the_mask_the_outline_guides_and_a_guess_is_called_one(person_page: OpenPage) -> None:
    queue_alignment(pointless=True)
    desk = take_seat(person_page)
    guessed = queue_alignment(source="prior", scale="relative")
    expect(desk.page.get_by_text("no points on the target")).to_be_visible()
    expect(desk.page.get_by_role("button", name="First pose")).to_be_disabled()
    keep_screenshot(desk.page, "alignment-pointless-dark-1280")
    first = desk.scene_is_shown()
    silhouette, points = desk.scores()
    assert (silhouette > 0.2, points) == (True, None)
    desk.press("w", "ArrowRight")
    desk.hand_in()
    assert desk.scene_is_shown(other_than=first) == str(guessed.pk)
    expect(desk.page.get_by_text("points: coarse guess")).to_be_visible()
    assert Alignment.objects.get(submitted_at__isnull=False).pose is not None


def test_a_drag_survives_the_loss_of_the_graphics_card(person_page: OpenPage) -> None:
    queue_alignment()
    desk = take_seat(person_page)
    page, first, photograph = desk.page, desk.pose(), desk.view("photograph")
    page.mouse.move(*photograph.at(0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*photograph.at(0.6, 0.5), steps=2)
    dragged = desk.pose()
    page.evaluate(
        "() => { const gl = document.querySelector('canvas[data-shown]').getContext('webgl2');"
        " window.lost = gl.getExtension('WEBGL_lose_context'); window.lost.loseContext(); }"
    )
    expect(page.get_by_text("The graphics card took a break")).to_be_visible()
    page.mouse.up()
    assert desk.pose() == dragged != first
    page.evaluate("window.lost.restoreContext()")
    expect(page.get_by_text("The graphics card took a break")).to_have_count(0)
    silhouette, _ = desk.scores()
    assert 0 < silhouette < 1
    assert desk.press("z") == first
    assert desk.drag(photograph.at(0.5, 0.5), photograph.at(0.55, 0.5)) != first


def test_a_task_that_somebody_else_took_over_is_explained_and_its_pose_kept(person_page: OpenPage) -> None:
    alignment = queue_alignment()
    desk = take_seat(person_page)
    placed = desk.press("w", "ArrowRight")
    WorkItem.objects.filter(id=alignment.work_item_id).update(state="open", holder=None, lease_expires_at=None)
    assert services.claim(user=make_user(Role.ANNOTATOR, username="bob")) is not None
    with desk.page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.request.method == "PUT"):
        desk.hand_in()
    expect(desk.page.get_by_text("somebody else had taken that task over")).to_be_visible()
    keep_screenshot(desk.page, "alignment-superseded-dark-1280")
    kept = Draft.objects.get(user=User.objects.get(username="ada")).content["pose"]
    assert kept["translation"][0] == pytest.approx(placed["x"], abs=1e-4)


def test_what_is_no_pose_is_said_and_not_sent(person_page: OpenPage) -> None:
    queue_alignment()
    desk = take_seat(person_page)
    page = desk.page
    page.locator("[data-field=z]").fill("-1")
    page.keyboard.press("Enter")
    desk.hand_in()
    expect(page.get_by_text("behind the camera")).to_be_visible()
    assert desk.scores()[0] == 0
    desk.press("z")
    size = desk.pose()["size"]
    for nonsense in ("0", "-2", "wide"):
        page.locator("[data-field=size]").fill(nonsense)
        page.keyboard.press("Enter")
        assert desk.pose()["size"] == size
    page.locator("[data-field=size]").fill("0.0001")
    page.keyboard.press("Enter")
    desk.hand_in()
    expect(page.get_by_text("smaller than a pixel")).to_be_visible()
    assert not Alignment.objects.filter(submitted_at__isnull=False).exists()


def test_a_key_pressed_twice_does_not_hand_in_what_nobody_saw(person_page: OpenPage) -> None:
    queue_alignment()
    desk = take_seat(person_page)
    second = queue_alignment()
    first = desk.scene_is_shown()
    expect(desk.page.get_by_role("button", name="Submit", exact=True)).to_be_enabled()
    desk.page.evaluate(
        "() => { const later = window.setTimeout;"
        " window.setTimeout = (call, ms, ...rest) => ms === 600 ? 0 : later(call, ms, ...rest); }"
    )  # the moment does not pass
    desk.hand_in()
    assert desk.scene_is_shown(other_than=first) == str(second.pk)
    expect(desk.page.get_by_role("button", name="Submit", exact=True)).to_be_disabled()
    desk.press("Enter")
    expect(desk.page.get_by_text("look at it, then submit")).to_be_visible()
    assert Alignment.objects.get(submitted_at__isnull=False).pk != second.pk


def test_a_huge_mesh_is_drawn_scored_and_placed_like_any_other(person_page: OpenPage) -> None:
    alignment = queue_large_alignment()
    desk = take_seat(person_page)
    canvas = desk.page.locator("canvas[data-shown]")
    drawn = {name: int(canvas.get_attribute(f"data-{name}") or 0) for name in ("triangles", "points", "calls")}
    assert drawn["points"] > 250_000
    assert 200_000 < drawn["triangles"] < 210_000  # the mesh once in each view, and handles
    assert drawn["calls"] <= 12
    first = desk.pose()
    assert desk.press("w", "ArrowRight")["x"] > first["x"]
    silhouette, points = desk.scores()
    desk.hand_in()
    expect(desk.page.get_by_text("Nothing waits to be placed")).to_be_visible()
    score_alignment(work_item_id=alignment.pk)
    alignment.refresh_from_db()
    assert alignment.silhouette_iou == pytest.approx(silhouette, abs=0.01)
    assert alignment.inlier_share == pytest.approx(points, abs=0.01)


def test_help_that_does_not_come_changes_nothing(person_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*args: object, **kwargs: object) -> None:
        raise NobodyAnswers("No worker answered in time.", what_to_do="Go on by hand.")

    queue_alignment()
    desk = take_seat(person_page)
    monkeypatch.setattr(assistance, "ask", nobody)
    first = desk.press("a")
    expect(desk.page.get_by_text("No worker answered in time. Go on by hand.")).to_be_visible()
    assert desk.pose() == first


def test_a_scene_that_does_not_load_is_said_so_and_loads_again(person_page: OpenPage) -> None:
    queue_alignment()
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    page.route("**/mesh", lambda route: route.abort())
    page.goto("/alignment/")
    expect(page.get_by_text("The scene did not load")).to_be_visible()
    page.unroute("**/mesh")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("The scene did not load")).to_have_count(0)
    page.wait_for_function("() => document.querySelector('canvas[data-shown]')?.dataset.shown")


def test_several_tasks_in_one_window_leave_no_memory_behind(person_page: OpenPage) -> None:
    for seed in range(4):
        queue_alignment(posed_scene("mug", seed=seed))
    desk = take_seat(person_page)
    held, shown = [], ""
    for _ in range(4):
        shown = desk.scene_is_shown(other_than=shown)
        canvas = desk.page.locator("canvas[data-shown]")
        desk.scores()
        desk.redraw()
        held.append(tuple(int(canvas.get_attribute(f"data-{kind}") or 0) for kind in ("geometries", "textures")))
        desk.hand_in()
    expect(desk.page.get_by_text("Nothing waits to be placed")).to_be_visible()
    assert Alignment.objects.filter(submitted_at__isnull=False).count() == 4
    assert max(held[1:]) <= held[1], held
