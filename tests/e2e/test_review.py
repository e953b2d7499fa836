"""The reviewer's page in a real browser: by keyboard alone, by mouse alone, and what it looks like."""

import json

import pytest
from playwright.sync_api import Page, expect

from engine.sourcing.models import TargetObject
from engine.workforce import reviews
from engine.workforce.models import Judgement, Role, User
from tests.e2e.accessibility import violations
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.e2e.review_queue import judged_masks, judged_pose, judged_selection
from tests.factories import make_user
from tests.stage_fixtures import handed_over, no_worker, own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed_over", "no_worker")]

SIZES = {1280: 720, 1920: 1080, 2560: 1440}
NOTE = "The handle belongs to the mug."


@pytest.fixture
def people() -> tuple[User, User]:
    make_user(Role.REVIEWER, username="rita")
    return make_user(Role.ANNOTATOR, username="ann"), make_user(Role.ANNOTATOR, username="bob")


def entries(page: Page) -> object:
    return page.get_by_role("list", name="Judgements").get_by_role("listitem")


def drawn(page: Page, count: int) -> None:
    """Wait until so many photographs are on screen."""
    expect(page.locator("main [data-loaded=true]")).to_have_count(count)


def state_of(judgement: Judgement) -> str:
    return Judgement.objects.values_list("review", flat=True).get(pk=judgement.pk)


def test_a_queue_by_keyboard_alone(person_page: OpenPage, people: tuple[User, User]) -> None:
    first = judged_masks(*people)
    page = person_page("rita")
    page.goto("/review/")
    expect(entries(page)).to_have_count(4)  # type: ignore[arg-type]
    drawn(page, 2)  # disagreement comes first, and the second opinion stands beside it
    expect(page.get_by_text("overlap (IoU)")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("g")
    expect(page.get_by_text("Marked as gold: ann.")).to_be_visible()
    expect(entries(page)).to_have_count(3)  # type: ignore[arg-type]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    while page.locator("[aria-current=true]").filter(has_text="ann").count() == 0:
        page.keyboard.press("ArrowDown")
    page.keyboard.press("p")
    expect(page.get_by_text("Outlined: the proposal").first).to_be_visible()
    page.keyboard.press("r")
    note = page.get_by_role("textbox", name="What is to be done better?")
    expect(note).to_be_focused()
    page.keyboard.type(NOTE)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Returned: ann.")).to_be_visible()
    expect(note).to_have_count(0)  # keys belong to the dialog until it is gone
    assert state_of(first) == "returned"
    page.keyboard.press("a")
    expect(page.get_by_text("Accepted:")).to_be_visible()
    expect(entries(page)).to_have_count(1)  # type: ignore[arg-type]
    states = sorted(Judgement.objects.values_list("review", flat=True))
    assert states == ["accepted", "gold", "returned", "unreviewed"]

    annotator = person_page("ann")
    expect(annotator.get_by_role("link", name="Review")).to_have_count(0)
    expect(annotator.get_by_role("heading", name="My agreement")).to_be_visible()
    expect(annotator.get_by_text("Nothing to compare yet.")).to_be_visible()  # today's counts from tomorrow on
    annotator.goto("/masks/")
    expect(annotator.get_by_text(NOTE)).to_be_visible()
    annotator.get_by_role("button", name="Close the note").click()
    expect(annotator.get_by_text(NOTE)).to_have_count(0)


def test_a_queue_by_mouse_alone(person_page: OpenPage, people: tuple[User, User]) -> None:
    judged_masks(*people, others=1)
    selection = judged_selection(*people)
    page = person_page("rita")
    page.get_by_role("link", name="Review").click()
    page.get_by_text("Selections", exact=True).click()
    expect(entries(page)).to_have_count(2)  # type: ignore[arg-type]
    entries(page).filter(has_text="ann").click()  # type: ignore[attr-defined]
    mine = page.get_by_role("region", name="ann")
    expect(mine.locator("canvas[data-shown]:not([data-shown=''])")).to_have_count(1)
    expect(mine.get_by_text("Winner rated 0.80")).to_be_visible()
    mine.get_by_role("button", name="1 left").click()
    expect(mine.get_by_text("Comparison 1 of 2: left")).to_be_visible()
    page.get_by_role("button", name="Re-queue").click()
    expect(page.get_by_text("Re-queued: ann.")).to_be_visible()
    assert state_of(selection) == "requeued"
    page.get_by_text("Masks", exact=True).click()
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Accepted:")).to_be_visible()
    page.get_by_role("combobox", name="State").click()
    page.get_by_role("option", name="accepted").click()
    expect(entries(page)).to_have_count(1)  # type: ignore[arg-type]
    page.get_by_text("Agreement", exact=True).click()
    row = page.get_by_role("row").filter(has_text="bob").filter(has_text="Masks")
    expect(row).to_contain_text("0 of 1")
    expect(row).to_contain_text("too few")
    page.get_by_label("Masks: second opinions in percent").fill("10")
    page.get_by_role("button", name="Save").first.click()
    page.reload()
    page.get_by_text("Agreement", exact=True).click()
    expect(page.get_by_label("Masks: second opinions in percent")).to_have_value("10 %")


def test_what_cannot_be_done_is_said_and_nothing_changes(person_page: OpenPage, people: tuple[User, User]) -> None:
    """The target is with machines, another reviewer was faster, the network is away."""
    first = judged_masks(*people, others=0)
    page = person_page("rita")
    page.goto("/review/")
    drawn(page, 2)
    TargetObject.objects.update(state="generating")
    while page.locator("[aria-current=true]").filter(has_text="ann").count() == 0:
        page.keyboard.press("ArrowDown")
    with page.expect_response("**/reviews/?*"):  # it looks again, whether it went well or not
        page.keyboard.press("q")
    expect(page.get_by_role("alert")).to_contain_text("The target is generating")
    assert set(Judgement.objects.values_list("review", flat=True)) == {"unreviewed"}
    reviews.mark_gold(reviewer=make_user(Role.REVIEWER, username="rob"), work_item_id=first.pk)
    page.keyboard.press("a")
    expect(page.get_by_role("alert")).to_contain_text("The judgement is gold")
    expect(entries(page)).to_have_count(1)  # type: ignore[arg-type]
    page.context.set_offline(True)
    page.keyboard.press("a")
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    keep_screenshot(page, "review-offline-dark-1280")
    page.context.set_offline(False)
    page.keyboard.press("a")
    expect(page.get_by_text("Accepted: bob.")).to_be_visible()
    expect(page.get_by_text("Nothing waits for review here")).to_be_visible()
    assert sorted(Judgement.objects.values_list("review", flat=True)) == ["accepted", "gold"]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_looks(person_page: OpenPage, people: tuple[User, User], scheme: str) -> None:
    judged_masks(*people)
    judged_selection(*people)
    judged_pose(people[0])
    page = person_page("rita", scheme=scheme)
    if scheme == "light":
        page.get_by_role("button", name="Switch to the light theme").click()
    page.emulate_media(reduced_motion="reduce")
    page.goto("/review/")
    drawn(page, 2)
    see(page, f"review-masks-{scheme}")
    page.keyboard.press("Shift+Slash")
    expect(page.get_by_role("button", name="Key of “Accept”")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.locator("canvas[data-shown]:not([data-shown=''])")).to_have_count(2)
    see(page, f"review-selections-{scheme}")
    page.keyboard.press("3")
    expect(page.locator("[aria-busy=false] canvas")).to_have_count(1)
    see(page, f"review-poses-{scheme}")
    page.keyboard.press("4")
    expect(page.get_by_role("heading", name="Agreement", exact=True)).to_be_visible()
    see(page, f"review-agreement-{scheme}")


def see(page: Page, name: str) -> None:
    for width, height in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        keep_screenshot(page, f"looks/{name}-{width}")
    page.set_viewport_size({"width": 1280, "height": 720})
    found = violations(page)
    assert not found, f"{name}: {json.dumps(found, indent=2)}"
