"""What an annotator of Stage 2 waits for, and what many tasks in one tab leave behind: a real server, a real Chromium.

The page measures itself, from the key that asked to the frame that shows it (`annotation_ui/src/work/marks.ts`);
WebGL runs in software. `LATHE_BENCH_TASKS` sets the number of tasks in the tab.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.scratch_database import scratch_database

if TYPE_CHECKING:
    from playwright.sync_api import Page

CANDIDATES = 6
TASKS_MEASURED = 8
TASKS_IN_ONE_TAB = int(os.environ.get("LATHE_BENCH_TASKS", "100"))
TASKS_BETWEEN_LOOKS = max(1, TASKS_IN_ONE_TAB // 10)
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
            return {"candidates": CANDIDATES, **_in_a_browser(server.url, queue_selections)}
        finally:
            server.kill()


def _in_a_browser(url: str, queue: Any) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import BROWSERS, FLAGS, sign_in

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_installed(BROWSERS), args=[*FLAGS, "--enable-precise-memory-info"]
        )
        page = browser.new_page(base_url=url, viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
        first_task_ms = []
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
        for number in range(TASKS_MEASURED):
            _work(page, CANDIDATES - 1, last=number == TASKS_MEASURED - 1)
        figures: dict[str, Any] = {
            "first_task_after_sign_in_ms": {"cold": round(first_task_ms[0]), "warm": round(first_task_ms[1])},
            "next_pair_ms": _spread(page, "lathe.next-pair"),
            "next_task_ms": _spread(page, "lathe.next-task"),
        }
        queue(TASKS_IN_ONE_TAB, candidates=2)
        page.set_viewport_size({"width": 1024, "height": 600})
        page.reload()
        figures["one_tab"] = _many_tasks(page)
        browser.close()
        return figures


def _many_tasks(page: "Page") -> dict[str, Any]:
    looks: list[dict[str, float]] = []
    protocol = page.context.new_cdp_session(page)
    for number in range(1, TASKS_IN_ONE_TAB + 1):
        _work(page, 1, last=number == TASKS_IN_ONE_TAB)
        if number % TASKS_BETWEEN_LOOKS == 0 and number < TASKS_IN_ONE_TAB:
            protocol.send("HeapProfiler.collectGarbage")
            looks.append({"tasks": number, **page.evaluate(LOOK)})
    return {"tasks": TASKS_IN_ONE_TAB, "looks": looks}


LOOK = """() => {
    const { geometries, textures } = document.querySelector("canvas[data-shown]").dataset;
    return {
        geometries: Number(geometries),
        textures: Number(textures),
        heap_mb: Math.round(performance.memory.usedJSHeapSize / 2 ** 20),
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


def _installed(names: tuple[str, ...]) -> str:
    import shutil

    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("No Chromium: `make setup` installs it (as root) or prints the command that does.")
    return found
