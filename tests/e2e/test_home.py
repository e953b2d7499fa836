"""The home page in a real browser: per role, in both themes, with nothing to do and with the server in trouble."""

import pytest
from playwright.sync_api import expect

from engine.workforce.models import Role, Stage
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.factories import make_iteration, make_target, make_user, make_work_item

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_annotator_sees_what_waits_and_where_the_flywheel_stands(person_page: OpenPage) -> None:
    make_user(Role.ANNOTATOR, username="ada")
    for _ in range(3):
        make_work_item(stage=Stage.SELECTION, target=make_target())
    make_iteration(number=2, alpha=0.55)
    page = person_page("ada")
    expect(page.get_by_text("Iteration 2")).to_be_visible()
    expect(page.get_by_text("bar α 0.55")).to_be_visible()
    card = page.locator("[data-empty]").filter(has_text="Pick the best shape")
    expect(card).to_contain_text("3")
    expect(page.get_by_text("Model hard cases")).to_have_count(0)
    expect(page.get_by_role("link", name="Dashboard")).to_have_count(0)
    keep_screenshot(page, "home-annotator-dark")
    page.get_by_role("button", name="Switch to the light theme").click()
    keep_screenshot(page, "home-annotator-light")


def test_empty_stages_say_why_and_no_iteration_says_what_next(person_page: OpenPage) -> None:
    make_user(Role.ML_ENGINEER, username="mel")
    page = person_page("mel")
    expect(page.get_by_text("No iteration yet")).to_be_visible()
    expect(page.get_by_text("They appear as the generators finish")).to_be_visible()
    expect(page.get_by_role("link", name="Dashboard")).to_be_visible()
    keep_screenshot(page, "home-engineer-empty")


def test_a_wrong_password_is_said_where_it_was_typed(person_page: OpenPage) -> None:
    page = person_page("nobody")
    expect(page.get_by_role("alert")).to_contain_text("not correct")
    keep_screenshot(page, "signin-wrong-password")


def test_when_the_server_cannot_be_asked_the_page_says_so_and_tries_again(person_page: OpenPage) -> None:
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    page.route("**/api/v1/me/", lambda route: route.fulfill(status=500, json={"title": "The database is away."}))
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("The database is away.", timeout=20_000)
    keep_screenshot(page, "home-trouble")
    page.unroute("**/api/v1/me/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Pick the best shape")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
