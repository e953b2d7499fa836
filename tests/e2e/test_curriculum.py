"""The page of the curriculum: what there is, what is wanted, what comes next."""

import random

import pytest
from playwright.sync_api import expect

from engine.contracts.taxonomy import Complexity, categories
from engine.lifecycle import State
from engine.sourcing.models import CurriculumSettings
from engine.workforce.models import Role
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.e2e.keyboard import tab_to, type_anew
from tests.factories import make_image, make_target, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_engineer_sees_the_distribution_and_changes_where_it_goes(person_page: OpenPage) -> None:
    dice = random.Random(1)
    image = make_image()
    leaves = dice.sample(categories(), 60)
    for rank, leaf in enumerate(sorted(leaves, key=lambda leaf: leaf.complexity != Complexity.SIMPLE)):
        for _ in range(max(1, 40 // (rank + 1))):
            make_target(image=image, category=leaf.id, state=State.READY)
    make_user(Role.ML_ENGINEER, username="emma")
    page = person_page("emma", width=2560, height=1440)
    page.get_by_role("link", name="Curriculum").click()
    expect(page.get_by_role("heading", name="By geometry")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("row", name="Simple").first).to_be_visible()
    keep_screenshot(page, "curriculum-dark-2560")
    page.get_by_role("textbox", name="Find a category").fill("animals")
    expect(page.get_by_role("row", name="animals").first).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 720})
    page.get_by_role("button", name="Switch to the light theme").click()
    page.get_by_role("button", name="Settings…").press("Enter")
    goal = page.get_by_label("Objects wanted in all")
    goal.fill("500")
    page.get_by_label("Simple, at the start").fill("0.95")
    keep_screenshot(page, "curriculum-settings-light-1280")
    expect(page.get_by_text("more than all, at the start")).to_be_visible()
    expect(page.get_by_role("button", name="Save and plan")).to_be_disabled()
    page.get_by_label("Simple, at the start").fill("0.7")
    keep_screenshot(page, "curriculum-settings-light-1280")
    page.get_by_label("Objects wanted in all").press("Enter")
    expect(page.get_by_role("heading", name="of 500 objects")).to_be_visible(timeout=20_000)
    keep_screenshot(page, "curriculum-light-1280")
    assert CurriculumSettings.objects.get().simple_at_start == 0.7


def test_the_settings_are_changed_by_keyboard_alone_and_kept_through_a_lost_network(person_page: OpenPage) -> None:
    image = make_image()
    for leaf in categories()[:6]:
        make_target(image=image, category=leaf.id, state=State.READY)
    make_user(Role.ML_ENGINEER, username="emma")
    page = person_page("emma")
    tab_to(page, page.get_by_role("link", name="Curriculum"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Settings…"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Objects wanted in all"))
    type_anew(page, "700")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("cannot be reached", timeout=20_000)
    keep_screenshot(page, "curriculum-offline-dark-1280")
    page.context.set_offline(False)
    expect(page.get_by_label("Objects wanted in all")).to_have_value("700")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="of 700 objects")).to_be_visible(timeout=20_000)
    assert CurriculumSettings.objects.get().goal_objects == 700
    tab_to(page, page.get_by_role("textbox", name="Find a category"))
    page.keyboard.type("no such thing")
    expect(page.get_by_text("No category matches")).to_be_visible()
