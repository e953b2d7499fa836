"""Marking objects in a real browser with a real segmenter: by mouse, by keyboard, offline, on 50 megapixels."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image as Pillow
from playwright.sync_api import Locator, Page, expect

from engine.contracts.masks import MaskRle, decode_mask
from engine.lifecycle import State
from engine.sourcing import proposing
from engine.sourcing.models import Image, MaskTask, TargetObject
from engine.sourcing.services import register_image, register_target
from engine.workforce.models import Role, WorkItem
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.e2e.selection_queue import cup_mask, photograph_png
from tests.factories import make_user
from tests.segmenting import segment_worker
from tests.stage_fixtures import handed_over  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed_over", "store")]


@pytest.fixture(scope="module")
def stored(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store that a segment worker reads, for all tests here."""
    folder: Path = tmp_path_factory.mktemp("marking")
    url = (folder / "blobs").as_uri()
    with segment_worker(broker_url=broker_url, storage_url=url, log=folder / "worker.log"):
        yield url


@pytest.fixture
def store(stored: str, settings) -> None:
    settings.LATHE_STORAGE_URL = stored
    settings.LATHE_ASSIST_SECONDS = 30


def open_masks(page: Page) -> Locator:
    """The page of Stage 1 with its photograph drawn."""
    page.goto("/masks/")
    photograph = page.locator("canvas[data-loaded=true]")
    expect(photograph).to_be_visible()
    return photograph


def on(photograph: Locator, x: float, y: float, *, width: int = 600, height: int = 400) -> tuple[float, float]:
    """Where a pixel of the photograph is on the page, while all of it is shown."""
    box = photograph.bounding_box()
    assert box is not None
    scale = min(box["width"] / width, box["height"] / height)
    left = box["x"] + (box["width"] - scale * width) / 2
    top = box["y"] + (box["height"] - scale * height) / 2
    return left + x * scale, top + y * scale


@contextmanager
def asking(photograph: Locator) -> Iterator[None]:
    """What is done inside asks the segmenter; wait for its answer."""
    with photograph.page.expect_response("**/assist", timeout=30_000):
        yield
    expect(photograph).to_have_attribute("data-asking", "false", timeout=30_000)


def mask_of(target: TargetObject) -> np.ndarray:
    image = target.image
    return decode_mask(MaskRle(height=image.height_px, width=image.width_px, counts=tuple(target.mask_counts)))


def overlap(mask: np.ndarray, other: np.ndarray) -> float:
    return float((mask & other).sum() / (mask | other).sum())


def test_objects_are_found_where_nothing_was_proposed_by_mouse_alone(person_page: OpenPage) -> None:
    image = register_image(data=photograph_png(), source="cup")
    proposing.ask_people(image=image)
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada", width=2560, height=1440)
    photograph = open_masks(page)
    expect(page.get_by_text("Nothing is proposed here")).to_be_visible()
    keep_screenshot(page, "marking-propose-dark-2560")

    page.get_by_role("button", name="Box").click()
    page.mouse.move(*on(photograph, 132, 18))
    page.mouse.down()
    page.mouse.move(*on(photograph, 300, 200), steps=3)
    page.mouse.move(*on(photograph, 468, 352), steps=3)
    with asking(photograph):
        page.mouse.up()
    page.get_by_role("button", name="Point").click()
    with asking(photograph):
        page.mouse.click(*on(photograph, 300, 330))
    with asking(photograph):
        page.mouse.click(*on(photograph, 40, 40), button="right")
    page.get_by_role("button", name="Polygon").click()
    for corner in [(200, 60), (400, 60), (430, 200), (400, 320), (200, 320), (165, 200)]:
        page.mouse.click(*on(photograph, *corner))
    keep_screenshot(page, "marking-polygon-dark-2560")
    page.mouse.click(*on(photograph, 200, 60))
    category = page.get_by_role("combobox", name="Category")
    category.click()
    category.press_sequentially("coffee m")
    page.get_by_role("option", name="mug").first.click()

    page.get_by_role("button", name="Another object").click()
    page.get_by_role("button", name="Switch to the light theme").click()
    page.get_by_role("button", name="Brush").click()
    page.mouse.move(*on(photograph, 480, 330))
    page.mouse.down()
    page.mouse.move(*on(photograph, 560, 380), steps=4)
    page.mouse.up()
    keep_screenshot(page, "marking-another-light-2560")
    page.get_by_role("button", name="Store this object").click()
    expect(page.get_by_text("becomes a task of its own")).to_be_visible()
    page.get_by_role("button", name="Send object").click()

    expect(page.get_by_role("button", name="Verify")).to_be_visible()  # the other object, as a proposal
    expect(page.get_by_text("1 done today")).to_be_visible(timeout=20_000)  # what was sent is stored
    found = TargetObject.objects.get(state=State.READY)
    assert found.category == "mug"
    assert overlap(mask_of(found), cup_mask()) > 0.6
    assert MaskTask.objects.get(wants_proposal=True).verdict == "propose"
    further = TargetObject.objects.get(state=State.PROPOSED)
    assert 1000 < further.mask_area_px < 4000


def test_a_mask_is_mended_by_keyboard_alone_through_undo_reload_and_a_lost_network(person_page: OpenPage) -> None:
    image = register_image(data=photograph_png(), source="cup")
    cup = cup_mask().copy()
    cup[:, :300] = False
    target = register_target(image_id=image.id, mask=cup, source="half a cup", category="mug")
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    photograph = open_masks(page)
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    with asking(photograph):
        page.keyboard.press("Space")
    with_help = page.get_by_role("button", name="Send refined")
    expect(with_help).to_be_visible()
    keep_screenshot(page, "marking-keyboard-dark-1280")
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Verify")).to_be_visible()
    page.keyboard.press("b")
    for _ in range(14):
        page.keyboard.press("BracketRight")
    page.keyboard.press("Space")
    expect(with_help).to_be_visible()
    expect(page.get_by_text("saved ✓")).to_be_visible()
    page.reload()
    expect(photograph).to_be_visible()
    expect(with_help).to_be_visible()
    page.keyboard.press("x")  # a box by two corners
    for key, times in (("ArrowLeft", 14), ("ArrowUp", 10)):
        for _ in range(times):
            page.keyboard.press(key)
    page.keyboard.press("Space")
    for key, times in (("ArrowRight", 28), ("ArrowDown", 20)):
        for _ in range(times):
            page.keyboard.press(key)
    with asking(photograph):
        page.keyboard.press("Space")
    page.context.set_offline(True)
    page.keyboard.press("e")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("cannot be reached")).to_be_visible()
    keep_screenshot(page, "marking-offline-dark-1280")
    assert WorkItem.objects.get().state == WorkItem.State.LEASED
    page.context.set_offline(False)
    expect(page.get_by_text("No masks wait to be checked")).to_be_visible(timeout=20_000)
    target.refresh_from_db()
    assert target.state == State.READY
    assert MaskTask.objects.get().verdict == "refine"
    mended = mask_of(target)
    assert mended[200, 300]
    assert mended[:, :300].sum() > 5_000  # the half that was missing is in the box


def test_a_photograph_of_50_megapixels_is_seen_small_and_marked_at_full_size(person_page: OpenPage) -> None:
    coffee = Pillow.fromarray(skimage.data.coffee()).resize((8640, 5760), Pillow.Resampling.BILINEAR)
    buffer = io.BytesIO()
    coffee.save(buffer, format="JPEG", quality=80)
    image = register_image(data=buffer.getvalue(), source="large")
    assert image.preview_blob is not None
    proposing.ask_people(image=Image.objects.get(id=image.id))
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    loaded: list[str] = []
    page.on("response", lambda response: loaded.append(response.url) if "/blobs/" in response.url else None)
    photograph = open_masks(page)
    assert len(loaded) == 1  # the preview alone
    size = {"width": 8640, "height": 5760}
    page.keyboard.press("x")
    page.mouse.click(*on(photograph, 132 * 14.4, 18 * 14.4, **size))
    with asking(photograph):
        page.mouse.click(*on(photograph, 468 * 14.4, 352 * 14.4, **size))
    keep_screenshot(page, "marking-50-megapixels-dark-1280")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No masks wait to be checked")).to_be_visible(timeout=20_000)
    found = TargetObject.objects.select_related("image").get()
    small = mask_of(found)[::14, ::14]
    assert mask_of(found).shape == (5760, 8640)
    cup = np.asarray(Pillow.fromarray(cup_mask()).resize(small.shape[::-1]))
    assert overlap(small, cup) > 0.5
