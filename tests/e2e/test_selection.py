"""Stage 2 in a real browser: by keyboard alone, by mouse alone, through reloads, lost networks and lost leases."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from engine.selection.models import Comparison
from engine.workforce.models import Judgement, Role
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.e2e.selection_queue import queue_selections
from tests.factories import make_user
from tests.stage_fixtures import handed_over, own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed_over")]


@pytest.fixture
def ada_page(person_page: OpenPage) -> Iterator[Page]:
    """An annotator's window. Turntables stand still, as for people who want less motion."""
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    yield page


def begin(page: Page) -> None:
    page.goto("/selection/")
    shapes_are_shown(page)


def shapes_are_shown(page: Page, *, other_than: str = "") -> str:
    """Wait until shapes are drawn, other ones than before if given; returns which."""
    page.wait_for_function(
        "before => { const shown = document.querySelector('canvas[data-shown]')?.dataset.shown;"
        " return shown && shown !== before; }",
        arg=other_than,
    )
    return str(page.locator("canvas[data-shown]").get_attribute("data-shown"))


def test_a_task_by_keyboard_alone_with_a_step_back_and_a_reload(ada_page: Page) -> None:
    (selection,) = queue_selections(1, candidates=4)
    page = ada_page
    page.get_by_role("link", name="Start: Pick the best shape").press("Enter")
    first = shapes_are_shown(page)
    expect(page.get_by_text("round 1 of 3")).to_be_visible()
    keep_screenshot(page, "selection-compare-dark-1280")
    page.keyboard.press("ArrowLeft")
    second = shapes_are_shown(page, other_than=first)
    assert first.split()[0] in second.split()  # the one that was picked stays on
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("round 3 of 3")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("round 2 of 3")).to_be_visible()
    page.reload()
    shapes_are_shown(page)
    expect(page.get_by_text("round 2 of 3")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("round 3 of 3")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("rate the winner", exact=True)).to_be_visible()
    page.keyboard.press("Digit2")
    expect(page.get_by_text("Under the bar: what")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Say why")).to_be_visible()
    page.keyboard.press("Digit7")
    expect(page.get_by_text("saved ✓")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="occlusion")).to_have_attribute("aria-pressed", "true")
    shapes_are_shown(page)
    keep_screenshot(page, "selection-rate-dark-1280")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits to be compared")).to_be_visible()
    keep_screenshot(page, "selection-empty-dark")
    selection.refresh_from_db()
    assert (selection.rating, selection.failure_reason) == (0.25, "occlusion")
    answers = list(Comparison.objects.order_by("sequence").values_list("answer", flat=True))
    assert answers == ["left", "equal", "", "right", "right"]
    assert Judgement.objects.get().duration_ms > 0
