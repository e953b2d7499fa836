"""How long an annotator waits between a click and the mask on screen: browser, server, broker, worker and back.

    python -m benchmarks mask_assist_trip

A built-in photograph of one megapixel, a server and a segment worker of their own, a real Chromium. The page measures
itself, from the click to the frame that shows the answer; the browser's own account says how much of that the request
was, and the worker's answer how much the segmenter was.
"""

import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from benchmarks.browsing import browser_page
from benchmarks.mask_assist import pictures, summary
from benchmarks.scratch_database import scratch_database

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUNDS = int(os.environ.get("LATHE_BENCH_ROUNDS", "30"))
# Where people click, as shares of the photograph: on the object, then on what was taken or left too much.
PLACES = ((0.5, 0.5), (0.45, 0.6), (0.55, 0.4), (0.6, 0.55))


def measure() -> dict[str, Any]:
    """Click, wait, take back, click again."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    with tempfile.TemporaryDirectory(prefix="lathe-bench-") as folder, scratch_database():
        from django.conf import settings

        settings.LATHE_STORAGE_URL = (Path(folder) / "blobs").as_uri()
        from engine.sourcing import proposing
        from engine.sourcing.services import register_image
        from engine.workforce.models import Role
        from tests.e2e.own_server import OwnServer
        from tests.factories import make_user
        from tests.segmenting import segment_worker

        make_user(Role.ANNOTATOR, username="ada")
        file = io.BytesIO()
        Image.fromarray(pictures()[0]).save(file, format="JPEG", quality=92)
        proposing.ask_people(image=register_image(data=file.getvalue(), source="a cup of coffee"))
        server = OwnServer(Path(folder), DJANGO_SETTINGS_MODULE="engine.settings")
        server.start()
        try:
            with (
                segment_worker(
                    broker_url=settings.CELERY_BROKER_URL,
                    storage_url=settings.LATHE_STORAGE_URL,
                    log=Path(folder) / "worker.log",
                ),
                browser_page(server.url, "/masks/") as page,
            ):
                return _clicks(page)
        finally:
            server.kill()


def _clicks(page: "Page") -> dict[str, Any]:
    photograph = page.locator("canvas[data-loaded=true]")
    photograph.wait_for()
    box = photograph.bounding_box()
    assert box is not None
    segmenter: list[float] = []
    request: list[float] = []
    for number in range(ROUNDS):
        x, y = PLACES[number % len(PLACES)]
        with page.expect_response("**/assist") as answer:
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        segmenter.append(answer.value.json()["duration_ms"])
        timing = answer.value.request.timing
        answer.value.finished()
        request.append(answer.value.request.timing["responseEnd"] - timing["requestStart"])
        page.wait_for_function(f"() => performance.getEntriesByName('lathe.assist').length > {number}")
        if number % len(PLACES) == len(PLACES) - 1:
            for _ in PLACES:
                page.keyboard.press("Control+z")
    whole = page.evaluate("performance.getEntriesByName('lathe.assist').map(({ duration }) => duration)")
    return {
        "first_click_ms": round(whole[0], 1),
        "click_to_mask": summary(whole[1:]),
        "of_that_the_request": summary(request[1:]),
        "of_that_the_segmenter": summary(segmenter[1:]),
    }
