"""The selection page in tests: how to begin, to answer as people do, and to know where it stands."""

from playwright.sync_api import Page, expect

from engine.workforce.models import Role
from tests.e2e.conftest import OpenPage
from tests.factories import make_user


def begin(person_page: OpenPage, **window: object) -> Page:
    """An annotator at the first task. Turntables stand still, as for people who want less motion."""
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada", **window)  # type: ignore[arg-type]
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("link", name="Start: Pick the best shape").press("Enter")
    shapes_are_shown(page)
    return page


def shapes_are_shown(page: Page, *, other_than: str = "") -> str:
    """Wait until shapes are drawn, other ones than before if given; returns which."""
    page.wait_for_function(
        "before => { const shown = document.querySelector('canvas[data-shown]')?.dataset.shown;"
        " return shown && shown !== before; }",
        arg=other_than,
    )
    return str(page.locator("canvas[data-shown]").get_attribute("data-shown"))


def look_at(page: Page) -> None:
    """Wait until the pair that is to be judged is drawn, and look at it as people do: what comes sooner than 300 ms is
    taken for a second click."""
    page.wait_for_function(
        "() => { const wanted = document.querySelector('[data-wanted]')?.dataset.wanted;"
        " return wanted && wanted === document.querySelector('canvas[data-shown]')?.dataset.shown; }"
    )
    page.wait_for_timeout(350)


def choose(page: Page, key: str) -> None:
    """Look at the pair, then answer it."""
    look_at(page)
    page.keyboard.press(key)


def at_round(page: Page, number: int, *, of: int) -> None:
    """Wait until this round is on show."""
    expect(page.get_by_text(f"round {number} of {of}", exact=True)).to_be_visible()


def at_the_rating(page: Page) -> None:
    """Wait until the winner is to be rated."""
    expect(page.get_by_text("rate the winner", exact=True)).to_be_visible()
