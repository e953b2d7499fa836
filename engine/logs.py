"""Structured logs: one line an event, JSON in files and pipes, coloured key=value on a terminal.

Needs structlog alone, so that model workers and trainers log in the same shape as the engine. Request ids are bound
by django-structlog, task ids by `follow_celery_tasks` (or django-structlog's Celery step in the engine).
"""

import logging.config
import os
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def configure() -> None:
    """Send structlog and the standard library's logging through one formatter, to standard error."""
    configure_structlog()
    logging.config.dictConfig(logging_config())
    logging.captureWarnings(True)


def configure_structlog() -> None:
    """Hand structlog's events to the standard library's handlers."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def logging_config() -> dict[str, Any]:
    """What `logging.config.dictConfig` takes; also Django's LOGGING and gunicorn's `logconfig_dict`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    _say_which_process,
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_rendering(),
                ],
                "foreign_pre_chain": [structlog.contextvars.merge_contextvars, *_SHARED],
            }
        },
        "filters": {"one_line_a_request": {"()": _OneLineARequest}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": os.environ.get("LATHE_LOG_LEVEL", "INFO")},
        "loggers": {
            "django.server": {"level": "WARNING"},
            "django_structlog.middlewares.request": {"filters": ["one_line_a_request"]},
            # gunicorn gives these handlers of its own unless told otherwise
            "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
        },
    }


def follow_celery_tasks() -> None:
    """Bind the task's id and name to every event logged inside a Celery task. For apps without Django."""
    from celery.signals import task_postrun, task_prerun

    task_prerun.connect(_bind_task, weak=False)
    task_postrun.connect(_unbind_task, weak=False)


def _bind_task(task_id: str, task: Any, **kwargs: Any) -> None:
    structlog.contextvars.bind_contextvars(task_id=task_id, task=task.name)


def _unbind_task(**kwargs: Any) -> None:
    structlog.contextvars.unbind_contextvars("task_id", "task")


class _OneLineARequest(logging.Filter):
    """Drops `request_started`, since `request_finished` says the same and more, and load balancers' health checks."""

    def filter(self, record: logging.LogRecord) -> bool:
        event = record.msg if isinstance(record.msg, dict) else {}
        return event.get("event") != "request_started" and event.get("request") != "GET /healthz"


def _say_which_process(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    process = os.environ.get("LATHE_PROCESS")
    if process:
        event.setdefault("process", process)
    return event


def _rendering() -> list[Processor]:
    if sys.stderr.isatty() and os.environ.get("LATHE_LOG_FORMAT") != "json":
        return [structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


_SHARED: list[Processor] = [
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
]
