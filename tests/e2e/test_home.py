"""The home page of an engineer in a real browser: with nothing to do, and with the server in trouble."""

import pytest
from playwright.sync_api import expect

from engine.workforce.models import Role
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.e2e.keyboard import tab_to
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def test_empty_stages_say_why_and_a_server_in_trouble_is_said_so(person_page: OpenPage) -> None:
    make_user(Role.ML_ENGINEER, username="mel")
    page = person_page("mel")
    expect(page.get_by_text("No iteration yet")).to_be_visible()
    expect(page.get_by_text("They appear as the generators finish")).to_be_visible()
    expect(page.get_by_role("link", name="Dashboard")).to_be_visible()
    keep_screenshot(page, "home-engineer-empty")
    page.route("**/api/v1/me/", lambda route: route.fulfill(status=500, json={"title": "The database is away."}))
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("The database is away.", timeout=20_000)
    keep_screenshot(page, "home-trouble")
    page.unroute("**/api/v1/me/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Pick the best shape")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_way_to_a_page_and_back_needs_no_mouse(person_page: OpenPage) -> None:
    make_user(Role.ML_ENGINEER, username="mel")
    page = person_page("mel")
    tab_to(page, page.get_by_role("button", name="Switch to the light theme"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Switch to the dark theme")).to_be_focused()
    tab_to(page, page.get_by_role("link", name="Curriculum"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Categories")).to_be_visible(timeout=20_000)
    tab_to(page, page.get_by_role("link", name="Lathe"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("No iteration yet")).to_be_visible()
