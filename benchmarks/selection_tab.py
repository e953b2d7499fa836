"""What hundreds of Stage 2 tasks in one tab leave behind: a real server, a real Chromium, keys pressed by a script.

    python -m benchmarks selection_tab          # 500 tasks; LATHE_BENCH_TASKS for another number

Every tenth of the way, after a garbage collection: geometries, textures and programs of the renderer, and the heap.
"""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browsing import browser_page
from benchmarks.scratch_database import scratch_database

if TYPE_CHECKING:
    from playwright.sync_api import Page

TASKS = int(os.environ.get("LATHE_BENCH_TASKS", "500"))
LOOKS = 10
LEAST_LOOK_MS = 320  # an answer that comes sooner is taken for a second click
TASK_SECONDS = 60  # on the busiest machine

# Plays so many tasks, each a pair and a rating. In the page itself, so that nothing but the page takes time.
PLAY = """async ([tasks, lookMs]) => {
    const frame = () => new Promise(requestAnimationFrame);
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const press = (code, key) => window.dispatchEvent(
        new KeyboardEvent("keydown", { code, key, bubbles: true, cancelable: true }));
    const shown = () => document.querySelector("canvas[data-shown]")?.dataset.shown ?? "";
    let before = "";
    for (let task = 0; task < tasks; task += 1) {
        while (!shown().includes(" ") || shown() === before) await frame();  // a pair, and not the last one
        const pair = shown();
        await pause(lookMs);
        press("ArrowLeft", "ArrowLeft");
        while (shown() === "" || shown() === pair) await frame();  // the winner
        before = pair;
        press("Digit5", "5");
        await frame();
        press("Enter", "Enter");
    }
}"""

LOOK = """() => {
    const { geometries, textures, programs } = document.querySelector("canvas[data-shown]").dataset;
    return {
        geometries: Number(geometries),
        textures: Number(textures),
        programs: Number(programs),
        heap_mb: Math.round(performance.memory.usedJSHeapSize / 2 ** 20 * 10) / 10,
    };
}"""


def measure() -> dict[str, Any]:
    """Fill a queue and play it."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    with tempfile.TemporaryDirectory(prefix="lathe-bench-") as folder, scratch_database():
        from django.conf import settings

        settings.LATHE_STORAGE_URL = (Path(folder) / "blobs").as_uri()
        from engine.workforce.models import Role, WorkItem
        from tests.e2e.own_server import OwnServer
        from tests.e2e.selection_queue import queue_selections
        from tests.factories import make_user

        make_user(Role.ANNOTATOR, username="ada")
        queue_selections(TASKS + 1, candidates=2)  # one stays on screen, to be looked at
        server = OwnServer(Path(folder), DJANGO_SETTINGS_MODULE="engine.settings")
        server.start()
        try:
            with browser_page(server.url, "/selection/", width=1024, height=600) as page:
                looks = _play(page)
        finally:
            server.kill()
        return {"tasks": WorkItem.objects.filter(state="done").count(), "looks": looks}


def _play(page: "Page") -> list[dict[str, float]]:
    looks: list[dict[str, float]] = []
    protocol = page.context.new_cdp_session(page)
    each = max(1, TASKS // LOOKS)
    for done in range(each, TASKS + 1, each):
        page.set_default_timeout(1000 * TASK_SECONDS * each)
        page.evaluate(PLAY, [each, LEAST_LOOK_MS])
        page.wait_for_function("() => document.querySelector('canvas[data-shown]')?.dataset.shown.includes(' ')")
        page.wait_for_function("() => document.querySelector('canvas[data-waiting]')?.dataset.waiting === '0'")
        protocol.send("HeapProfiler.collectGarbage")
        looks.append({"tasks": done, **page.evaluate(LOOK)})
    return looks
