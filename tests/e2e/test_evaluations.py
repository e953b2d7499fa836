"""The page of results, and the admin's dialogs, as an ML engineer meets them."""

import pytest
from playwright.sync_api import expect

from engine.celery import app
from engine.flywheel.voting import advancing
from engine.flywheel.voting.models import Evaluation, EvaluationSet
from engine.lifecycle import State
from engine.workforce.models import Role
from tests.e2e.accessibility import violations
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.e2e.evaluation_queue import voted
from tests.e2e.keyboard import tab_to
from tests.evaluations import registered, voting
from tests.factories import make_model_version, make_target, make_user
from tests.stage_fixtures import own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_no_broker")]

STRENGTHS = {"k0-pretrain": 0.0, "k1-dpo": 180.0, "k2-dpo": 260.0, "library of shapes": -150.0}


@pytest.fixture
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "send_task", lambda *args, **kwargs: None)


def test_an_engineer_reads_results_plots_first(person_page: OpenPage) -> None:
    gone = registered(name="k2 on the wrong set")
    advancing.withdraw(evaluation_id=gone.id, reason="half of the set was trained on")
    voted(STRENGTHS, name="k2 against its elders")
    make_user(Role.ML_ENGINEER, username="emma")
    page = person_page("emma", width=1920, height=1080)
    page.get_by_role("link", name="Evaluations").click()
    expect(page.get_by_role("heading", name="k2 against its elders")).to_be_visible()
    expect(page.get_by_role("heading", name="Elo against the baseline")).to_be_visible()
    expect(page.get_by_role("img", name="k2-dpo: +")).to_be_visible()
    expect(page.get_by_role("heading", name="Who beat whom")).to_be_visible()
    for scheme, other in (("dark", "light"), ("light", "dark")):
        for width, height in ((1280, 720), (1920, 1080), (2560, 1440)):
            page.set_viewport_size({"width": width, "height": height})
            keep_screenshot(page, f"evaluations-{scheme}-{width}")
        assert not violations(page), scheme
        page.get_by_role("button", name=f"Switch to the {other} theme").click()
    page.get_by_text("Table", exact=True).click()
    row = page.get_by_role("row", name="k0-pretrain (baseline)")
    expect(row).to_be_visible()
    assert not violations(page)
    page.wait_for_timeout(300)  # the switch glides
    keep_screenshot(page, "evaluations-table-dark-2560")
    page.get_by_role("button", name="k2 on the wrong set").click()
    expect(page.get_by_text("Withdrawn: not to be relied on")).to_be_visible()
    expect(page.get_by_text("half of the set was trained on")).to_be_visible()
    keep_screenshot(page, "evaluations-withdrawn-dark-2560")
    page.reload()
    expect(page.get_by_text("Withdrawn: not to be relied on")).to_be_visible()  # the address says which


def test_results_are_read_by_keyboard_alone_and_the_last_ones_stay_without_a_network(person_page: OpenPage) -> None:
    gone = registered(name="k2 on the wrong set")
    advancing.withdraw(evaluation_id=gone.id, reason="half of the set was trained on")
    voted(STRENGTHS, name="k2 against its elders")
    make_user(Role.ML_ENGINEER, username="emma")
    page = person_page("emma")
    tab_to(page, page.get_by_role("link", name="Evaluations"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="k2 against its elders")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="k2 on the wrong set"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Withdrawn: not to be relied on")).to_be_visible()
    page.context.set_offline(True)
    tab_to(page, page.get_by_role("button", name="k2 against its elders"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Who beat whom")).to_be_visible()  # seen before, so it is there
    page.context.set_offline(False)


def test_before_there_is_anything_the_page_says_what_to_do(person_page: OpenPage) -> None:
    make_user(Role.ML_ENGINEER, username="emma")
    page = person_page("emma")
    page.goto("/evaluations/")
    expect(page.get_by_role("heading", name="No evaluation yet")).to_be_visible()
    keep_screenshot(page, "evaluations-empty-dark-1280")
    voting("ada", "bea")
    page.reload()
    expect(page.get_by_text("No ballot is handed in yet.")).to_be_visible()
    keep_screenshot(page, "evaluations-unvoted-dark-1280")


def test_annotators_are_told_that_results_are_not_for_them(person_page: OpenPage) -> None:
    voting("ada", "bea")
    make_user(Role.ANNOTATOR, username="ann")
    page = person_page("ann")
    assert page.get_by_role("link", name="Evaluations").count() == 0
    page.goto("/evaluations/")
    expect(page.get_by_role("alert")).to_contain_text("ml_engineer")


def test_from_a_set_to_a_started_evaluation_in_the_admin_with_the_mouse(person_page: OpenPage) -> None:
    make_model_version(name="k1-dpo")
    make_target(state=State.DONE)
    make_user(Role.ML_ENGINEER, username="mel", is_staff=True)
    page = person_page("mel", width=1920, height=1080)
    page.goto("/admin/flywheel/evaluationset/")
    page.get_by_role("link", name="Freeze a set").click()
    page.get_by_label("Name").fill("kitchen")
    page.get_by_role("button", name="Freeze", exact=True).click()
    expect(page.get_by_text("The set kitchen is frozen.")).to_be_visible()
    assert EvaluationSet.objects.get().targets.count() == 1
    page.goto("/admin/flywheel/evaluation/")
    page.get_by_role("link", name="Register an evaluation").click()
    page.get_by_label("Name").fill("k1 against the library")
    keep_screenshot(page, "admin-register-evaluation-dark-1920")
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_text("K1 against the library is registered")).to_be_visible()
    evaluation = Evaluation.objects.get()
    assert list(evaluation.contenders.order_by("position").values_list("name", "generator", "baseline")) == [
        ("k1", "sam3d", True),
        ("library", "retrieval", False),
    ]
    page.goto(f"/admin/flywheel/evaluation/{evaluation.pk}/change/")
    page.get_by_role("link", name="Start").click()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("has started")).to_be_visible()
    evaluation.refresh_from_db()
    assert evaluation.state == "generating"
