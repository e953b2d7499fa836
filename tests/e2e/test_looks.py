"""Every page in both themes, small and large: pictures to look at, and what axe-core says about each."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from engine.sourcing.services import register_target
from engine.workforce.models import Role, Stage
from tests.e2e.accessibility import violations
from tests.e2e.conftest import OpenPage, keep_screenshot, sign_in
from tests.e2e.selection_page import at_the_rating, choose
from tests.e2e.selection_queue import cup_mask, queue_selections, register_photograph
from tests.factories import make_iteration, make_judgement, make_target, make_user, make_work_item
from tests.stage_fixtures import handed_over, own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed_over")]

SIZES = {1280: 720, 2560: 1440}
Look = Callable[[str], None]


@pytest.fixture(params=["dark", "light"])
def look(request: pytest.FixtureRequest, person_page: OpenPage) -> tuple[Page, Look]:
    """An annotator's page in one theme, and what looks at it: in both sizes, and with axe."""
    scheme: str = request.param
    ada = make_user(Role.ANNOTATOR, username="ada")
    for number in range(3):
        item = make_work_item(stage=Stage.SELECTION, target=make_target(), state="done")
        make_judgement(item=item, user=ada, duration_ms=41_000 + number * 9_000)
    make_iteration(number=2, alpha=0.55)
    register_target(image_id=register_photograph().id, mask=cup_mask(), source="cup", category="mug")
    queue_selections(1, candidates=6)
    page = person_page("ada", scheme=scheme)
    if scheme == "light":
        page.get_by_role("button", name="Switch to the light theme").click()
    page.emulate_media(reduced_motion="reduce")

    def see(name: str) -> None:
        for width, height in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(150)
            keep_screenshot(page, f"looks/{name}-{scheme}-{width}")
        page.set_viewport_size({"width": 1280, "height": 720})
        found = violations(page)
        assert not found, f"{name}, {scheme}: {json.dumps(found, indent=2)}"

    return page, see


def test_home_masks_and_signing_in(look: tuple[Page, Look]) -> None:
    page, see = look
    expect(page.get_by_text("Iteration 2")).to_be_visible()
    expect(page.get_by_text("bar α 0.55")).to_be_visible()
    expect(page.get_by_role("row", name="Stage 2")).to_contain_text("50 s")
    expect(page.locator("[data-empty=false]").filter(has_text="Pick the best shape")).to_contain_text("1")
    expect(page.get_by_text("Model hard cases")).to_have_count(0)  # not an annotator's
    expect(page.get_by_role("link", name="Dashboard")).to_have_count(0)
    see("home")
    page.keyboard.press("1")
    page.wait_for_url("**/masks/")
    expect(page.locator("canvas[data-loaded=true]")).to_be_visible()
    see("masks")
    page.keyboard.press("c")
    page.keyboard.type("teddy")
    expect(page.get_by_role("option", name="teddy bear")).to_be_visible()
    see("masks-category")
    page.context.clear_cookies()
    page.goto("/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    see("signin")
    sign_in(page, "nobody")
    expect(page.get_by_role("alert")).to_contain_text("not correct")
    see("signin-wrong")


def test_selection_from_the_first_pair_to_the_empty_queue(look: tuple[Page, Look]) -> None:
    page, see = look
    expect(page.get_by_role("link", name="Start: Pick the best shape")).to_be_visible()
    page.keyboard.press("2")
    page.wait_for_url("**/selection/")
    page.wait_for_function("() => document.querySelector('canvas[data-shown]')?.dataset.shown")
    expect(page.get_by_text("Two bad shapes still have a better one")).to_be_visible()
    see("selection-compare")
    for number in range(1, 6):
        expect(page.get_by_text(f"round {number} of 5", exact=True)).to_be_visible()
        choose(page, "ArrowLeft")
    at_the_rating(page)
    page.keyboard.press("Digit2")
    expect(page.get_by_text("Under the bar: what")).to_be_visible()
    see("selection-rate")
    page.keyboard.press("s")
    expect(page.get_by_label("Too hard to judge")).to_be_visible()
    see("selection-skip")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Shift+Slash")
    key = page.get_by_role("button", name="Key of “Back one step”")
    key.press("Enter")
    page.keyboard.press("Space")
    expect(page.get_by_text("Space is taken by “Turntables on or off”.")).to_be_visible()
    see("selection-keys")
    key.press("Enter")
    page.keyboard.press("z")
    expect(key).to_have_text("Z")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("z")  # back one step, by the new key
    expect(page.get_by_text("round 5 of 5", exact=True)).to_be_visible()
    choose(page, "ArrowLeft")
    at_the_rating(page)
    page.keyboard.press("Digit2")
    page.keyboard.press("Digit9")
    expect(page.get_by_role("button", name="small object")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits to be compared")).to_be_visible()
    see("selection-empty")
