"""A signed-in page of a real Chromium, with WebGL in software, for benchmarks."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


@contextmanager
def browser_page(
    url: str, path: str, *, username: str = "ada", width: int = 1280, height: int = 720
) -> Iterator["Page"]:
    """A window at `path` of the server, signed in; turntables stand still."""
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import FLAGS, sign_in

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=installed_browser(), args=[*FLAGS, "--enable-precise-memory-info"]
        )
        try:
            page = browser.new_page(base_url=url, viewport={"width": width, "height": height}, reduced_motion="reduce")
            page.set_default_timeout(120_000)
            page.goto(path)
            sign_in(page, username)
            page.wait_for_url(f"**{path}")
            yield page
        finally:
            browser.close()


def installed_browser() -> str:
    """Path of Chromium.

    Raises:
        RuntimeError: there is none.
    """
    from scripts.setup import BROWSERS

    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("No Chromium: `make setup` installs it (as root) or prints the command that does.")
    return found
