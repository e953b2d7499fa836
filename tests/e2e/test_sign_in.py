"""Signing in by an identity provider, as an operator configures it, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from engine.workforce.models import User
from tests.e2e.conftest import keep_screenshot
from tests.e2e.identity_provider import CLIENT_ID, SECRET, IdentityProvider
from tests.e2e.own_server import OwnServer
from tests.stage_fixtures import own_store  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


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
