"""An ML engineer turns the flywheel from the admin, with the mouse alone."""

import pytest
from playwright.sync_api import expect

from engine.flywheel.models import Iteration
from engine.workforce.models import Role
from tests.e2e.conftest import OpenPage
from tests.factories import make_iteration, make_model_version, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_engineer_starts_an_iteration_and_is_told_when_one_runs(person_page: OpenPage) -> None:
    make_user(Role.ML_ENGINEER, username="mel", is_staff=True)
    make_model_version(name="k0-pretrain", promoted=True)
    page = person_page("mel", width=1920, height=1080)
    page.goto("/admin/flywheel/iteration/")
    for said in ("Iteration 1 has started.", "Iteration 1"):
        page.get_by_role("link", name="Start the next iteration").click()
        page.get_by_label("Bar α").fill("0.6")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_text(said).first).to_be_visible()
    assert list(Iteration.objects.values_list("number", "alpha")) == [(1, 0.6)]


def test_settings_that_make_no_sense_start_nothing(person_page: OpenPage) -> None:
    make_user(Role.ML_ENGINEER, username="mel", is_staff=True)
    page = person_page("mel", width=1920, height=1080)
    page.goto("/admin/flywheel/iteration/")
    page.get_by_role("link", name="Start the next iteration").click()
    page.get_by_label("Settings").fill('{"colour": "red"}')
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("unknown fields colour")).to_be_visible()
    assert not Iteration.objects.exists()


def test_a_stopped_iteration_is_resumed_from_its_page(person_page: OpenPage) -> None:
    make_user(Role.ML_ENGINEER, username="mel", is_staff=True)
    iteration = make_iteration(step="freezing", failed=True, failure="The disk was full.")
    page = person_page("mel", width=1920, height=1080)
    page.goto(f"/admin/flywheel/iteration/{iteration.pk}/change/")
    page.get_by_role("link", name="Resume").click()
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_text("Iteration 1 goes on.")).to_be_visible()
    assert not Iteration.objects.get().failed
