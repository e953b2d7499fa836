"""Signing in, in a real browser: by name and password, and by an identity provider, as an operator configures it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from engine.workforce.models import Role, User
from tests.e2e.conftest import keep_screenshot, sign_in
from tests.e2e.identity_provider import CLIENT_ID, SECRET, IdentityProvider
from tests.e2e.own_server import OwnServer
from tests.factories import make_user
from tests.stage_fixtures import own_store  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def test_by_name_and_password_to_what_was_asked_for(browser: Browser, live_server: LiveServer) -> None:
    make_user(Role.ANNOTATOR, username="ada")
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    page.goto("/")
    sign_in(page, "ada")
    page.wait_for_url("**/")
    expect(page.get_by_role("heading", name="Waiting now")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.goto("/selection/")
    sign_in(page, "ada")
    expect(page.get_by_text("Nothing waits to be compared")).to_be_visible()
    context.close()


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    provider = IdentityProvider(subject="4711", email="ada@example.org", name="ada")
    yield provider
    provider.close()


@pytest.fixture
def server(provider: IdentityProvider, tmp_path: Path) -> Iterator[OwnServer]:
    server = OwnServer(
        tmp_path,
        LATHE_OIDC_SERVER_URL=provider.url,
        LATHE_OIDC_CLIENT_ID=CLIENT_ID,
        LATHE_OIDC_SECRET=SECRET,
        LATHE_OIDC_NAME="Example University",
        LATHE_OIDC_ROLES="annotator",
    )
    server.start()
    yield server
    server.kill()


def test_somebody_new_comes_in_by_the_identity_provider_and_can_work(
    browser: Browser, server: OwnServer, provider: IdentityProvider
) -> None:
    context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto("/selection/")
    keep_screenshot(page, "signin-oidc")
    page.get_by_role("button", name="Sign in with Example University").click()
    page.wait_for_url("**/selection/")
    expect(page.get_by_text("Nothing waits to be compared")).to_be_visible()
    expect(page.get_by_role("banner").get_by_text("annotator")).to_be_visible()
    assert User.objects.get().username == "ada"
    assert {"/authorize", "/token", "/userinfo"} <= set(provider.seen)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with Example University").click()
    expect(page.get_by_role("heading", name="Waiting now")).to_be_visible()
    assert User.objects.count() == 1  # the same person again
    context.close()
