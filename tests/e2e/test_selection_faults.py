"""Stage 2 in a real browser when things go wrong: nothing is lost, and what happened is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, expect

from engine.selection import handing_out
from engine.selection.models import Comparison, Presentation, Selection
from engine.workforce.models import Draft, Role, User, WorkItem
from tests.e2e.conftest import OpenPage, keep_screenshot, sign_in
from tests.e2e.own_server import OwnServer
from tests.e2e.selection_page import at_round, at_the_rating, begin, choose, shapes_are_shown
from tests.e2e.selection_queue import queue_selections
from tests.factories import make_user
from tests.stage_fixtures import handed_over, own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed_over")]


def answers() -> list[str]:
    """What the server has, in order."""
    return list(Comparison.objects.order_by("sequence").values_list("answer", flat=True))


def test_offline_an_answer_waits_here_and_is_sent_by_itself(person_page: OpenPage) -> None:
    queue_selections(1, candidates=3)
    page = begin(person_page)
    first = shapes_are_shown(page)
    page.context.set_offline(True)
    choose(page, "ArrowRight")
    shapes_are_shown(page, other_than=first)  # the page knows the next pair by itself
    expect(page.get_by_text("kept on this machine and will be sent again")).to_be_visible()
    choose(page, "ArrowLeft")
    at_the_rating(page)
    keep_screenshot(page, "selection-offline-dark-1280")
    assert not Comparison.objects.exists()
    page.context.set_offline(False)
    expect(page.get_by_text("kept on this machine")).to_have_count(0)
    expect(page.get_by_text("saved ✓")).to_be_visible()
    assert list(Comparison.objects.order_by("sequence").values_list("answer", flat=True)) == ["right", "left"]


def test_a_task_that_somebody_else_took_over_is_explained_and_its_rating_kept(person_page: OpenPage) -> None:
    (selection,) = queue_selections(1, candidates=2)
    page = begin(person_page)
    with page.expect_response("**/selections/claim"):  # the page looks for the next task; this one must not be it
        choose(page, "ArrowLeft")
    at_the_rating(page)
    page.keyboard.press("Digit4")
    WorkItem.objects.filter(id=selection.work_item_id).update(state="open", holder=None, lease_expires_at=None)
    assert handing_out.claim(user=make_user(Role.ANNOTATOR, username="bob")) is not None
    with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.request.method == "PUT"):
        page.keyboard.press("u")
    expect(page.get_by_role("heading", name="This task is no longer yours")).to_be_visible()
    keep_screenshot(page, "selection-superseded-dark-1280")
    ada = User.objects.get(username="ada")
    assert Draft.objects.get(user=ada).content["rating"] == 0.75
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits to be compared")).to_be_visible()


def test_a_candidate_that_does_not_load_is_said_so_and_can_be_voted_down(person_page: OpenPage) -> None:
    queue_selections(1, candidates=2, broken=True)
    page = begin(person_page)
    broken = page.locator("[data-place]").filter(has=page.get_by_role("alert"))
    expect(broken).to_contain_text("did not load. Try again, or vote it down")
    keep_screenshot(page, "selection-broken-dark-1280")
    with page.expect_response("**/load-failure"):
        broken.get_by_role("button", name="Try again").click()
    expect(broken).to_contain_text("did not load")
    name = "Left" if broken.get_by_role("img").get_attribute("aria-label") == "Left" else "Right"
    choose(page, "ArrowRight" if name == "Left" else "ArrowLeft")
    at_the_rating(page)
    expect(page.get_by_text("did not load")).to_have_count(0)
    assert sorted(Presentation.objects.values_list("load_failures", flat=True)) == [0, 2]


def test_the_shapes_come_back_when_the_graphics_card_takes_the_canvas_away(person_page: OpenPage) -> None:
    queue_selections(1, candidates=2)
    page = begin(person_page)
    page.evaluate(
        "() => { const gl = document.querySelector('canvas[data-shown]').getContext('webgl2');"
        " window.lost = gl.getExtension('WEBGL_lose_context'); window.lost.loseContext(); }"
    )
    expect(page.get_by_text("The graphics card took a break")).to_be_visible()
    page.evaluate("window.lost.restoreContext()")
    expect(page.get_by_text("The graphics card took a break")).to_have_count(0)
    choose(page, "ArrowLeft")
    at_the_rating(page)
    shapes_are_shown(page)


def test_a_session_that_ends_in_mid_task_loses_nothing(person_page: OpenPage) -> None:
    queue_selections(1, candidates=4)
    page = begin(person_page)
    Session.objects.all().delete()
    choose(page, "ArrowLeft")
    at_round(page, 2, of=3)
    expect(page.get_by_text("You have been signed out")).to_be_visible()
    assert answers() == []
    page.get_by_role("button", name="Sign in").click()
    sign_in(page, "ada")
    page.wait_for_url("**/selection/")
    at_round(page, 2, of=3)
    expect(page.get_by_text("saved ✓")).to_be_visible()
    assert answers() == ["left"]


def test_two_windows_of_one_person_agree_on_where_the_task_stands(person_page: OpenPage) -> None:
    queue_selections(1, candidates=4)
    page = begin(person_page)
    other = page.context.new_page()
    other.goto("/selection/")
    assert shapes_are_shown(other) == shapes_are_shown(page)
    choose(other, "ArrowLeft")
    expect(other.get_by_text("saved ✓")).to_be_visible()
    page.bring_to_front()
    choose(page, "ArrowRight")
    expect(page.get_by_text("moved on in another window")).to_be_visible()
    at_round(page, 2, of=3)
    assert answers() == ["left"]


def test_two_people_at_once_work_on_different_objects(person_page: OpenPage) -> None:
    queue_selections(2, candidates=3)
    pages = []
    for name in ("ada", "bob"):
        make_user(Role.ANNOTATOR, username=name)
        page = person_page(name)
        page.goto("/selection/")
        shapes_are_shown(page)
        pages.append(page)
    for page in pages:
        page.bring_to_front()
        choose(page, "ArrowLeft")
        at_round(page, 2, of=2)
        choose(page, "ArrowRight")
        at_the_rating(page)
        page.keyboard.press("Digit5")
    for page in pages:
        page.bring_to_front()
        page.keyboard.press("Enter")
        expect(page.get_by_text("Nothing waits to be compared")).to_be_visible()
    raters = Selection.objects.values_list("tournament__annotator__username", flat=True)
    assert sorted(raters) == ["ada", "bob"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    server = OwnServer(tmp_path)
    server.start()
    yield server
    server.kill()


def test_a_server_that_restarts_in_mid_task_gets_everything(browser: Browser, server: OwnServer) -> None:
    queue_selections(1, candidates=4)
    make_user(Role.ANNOTATOR, username="ada")
    context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto("/selection/")
    sign_in(page, "ada")
    shapes_are_shown(page)
    expect(page.locator("canvas[data-waiting='0']")).to_be_attached()  # every candidate is here
    server.kill()
    choose(page, "ArrowLeft")
    at_round(page, 2, of=3)
    expect(page.get_by_text("kept on this machine and will be sent again")).to_be_visible()
    choose(page, "ArrowDown")
    at_round(page, 3, of=3)
    assert answers() == []
    server.start()
    expect(page.get_by_text("saved ✓")).to_be_visible(timeout=30_000)
    assert answers() == ["left", "equal"]
    choose(page, "ArrowRight")
    at_the_rating(page)
    expect(page.get_by_text("saved ✓")).to_be_visible()
    assert answers() == ["left", "equal", "right"]
    context.close()
