"""Logging is set up once in a process, so each test asks a process of its own."""

import json
import subprocess
import sys

from engine.embedded.places import CHECKOUT


def lines_of(code: str, **environment: str) -> list[dict[str, object]]:
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in finished.stderr.splitlines()]


def test_one_line_of_json_an_event_with_what_is_bound() -> None:
    (line,) = lines_of(
        "import structlog; from engine import logs; logs.configure();"
        "structlog.contextvars.bind_contextvars(task_id='t1');"
        "structlog.get_logger('x').info('frozen', rows=3)",
        LATHE_PROCESS="engine-worker",
    )
    assert line["event"] == "frozen"
    assert (line["rows"], line["task_id"], line["process"], line["level"]) == (3, "t1", "engine-worker", "info")
    assert str(line["at"]).endswith("Z")


def test_libraries_log_in_the_same_shape_and_a_traceback_stays_one_line() -> None:
    (line,) = lines_of(
        "import logging; from engine import logs; logs.configure()\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: logging.getLogger('library').exception('went wrong with %s', 'this')"
    )
    assert line["event"] == "went wrong with this"
    assert "ZeroDivisionError" in str(line["exception"])


def test_model_workers_can_log_without_django() -> None:
    # kombu itself takes one class from django.utils where Django is installed: settings are what must not be there
    (line,) = lines_of(
        "import sys; from engine import logs; logs.configure(); logs.follow_celery_tasks();"
        "import structlog; structlog.get_logger('x').info('loaded', django='django.conf' in sys.modules)"
    )
    assert line["django"] is False
