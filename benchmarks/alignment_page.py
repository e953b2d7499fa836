"""The Stage 3 page in the software renderer of Chromium: cost of a frame, load, and memory over many tasks.

300,000 points and a mesh of 100,000 faces are dragged; then many tasks are handed in one after the other in one tab.
Milliseconds of scripts are CPU time of the page's thread for one step of the drag, drawing, scoring and numbers
together: a graphics card does the rest. Calls that wait until software has drawn are told apart by a profile: a card
would have drawn long before. `LATHE_BENCH_TASKS` says how many tasks (200; 0 leaves them out), `LATHE_BENCH_STEPS` how
many steps the drag has (60).
"""

import logging
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.browsing import installed_browser
from benchmarks.scratch_database import scratch_database

TASKS = int(os.environ.get("LATHE_BENCH_TASKS", "200"))
DRAG_STEPS = int(os.environ.get("LATHE_BENCH_STEPS", "60"))
WARMING_STEPS = PROFILED_STEPS = DRAG_STEPS // 3
# Calls of WebGL that return only when everything before them is drawn.
WAITING_CALLS = {"getBufferSubData", "readPixels", "clientWaitSync", "getParameter", "finish"}
SHOWN = "() => document.querySelector('canvas[data-shown]')?.dataset.shown"


def measure() -> dict[str, Any]:
    """Serve the page from this process, and open it."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    logging.disable(logging.WARNING)  # a line for every request
    with scratch_database(), _served() as url, _browser() as browser:
        from engine.workforce.models import Role
        from tests.factories import make_user

        make_user(Role.ANNOTATOR, username="ada")
        page = browser.new_page(viewport={"width": 1280, "height": 720}, base_url=url)
        page.set_default_timeout(120_000)  # software draws slowly
        page.goto("/")
        page.get_by_label("User name").fill("ada")
        page.get_by_label("Password").fill("a good password")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        large_scene = _large_scene(page)
        return {"large_scene": large_scene, "many_tasks": _many_tasks(page) if TASKS else None}


def _large_scene(page: Any) -> dict[str, Any]:
    from tests.e2e.alignment_queue import queue_large_alignment

    queue_large_alignment()
    page.goto("/alignment/", wait_until="commit")
    page.wait_for_function(SHOWN)
    developer = page.context.new_cdp_session(page)
    developer.send("Performance.enable", {"timeDomain": "threadTicks"})
    busy_before = _metric_ms(developer, "TaskDuration")
    page.reload(wait_until="commit")  # once more, with a warm server and a warm cache of the bundle
    started = time.perf_counter()
    page.wait_for_function(SHOWN)
    loaded_ms = 1000 * (time.perf_counter() - started)
    busy_ms = _metric_ms(developer, "TaskDuration") - busy_before
    page.wait_for_function("() => document.querySelector('[data-scores=now]')")
    box = page.locator("[data-view=photograph]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()

    def drag(step: int) -> float:
        before = _metric_ms(developer, "ScriptDuration")
        page.mouse.move(x + 60 * np.sin(step / 9), y + 40 * np.sin(step / 7))
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return _metric_ms(developer, "ScriptDuration") - before

    for step in range(WARMING_STEPS):  # until what runs often is compiled
        drag(step)
    costs = sorted(drag(step) for step in range(DRAG_STEPS))
    developer.send("Profiler.enable")
    developer.send("Profiler.setSamplingInterval", {"interval": 200})
    developer.send("Profiler.start")
    for step in range(PROFILED_STEPS):
        drag(step)
    profile = _self_ms(developer.send("Profiler.stop")["profile"])
    page.mouse.up()
    canvas = page.locator("canvas[data-shown]")
    counts = {name: int(canvas.get_attribute(f"data-{name}")) for name in ("calls", "triangles", "points")}
    page.locator("button:enabled", has_text="Submit").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("Nothing waits to be placed").wait_for()
    waiting = sum(cost for name, cost in profile.items() if name in WAITING_CALLS)
    running = sum(cost for name, cost in profile.items() if name not in WAITING_CALLS)
    return {
        "load_to_full_view_ms": round(loaded_ms),
        "page_thread_cpu_until_full_view_ms": round(busy_ms),
        "steps_of_the_drag": len(costs),
        "script_cpu_ms_p50": round(statistics.median(costs), 2),
        "script_cpu_ms_p95": round(costs[int(0.95 * (len(costs) - 1))], 2),
        "profiled_step_running_ms": round(running / PROFILED_STEPS, 2),
        "profiled_step_waiting_for_software_drawing_ms": round(waiting / PROFILED_STEPS, 2),
        **{f"{name}_per_frame": count for name, count in counts.items()},
    }


def _metric_ms(developer: Any, name: str) -> float:
    """CPU time that the page's thread has spent, in scripts alone or in all tasks."""
    metrics = {metric["name"]: metric["value"] for metric in developer.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics[name])


def _self_ms(profile: Any) -> dict[str, float]:
    """Milliseconds by name of the function that was running; idle time, and the browser's own, left out."""
    names = {node["id"]: node["callFrame"]["functionName"] for node in profile["nodes"]}
    spent: dict[str, float] = defaultdict(float)
    for node, microseconds in zip(profile["samples"], profile["timeDeltas"], strict=True):
        if names[node] not in ("(idle)", "(program)", "(root)"):
            spent[names[node]] += microseconds / 1000
    return spent


def _many_tasks(page: Any) -> dict[str, Any]:
    from tests.e2e.alignment_queue import queue_alignment
    from tests.posed_scenes import posed_scene

    for number in range(TASKS):
        queue_alignment(posed_scene("mug", seed=number % 8))
    page.goto("/alignment/")
    held, shown = [], ""
    for _ in range(TASKS):
        page.wait_for_function(f"before => {{ const now = ({SHOWN})(); return now && now !== before; }}", arg=shown)
        canvas = page.locator("canvas[data-shown]")
        shown = canvas.get_attribute("data-shown")
        page.wait_for_function("() => document.querySelector('[data-scores=now]')")
        held.append([int(canvas.get_attribute(f"data-{kind}")) for kind in ("geometries", "textures")])
        page.locator("button:enabled", has_text="Submit").wait_for()
        page.keyboard.press("Enter")
    page.get_by_text("Nothing waits to be placed").wait_for()
    late = held[len(held) // 2 :]
    return {
        "tasks": TASKS,
        "geometries_first_half_most": max(geometries for geometries, _ in held[: len(held) // 2]),
        "geometries_second_half_most": max(geometries for geometries, _ in late),
        "textures_first_half_most": max(textures for _, textures in held[: len(held) // 2]),
        "textures_second_half_most": max(textures for _, textures in late),
    }


@contextmanager
def _served() -> Iterator[str]:
    """The site on a port of its own, with a store of its own; what workers would do is left out or done at once."""
    from django.conf import settings
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.test.testcases import LiveServerThread

    from engine import dispatch
    from engine.alignment import services

    with ExitStack() as stack:
        store = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(patch.object(settings, "LATHE_STORAGE_URL", Path(store, "blobs").as_uri()))
        stack.enter_context(patch.object(settings, "ALLOWED_HOSTS", ["127.0.0.1"]))
        stack.enter_context(patch.object(services, "send_soon", lambda task, **kwargs: None))
        stack.enter_context(patch.object(dispatch, "hand_over", lambda *, move, target_id: None))
        server = LiveServerThread("127.0.0.1", StaticFilesHandler)
        server.daemon = True
        server.start()
        server.is_ready.wait()
        if server.error:
            raise server.error
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.terminate()
            _end_other_sessions()


def _end_other_sessions() -> None:
    """Threads of the server that wait for a browser still hold the database, which is to be dropped."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import FLAGS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed_browser(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
