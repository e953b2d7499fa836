"""A real Chromium against a live server. Screenshots go to `test-results/`, in dark and light, as test artefacts."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from engine.embedded.places import CHECKOUT
from scripts.setup import BROWSERS
from tests.e2e.bundle import MANIFEST, problem_of_bundle

# Playwright keeps an event loop in this thread; Django would refuse the ORM in tests because of it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

ARTEFACTS = CHECKOUT / "test-results"
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    # A page's own pixels by the CPU: a blurred backdrop drawn by WebGL in software takes 30 s.
    "--disable-gpu-compositing",
)

REQUESTS_END_SECONDS = 60

expect.set_options(timeout=30_000)  # for a busy machine; what is there at once is not waited for any longer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests get more time than others, and in continuous integration a second chance, listed as RERUN.

    A browser and its servers share a few cores with all other tests there. At a desk the first failure counts, so that
    races are seen and mended.
    """
    for item in items:
        if not item.path.is_relative_to(Path(__file__).parent):
            continue
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))
        if os.environ.get("CI") == "true":
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session", autouse=True)
def built_pages() -> None:
    """Fail at once where the pages are not those of the sources: each test would wait until it times out."""
    if problem := problem_of_bundle(MANIFEST):
        pytest.exit(problem, returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session", autouse=True)
def _running_broker(broker_url: str) -> None:
    """Redis runs before the first page: a page that sends a task would start it, longer than a browser waits."""


@pytest.fixture(autouse=True)
def _requests_end_before_tables_are_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """A closed window leaves requests behind: emptying all tables under one of them is a deadlock."""
    if "live_server" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("transactional_db")  # set up before this, so that it ends after this
    yield
    deadline = time.monotonic() + REQUESTS_END_SECONDS
    quiet = 0
    while quiet < 3:  # a request may stand between two of its transactions
        quiet = 0 if others_at_work() else quiet + 1
        assert time.monotonic() < deadline, f"still at work after the test: {others_at_work()}"
        time.sleep(0.03)


def others_at_work() -> list[str]:
    """What other connections to the test database are doing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
            " AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return [query for (query,) in cursor.fetchall()]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The installed Chromium, with WebGL in software."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found, "No Chromium: `make setup` installs it (as root) or prints the command that does."
    return {**browser_type_launch_args, "executable_path": found, "args": list(FLAGS)}


class OpenPage(Protocol):
    """Opens a window for a person."""

    def __call__(self, username: str, *, scheme: str = "dark", width: int = 1280, height: int = 720) -> Page: ...


@pytest.fixture
def person_page(browser: Browser, live_server: LiveServer) -> Iterator[OpenPage]:
    """`person_page("ada", scheme="dark")`: a window of its own at 1280×720, signed in, at home."""
    contexts = []

    def open_page(username: str, *, scheme: str = "dark", width: int = 1280, height: int = 720) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        contexts.append(context)
        context.add_cookies(
            [{"name": name, "value": value, "url": live_server.url} for name, value in session_of(username).items()]
        )
        page = context.new_page()
        page.goto("/")
        return page

    yield open_page
    for context in contexts:
        context.close()


def session_of(username: str) -> dict[str, str]:
    """The cookies of somebody who has signed in; the page for it, half a second for each window, has its own tests."""
    client = Client()
    client.force_login(get_user_model().objects.get(username=username))
    client.get("/accounts/login/")  # for the CSRF token
    return {name: cookie.value for name, cookie in client.cookies.items()}


def sign_in(page: Page, username: str) -> None:
    """By name and password, on the sign-in page."""
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill("a good password")
    page.get_by_role("button", name="Sign in").click()


def keep_screenshot(page: Page, name: str) -> Path:
    """Keep what the page looks like now."""
    path = ARTEFACTS / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, timeout=60_000)  # fonts and a software GPU are slow on a busy machine
    return path
