"""Votes between models in a real browser: by keyboard alone, by mouse alone, through bad networks, and blind."""

import pytest
from playwright.sync_api import Page, Response, expect

from engine.celery import app
from engine.flywheel.voting.models import Ballot, Entry, Evaluation, Showing, Vote
from engine.workforce.models import Judgement, Role, WorkItem
from tests.e2e.accessibility import violations
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.e2e.evaluation_queue import MODELS, queue_ballots
from tests.e2e.selection_page import at_round, choose, shapes_are_shown
from tests.factories import make_user
from tests.stage_fixtures import own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_no_broker")]


@pytest.fixture
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "send_task", lambda *args, **kwargs: None)


def begin(person_page: OpenPage, username: str = "ada") -> Page:
    """A voter at the first ballot. Turntables stand still, as for people who want less motion."""
    make_user(Role.ANNOTATOR, username=username)
    page = person_page(username)
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("link", name="Start: Vote between models").press("Enter")
    shapes_are_shown(page)
    return page


def all_compared(page: Page) -> None:
    """Wait until every pair was voted on."""
    expect(page.get_by_text("all compared", exact=True)).to_be_visible()


def test_a_ballot_by_keyboard_alone_with_a_step_back_and_a_reload(person_page: OpenPage) -> None:
    queue_ballots(2)
    page = begin(person_page)
    first = shapes_are_shown(page)
    at_round(page, 1, of=2)
    expect(page.get_by_role("heading", name="Which is closer to the object?")).to_be_visible()
    keep_screenshot(page, "voting-compare-dark-1280")
    assert not violations(page)
    choose(page, "ArrowLeft")
    second = shapes_are_shown(page, other_than=first)
    assert first.split()[0] in second.split()  # the one that was picked stays on
    expect(page.get_by_text("saved ✓")).to_be_visible()
    page.reload()
    assert shapes_are_shown(page) == second  # the same pair on the same sides
    choose(page, "ArrowDown")
    all_compared(page)
    page.keyboard.press("u")
    at_round(page, 2, of=2)
    choose(page, "ArrowRight")
    all_compared(page)
    shapes_are_shown(page)
    keep_screenshot(page, "voting-done-dark-1280")
    assert not violations(page)
    assert page.get_by_role("slider").count() == 0  # nothing is rated
    choose(page, "Enter")
    at_round(page, 1, of=2)
    expect(page.get_by_text("1 done today")).to_be_visible()
    answers = list(Vote.objects.order_by("sequence").values_list("answer", flat=True))
    assert answers == ["left", "equal", "", "right"]
    assert Ballot.objects.filter(counted__voter__username="ada").count() == 1
    assert Judgement.objects.get().duration_ms > 0


def test_a_ballot_by_mouse_alone_with_a_step_back_and_a_skip(person_page: OpenPage) -> None:
    queue_ballots(2, names=MODELS[:2], coloured=True)
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada", scheme="light", width=1920, height=1080)
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Switch to the light theme").click()
    keep_screenshot(page, "voting-home-light-1920")
    assert not violations(page)
    page.get_by_role("link", name="Start: Vote between models").click()
    shapes_are_shown(page)
    expect(page.get_by_text("reconstructions in colour")).to_be_visible()
    page.get_by_text("zoom", exact=True).click()
    left = page.get_by_role("img", name="Left").bounding_box()
    assert left is not None
    page.mouse.move(left["x"] + 100, left["y"] + 200)
    page.mouse.down()
    page.mouse.move(left["x"] + 200, left["y"] + 180, steps=3)
    page.mouse.up()
    keep_screenshot(page, "voting-compare-light-1920")
    page.wait_for_timeout(350)
    page.get_by_role("button", name="Right").dblclick()
    all_compared(page)
    page.get_by_role("button", name="Back").click()
    at_round(page, 1, of=1)
    page.wait_for_timeout(350)
    page.get_by_role("button", name="Again").click()
    all_compared(page)
    page.wait_for_timeout(350)
    page.get_by_role("button", name="Hand in, next object").click()
    at_round(page, 1, of=1)
    page.get_by_role("button", name="Skip…").click()
    page.get_by_label("Too hard to judge").click()
    page.get_by_role("button", name="Skip", exact=True).click()
    expect(page.get_by_text("Nothing waits for a vote")).to_be_visible()
    keep_screenshot(page, "voting-empty-light-1920")
    assert list(Ballot.objects.filter(counted__isnull=False).values_list("counted__voter__username")) == [("ada",)]
    assert list(WorkItem.objects.filter(state="open").values_list("skip_count", flat=True)) == [1]


def test_votes_given_without_a_network_arrive_while_somebody_else_votes_on_another_object(
    person_page: OpenPage,
) -> None:
    queue_ballots(2)
    ada, bob = begin(person_page), begin(person_page, "bob")
    ada.wait_for_load_state("networkidle")
    ada.context.set_offline(True)
    for page, key in ((ada, "ArrowLeft"), (bob, "ArrowRight")):
        page.bring_to_front()
        choose(page, key)
        at_round(page, 2, of=2)
        choose(page, key)
        all_compared(page)
        choose(page, "Enter")
    expect(bob.get_by_text("Nothing waits for a vote")).to_be_visible()
    assert set(Vote.objects.values_list("voting__voter__username", flat=True)) == {"bob"}
    ada.context.set_offline(False)
    expect(ada.get_by_text("Nothing waits for a vote")).to_be_visible(timeout=60_000)
    votes = Vote.objects.order_by("voting__voter__username", "sequence")
    assert list(votes.values_list("answer", flat=True)) == ["left", "left", "right", "right"]
    assert sorted(Ballot.objects.values_list("counted__voter__username", flat=True)) == ["ada", "bob"]


def test_a_mesh_that_does_not_load_is_said_and_can_be_voted_down(person_page: OpenPage) -> None:
    queue_ballots(1, names=MODELS[:2], broken=True)
    page = begin(person_page)
    expect(page.get_by_text("This candidate did not load.")).to_be_visible()
    keep_screenshot(page, "voting-broken-dark-1280")
    broken = Showing.objects.get(entry__contender__position=0)
    sound = "ArrowRight" if shapes_are_shown(page).split()[0] == str(broken.id) else "ArrowLeft"
    choose(page, sound)
    all_compared(page)
    choose(page, "Enter")
    expect(page.get_by_text("Nothing waits for a vote")).to_be_visible()
    broken.refresh_from_db()
    assert broken.load_failures >= 1
    assert Vote.objects.get().stayed_id != broken.entry_id


def test_nothing_that_the_page_is_told_names_a_model(person_page: OpenPage) -> None:
    evaluation = queue_ballots(1)
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    told: list[Response] = []
    page.goto("/voting/", wait_until="commit")
    page.on("response", lambda response: told.append(response))
    shapes_are_shown(page)
    choose(page, "ArrowLeft")
    at_round(page, 2, of=2)
    page.wait_for_load_state("networkidle")
    secrets = [*MODELS, *(f"generator-{name}" for name in MODELS), str(evaluation.id), evaluation.name]
    for entry in Entry.objects.all():
        secrets += [str(entry.id), str(entry.mesh_id), str(entry.view_id), str(entry.item_id)]
    everything = page.content()
    for response in told:
        everything += str(response.headers) + response.url
        if response.status == 200 and "image" not in response.headers.get("content-type", ""):
            everything += response.body().decode(errors="replace")
    assert len(told) > 5
    assert [secret for secret in secrets if secret in everything] == []
    assert Evaluation.objects.get().state == "voting"
