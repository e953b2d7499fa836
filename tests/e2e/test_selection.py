"""Stage 2 in a real browser: by keyboard alone, by mouse alone, in colour, and blind."""

import pytest
from playwright.sync_api import Page, Response, expect

from engine.generation import services as generation
from engine.generation.models import Candidate
from engine.selection.models import Comparison, Selection
from engine.sourcing.models import Image
from engine.workforce.models import Judgement, Role, WorkItem
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.e2e.selection_page import at_round, at_the_rating, begin, choose, look_at, shapes_are_shown
from tests.e2e.selection_queue import GENERATORS, MODEL_VERSION_ID, preview_png, queue_selections, queue_textures
from tests.factories import make_blob, make_user
from tests.stage_fixtures import handed_over, own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed_over")]


def test_a_task_by_keyboard_alone_with_a_step_back_and_a_reload(person_page: OpenPage) -> None:
    (selection,) = queue_selections(1, candidates=4)
    page = begin(person_page)
    first = shapes_are_shown(page)
    at_round(page, 1, of=3)
    keep_screenshot(page, "selection-compare-dark-1280")
    choose(page, "ArrowLeft")
    second = shapes_are_shown(page, other_than=first)
    assert first.split()[0] in second.split()  # the one that was picked stays on
    choose(page, "ArrowDown")
    at_round(page, 3, of=3)
    page.keyboard.press("u")
    at_round(page, 2, of=3)
    expect(page.get_by_text("saved ✓")).to_be_visible()
    page.reload()
    assert shapes_are_shown(page) == second  # back, and reloaded: the same pair on the same sides
    choose(page, "ArrowRight")
    at_round(page, 3, of=3)
    choose(page, "ArrowRight")
    at_the_rating(page)
    page.keyboard.press("Digit2")
    expect(page.get_by_text("Under the bar: what")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Say why")).to_be_visible()
    page.keyboard.press("Digit7")
    expect(page.get_by_text("saved ✓")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="occlusion")).to_have_attribute("aria-pressed", "true")
    shapes_are_shown(page)
    keep_screenshot(page, "selection-rate-dark-1280")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits to be compared")).to_be_visible()
    keep_screenshot(page, "selection-empty-dark-1280")
    selection.refresh_from_db()
    assert (selection.rating, selection.failure_reason) == (0.25, "occlusion")
    answers = list(Comparison.objects.order_by("sequence").values_list("answer", flat=True))
    assert answers == ["left", "equal", "", "right", "right"]
    assert Judgement.objects.get().duration_ms > 0


def test_large_shapes_come_packed_and_are_drawn(person_page: OpenPage) -> None:
    queue_selections(1, candidates=2, dense=True)
    assert generation.make_missing_views() == 2
    views = Candidate.objects.values_list("view__size_bytes", "mesh__size_bytes")
    assert all(view < mesh / 15 for view, mesh in views)
    page = begin(person_page)
    shapes_are_shown(page)
    expect(page.get_by_role("alert")).to_have_count(0)
    keep_screenshot(page, "selection-packed-dark-1280")
    choose(page, "ArrowLeft")
    at_the_rating(page)


def test_a_task_by_mouse_alone_with_a_step_back_and_a_skip(person_page: OpenPage) -> None:
    queue_selections(2, candidates=3)
    Image.objects.update(preview_blob=make_blob(preview_png(), media_type="image/png"))
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada", scheme="light", width=1920, height=1080)
    photographs: list[str] = []
    page.on("request", lambda request: photographs.append(request.url) if "/blobs/" in request.url else None)
    page.get_by_role("button", name="Switch to the light theme").click()
    page.get_by_role("link", name="Start: Pick the best shape").click()
    first = shapes_are_shown(page)
    page.get_by_role("button", name="Turning").click()
    expect(page.get_by_role("button", name="Still")).to_have_attribute("aria-pressed", "false")
    assert len(set(photographs)) == 1  # the preview is enough
    page.get_by_text("zoom", exact=True).click()
    expect(page.locator("[data-loaded=true]")).to_be_visible()
    left = page.get_by_role("img", name="Left").bounding_box()
    assert left is not None
    page.mouse.move(left["x"] + 100, left["y"] + 200)
    page.mouse.down()
    page.mouse.move(left["x"] + 200, left["y"] + 180, steps=3)
    page.mouse.up()
    page.mouse.wheel(0, -200)
    assert len(set(photographs)) == 2  # seen closer, it is the photograph itself
    keep_screenshot(page, "selection-compare-light-1920")
    look_at(page)
    page.get_by_role("button", name="Right").dblclick()  # the second click is not for the pair that it has not seen
    shapes_are_shown(page, other_than=first)
    at_round(page, 2, of=2)
    page.get_by_role("button", name="Back").click()
    at_round(page, 1, of=2)
    look_at(page)
    page.get_by_role("button", name="Again").click()
    at_round(page, 2, of=2)
    look_at(page)
    page.get_by_role("button", name="Equal").click()
    at_the_rating(page)
    page.get_by_role("button", name="good").click()
    shapes_are_shown(page)
    keep_screenshot(page, "selection-rate-light-1920")
    page.get_by_role("button", name="Submit").click()
    at_round(page, 1, of=2)
    page.get_by_role("button", name="Skip…").click()
    page.get_by_label("Too hard to judge").click()
    keep_screenshot(page, "selection-skip-light-1920")
    page.get_by_role("button", name="Skip", exact=True).click()
    expect(page.get_by_text("Nothing waits to be compared")).to_be_visible()
    assert list(Selection.objects.filter(rated_at__isnull=False).values_list("rating", flat=True)) == [0.75]
    assert list(WorkItem.objects.filter(state="open").values_list("skip_count", flat=True)) == [1]


def test_twenty_tasks_in_one_window_leave_no_memory_behind(person_page: OpenPage) -> None:
    queue_selections(20, candidates=2)
    page = begin(person_page)
    held = []
    for _ in range(20):
        before = shapes_are_shown(page)
        choose(page, "ArrowLeft")
        at_the_rating(page)
        page.keyboard.press("Digit5")
        held.append(int(page.locator("canvas[data-shown]").get_attribute("data-geometries") or 0))
        page.keyboard.press("Enter")
        if len(held) < 20:
            shapes_are_shown(page, other_than=before)
            at_round(page, 1, of=1)
    expect(page.get_by_text("Nothing waits to be compared")).to_be_visible()
    assert Judgement.objects.count() == 20
    assert max(held) <= 20, held  # of 40 shapes shown: those of two tasks, a few older ones, and the plate
    assert max(held[15:]) <= max(held[8:15]), held
    assert page.evaluate("document.querySelector('canvas[data-textures]')?.dataset.textures ?? '0'") == "0"


def colours_are_shown(page: Page) -> None:
    """Wait until the canvas shows clearly coloured pixels. It must be turning: it is read in a frame that is drawn."""
    page.wait_for_function(
        """async () => {
            const canvas = document.querySelector("canvas[data-shown]");
            const copy = Object.assign(document.createElement("canvas"), { width: 300, height: 150 });
            const drawing = copy.getContext("2d");
            await new Promise(requestAnimationFrame);
            return new Promise((resolve) => requestAnimationFrame(() => {
                drawing.drawImage(canvas, 0, 0, 300, 150);
                const { data } = drawing.getImageData(0, 0, 300, 150);
                let coloured = 0;
                for (let i = 0; i < data.length; i += 4) {
                    const rgb = [data[i], data[i + 1], data[i + 2]];
                    if (data[i + 3] > 128 && Math.max(...rgb) - Math.min(...rgb) > 60) coloured += 1;
                }
                resolve(coloured > 300);
            }));
        }"""
    )


def test_textures_are_judged_in_colour_and_by_their_own_rubric(person_page: OpenPage) -> None:
    queue_textures()
    page = begin(person_page)
    expect(page.get_by_role("heading", name="choose the best texture")).to_be_visible()
    page.get_by_role("button", name="Still").click()  # it turns: frames are drawn while the canvas is read
    colours_are_shown(page)
    keep_screenshot(page, "selection-texture-dark-1280")


def test_splats_are_shown_where_every_candidate_has_one(person_page: OpenPage) -> None:
    queue_textures(splats=True)
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("link", name="Start: Pick the best shape").click()
    shapes_are_shown(page)
    colours_are_shown(page)
    keep_screenshot(page, "selection-splats-dark-1280")
    expect(page.locator("canvas[data-waiting='0']")).to_be_attached()
    assert sum(url.endswith("/splat") for url in asked) == 3
    choose(page, "ArrowLeft")
    at_round(page, 2, of=2)
    choose(page, "ArrowRight")
    at_the_rating(page)
    shapes_are_shown(page)


def test_nothing_that_the_page_is_told_names_where_a_shape_comes_from(person_page: OpenPage) -> None:
    queue_selections(1, candidates=4)
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    told: list[Response] = []
    page.goto("/selection/", wait_until="commit")
    page.on("response", lambda response: told.append(response))
    shapes_are_shown(page)
    choose(page, "ArrowLeft")
    at_round(page, 2, of=3)
    expect(page.get_by_text("saved ✓")).to_be_visible()
    expect(page.locator("canvas[data-waiting='0']")).to_be_attached()
    page.wait_for_load_state("networkidle")
    secrets = [*GENERATORS, MODEL_VERSION_ID]
    for candidate in Candidate.objects.select_related("mesh"):
        secrets += [str(candidate.id), candidate.mesh.sha256, str(candidate.seed)]
    answers = [response for response in told if "/api/" in response.url]
    assert sum("/mesh" in response.url for response in answers) == 4
    for response in answers:
        said = response.url + str(response.headers) + response.body().decode(errors="replace")
        assert [secret for secret in secrets if secret in said] == []
