"""Stage 1 in a real browser: verify and discard by keyboard, refine by mouse."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Page, Response, expect

from engine.contracts.masks import MaskRle, decode_mask
from engine.lifecycle import State
from engine.sourcing import mask_tasks
from engine.sourcing.models import MaskTask, TargetObject
from engine.sourcing.services import register_image, register_target
from engine.workforce.models import Draft, Judgement, Role, WorkItem
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.e2e.selection_queue import cup_mask, photograph_png, register_photograph
from tests.factories import make_user
from tests.stage_fixtures import handed_over, own_store  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed_over")]


def propose(count: int) -> list[TargetObject]:
    """Proposals of the cup, one after the other in the queue."""
    image = register_photograph()
    return [
        register_target(image_id=image.id, mask=cup_mask(), source=f"cup {number}", category="mug")
        for number in range(count)
    ]


def photograph_is_shown(page: Page) -> None:
    """Wait until the photograph and its mask are drawn."""
    expect(page.locator("canvas[data-loaded=true]")).to_be_visible()


def test_masks_are_verified_corrected_and_discarded_by_keyboard_alone(person_page: OpenPage) -> None:
    propose(2)
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    page.get_by_role("link", name="Start: Check masks").press("Enter")
    photograph_is_shown(page)
    keep_screenshot(page, "masks-dark-1280")
    page.keyboard.press("c")
    page.keyboard.type("bowl")
    page.keyboard.press("Escape")
    expect(page.get_by_text("saved ✓")).to_be_visible()
    page.reload()
    photograph_is_shown(page)
    expect(page.get_by_role("combobox", name="Category")).to_have_value("bowl")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Category")).to_have_value("mug")
    photograph_is_shown(page)
    page.keyboard.press("Digit3")
    expect(page.get_by_text("No masks wait to be checked")).to_be_visible()
    states = TargetObject.objects.order_by("category").values_list("category", "state")
    assert list(states) == [("bowl", State.READY), ("mug", State.DISCARDED)]
    assert set(MaskTask.objects.values_list("verdict", "discard_reason")) == {("verify", ""), ("discard", "partial")}


def test_a_mask_is_refined_by_mouse_alone_with_undo(person_page: OpenPage) -> None:
    (target,) = propose(1)
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada", width=1920, height=1080)
    page.get_by_role("button", name="Switch to the light theme").click()
    page.get_by_role("link", name="Start: Check masks").click()
    photograph_is_shown(page)
    box = page.get_by_role("img", name="Photograph").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_role("button", name="Eraser").click()
    for shift in (0, 60):
        page.mouse.move(middle[0] - 60, middle[1] + shift)
        page.mouse.down()
        page.mouse.move(middle[0] + 60, middle[1] + shift, steps=4)
        page.mouse.up()
    keep_screenshot(page, "masks-refined-light-1920")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Send refined").click()
    expect(page.get_by_text("No masks wait to be checked")).to_be_visible()
    target.refresh_from_db()
    refined = decode_mask(MaskRle(height=400, width=600, counts=tuple(target.mask_counts)))
    assert not refined[200, 300]  # erased
    erased = cup_mask() & ~refined
    assert 500 < erased.sum() < 1500  # one stroke of 16 px, the other was taken back
    assert not (refined & ~cup_mask()).any()
    assert target.state == State.READY
    task = MaskTask.objects.get()
    assert (task.verdict, task.refined_counts) == ("refine", target.mask_counts)


def is_claimed_ahead(answer: Response) -> bool:
    """The page has the task after the one in work."""
    return answer.url.endswith("/masks/claim") and bool((answer.request.post_data_json or {}).get("prefetch"))


def test_two_people_at_once_check_different_masks(person_page: OpenPage) -> None:
    propose(4)  # each page holds the one in work and the next
    pages = {}
    for name in ("ada", "bob"):
        make_user(Role.ANNOTATOR, username=name)
        pages[name] = person_page(name)
        with pages[name].expect_response(is_claimed_ahead):
            pages[name].goto("/masks/")
        photograph_is_shown(pages[name])
    for done in (1, 2):
        pages["ada"].keyboard.press("Enter")
        pages["bob"].keyboard.press("Digit3")
        for page in pages.values():
            expect(page.get_by_text(f"{done} done today")).to_be_visible()
    for page in pages.values():
        expect(page.get_by_text("No masks wait to be checked")).to_be_visible()
    said = Judgement.objects.values_list("user__username", "work_item__mask_task__verdict")
    assert sorted(said) == [("ada", "verify")] * 2 + [("bob", "discard")] * 2


def test_a_mask_that_somebody_else_took_over_is_explained_and_kept_as_a_draft(person_page: OpenPage) -> None:
    propose(1)
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    page.goto("/masks/")
    photograph_is_shown(page)
    WorkItem.objects.update(state="open", holder=None, lease_expires_at=None)
    assert mask_tasks.claim(user=make_user(Role.ANNOTATOR, username="bob")) is not None
    page.keyboard.press("c")
    page.keyboard.type("bowl")
    page.keyboard.press("Escape")
    expect(page.get_by_text("saved ✓")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("No masks wait to be checked")).to_be_visible()
    expect(page.get_by_text("was not taken")).to_be_visible()
    keep_screenshot(page, "masks-superseded-dark-1280")
    assert Draft.objects.get(user__username="ada").content["category"] == "bowl"
    assert not Judgement.objects.exists()


def file_of(picture: Pillow.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format=kind, **options)
    return file.getvalue()


def odd_photographs() -> dict[str, bytes]:
    """The cup as cameras and programs write photographs; each is cut differently, or it would be a near-duplicate."""
    cup = Pillow.open(io.BytesIO(photograph_png())).convert("RGB")
    turned = Pillow.Exif()
    turned[0x0112] = 6  # to be shown a quarter turn clockwise
    grey = np.asarray(cup.crop((60, 0, 600, 340)).convert("L"), dtype=np.uint16) * 257
    return {
        "turned by EXIF": file_of(cup, "JPEG", exif=turned),
        "CMYK": file_of(cup.crop((0, 60, 540, 400)).convert("CMYK"), "JPEG"),
        "16 bits": file_of(Pillow.fromarray(grey), "PNG"),
        "alpha": file_of(cup.crop((40, 40, 560, 390)).convert("RGBA"), "PNG"),
    }


def test_photographs_of_every_kind_are_shown_and_judged(person_page: OpenPage) -> None:
    sizes = []
    for name, data in odd_photographs().items():
        image = register_image(data=data, source=name)
        sizes.append((image.width_px, image.height_px))
        mask = np.zeros((image.height_px, image.width_px), dtype=np.bool_)
        mask[100:200, 100:250] = True
        register_target(image_id=image.id, mask=mask, source="the middle", category="mug")
    assert sizes[0] == (400, 600)  # upright
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada")
    page.goto("/masks/")
    for done in range(1, len(sizes) + 1):
        photograph_is_shown(page)
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"{done} done today")).to_be_visible()
    expect(page.get_by_text("No masks wait to be checked")).to_be_visible()
    assert TargetObject.objects.filter(state=State.READY).count() == len(sizes)
