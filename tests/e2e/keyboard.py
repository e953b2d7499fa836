"""Pages by keyboard alone: to what one wants by the tabulator, as people do who have no mouse."""

from playwright.sync_api import Locator, Page

MOST_STOPS = 80


def tab_to(page: Page, wanted: Locator) -> None:
    """Press the tabulator until the element has the focus.

    Raises:
        AssertionError: it has not after all stops of the page: nobody gets there without a mouse.
    """
    wanted.wait_for()
    for _ in range(MOST_STOPS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} was not reached in {MOST_STOPS} stops")


def type_anew(page: Page, text: str) -> None:
    """Write over what the focused field holds."""
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(text)
