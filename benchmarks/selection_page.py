"""What an annotator of Stage 2 waits for: a real server, a real Chromium.

The page measures itself, from the key that asked to the frame that shows it (`annotation_ui/src/work/marks.ts`);
WebGL runs in software. Where the first task's time goes is told by the browser's own account of what it fetched.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.browsing import installed_browser
from benchmarks.scratch_database import scratch_database

if TYPE_CHECKING:
    from playwright.sync_api import Page

CANDIDATES = 6
TASKS_MEASURED = 8
LOOK_MS = 320  # an answer that comes sooner is taken for a second click


def measure() -> dict[str, Any]:
    """Fill a queue, work through it, and read what the page measured."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings")
    with tempfile.TemporaryDirectory(prefix="lathe-bench-") as folder, scratch_database():
        from django.conf import settings

        settings.LATHE_STORAGE_URL = (Path(folder) / "blobs").as_uri()
        from engine.workforce.models import Role
        from tests.e2e.own_server import OwnServer
        from tests.e2e.selection_queue import queue_selections
        from tests.factories import make_user

        make_user(Role.ANNOTATOR, username="ada")
        queue_selections(TASKS_MEASURED, candidates=CANDIDATES)
        server = OwnServer(Path(folder), DJANGO_SETTINGS_MODULE="engine.settings")
        server.start()
        try:
            return {"candidates": CANDIDATES, **_in_a_browser(server.url)}
        finally:
            server.kill()


def _in_a_browser(url: str) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import FLAGS, sign_in

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed_browser(), args=list(FLAGS))
        page = browser.new_page(base_url=url, viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
        first_task_ms: list[float] = []
        parts: list[dict[str, float]] = []
        for _ in ("with an empty cache", "with what the first time left"):
            page.context.clear_cookies()
            page.goto("/selection/")
            clicked_at = time.time() * 1000
            sign_in(page, "ada")
            page.wait_for_url("**/selection/")
            _wait_for_measures(page, "lathe.first-task", 1)
            first_task_ms.append(
                page.evaluate("performance.timeOrigin + performance.getEntriesByName('lathe.first-task')[0].duration")
                - clicked_at
            )
            parts.append(page.evaluate(PARTS))
        for number in range(TASKS_MEASURED):
            _work(page, CANDIDATES - 1, last=number == TASKS_MEASURED - 1)
        figures: dict[str, Any] = {
            "first_task_after_sign_in_ms": {"cold": round(first_task_ms[0]), "warm": round(first_task_ms[1])},
            "from_opening_the_page_ms": {"cold": parts[0], "warm": parts[1]},
            "next_pair_ms": _spread(page, "lathe.next-pair"),
            "next_task_ms": _spread(page, "lathe.next-task"),
        }
        browser.close()
        return figures


# When things were over, in ms since the page was asked for.
PARTS = """() => {
    const over = (entries) => Math.round(Math.max(0, ...entries.map((entry) => entry.responseEnd)));
    const [page] = performance.getEntriesByType("navigation");
    const fetched = performance.getEntriesByType("resource");
    const of = (pattern) => fetched.filter(({ name }) => pattern.test(name));
    const meshes = of(/\\/mesh$/).sort((a, b) => a.responseEnd - b.responseEnd).slice(0, 2);
    return {
        page: Math.round(page.responseEnd),
        scripts_and_styles: over(of(/\\/static\\//).filter(({ startTime }) => startTime < page.domInteractive + 50)),
        task_claimed: over(of(/\\/selections\\/claim$/).slice(0, 1)),
        both_shapes_fetched: over(meshes),
        shown: Math.round(performance.getEntriesByName("lathe.first-task")[0].duration),
    };
}"""


def _work(page: "Page", rounds: int, *, last: bool) -> None:
    """One task, from its first pair on screen to the next task's."""
    page.wait_for_function("() => document.querySelector('canvas[data-shown]')?.dataset.shown.includes(' ')")
    for _ in range(rounds):
        page.wait_for_timeout(LOOK_MS)
        before = page.locator("canvas[data-shown]").get_attribute("data-shown")
        page.keyboard.press("ArrowLeft")
        page.wait_for_function(
            "before => { const shown = document.querySelector('canvas[data-shown]').dataset.shown;"
            " return shown && shown !== before; }",
            arg=before,
        )
    page.keyboard.press("Digit5")
    page.wait_for_timeout(20)
    page.keyboard.press("Enter")
    if last:
        page.get_by_text("Nothing waits to be compared").wait_for()


def _wait_for_measures(page: "Page", name: str, count: int) -> None:
    page.wait_for_function(f"() => performance.getEntriesByName('{name}').length >= {count}")


def _spread(page: "Page", name: str) -> dict[str, float]:
    durations = page.evaluate(f"performance.getEntriesByName('{name}').map((entry) => entry.duration)")
    p50, p95 = np.percentile(durations, [50, 95])
    return {"count": len(durations), "p50": round(p50), "p95": round(p95), "most": round(max(durations))}
