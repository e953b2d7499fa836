"""The engine's Celery app: sends work to generators and trainers by name, runs the engine's own tasks.

Queues: `engine` (short database work), `geometry` (engine tasks that need open3d, named by `queue=` on the task),
`generate` and `train` (the model workers).
"""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import structlog
from celery import Celery
from celery.signals import setup_logging, worker_ready
from django_structlog.celery.steps import DjangoStructLogInitStep

from engine import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings")

from django.conf import settings

# Longer than any task runs: Redis hands a task to a second worker when nobody acknowledged it for this long.
VISIBILITY_SECONDS = 6 * 3600


class LatheApp(Celery):
    """Celery that starts the embedded Redis when it connects and no broker is configured."""

    def connection_for_read(self, *args: Any, **kwargs: Any) -> Any:
        _start_embedded_broker()
        return super().connection_for_read(*args, **kwargs)

    def connection_for_write(self, *args: Any, **kwargs: Any) -> Any:
        _start_embedded_broker()
        return super().connection_for_write(*args, **kwargs)


def _start_embedded_broker() -> None:
    if not os.environ.get("CELERY_BROKER_URL"):
        from engine.embedded import redis

        redis.ensure_running()


def _beat_schedule() -> dict[str, Any]:
    schedule: dict[str, Any] = {}
    for room in settings.ROOMS:
        if find_spec(f"engine.{room}.tasks"):
            schedule |= getattr(import_module(f"engine.{room}.tasks"), "BEAT_SCHEDULE", {})
    return schedule


app = LatheApp("lathe")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_default_queue="engine",
    task_routes={
        "model_workers.generate*": {"queue": "generate"},
        "model_workers.train*": {"queue": "train"},
    },
    enable_utc=True,
    timezone="UTC",
)
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks([f"engine.{room}" for room in settings.ROOMS])


@app.on_after_finalize.connect
def _take_schedules(sender: Celery, **kwargs: Any) -> None:
    sender.conf.beat_schedule = _beat_schedule()


@setup_logging.connect
def _log_as_lathe(**kwargs: Any) -> None:
    logs.configure()


@worker_ready.connect
def _say_what_it_listens_to(sender: Any, **kwargs: Any) -> None:
    queues = sorted(queue.name for queue in sender.task_consumer.queues)
    structlog.get_logger(__name__).info("worker_ready", queues=queues, broker=sender.app.connection().as_uri())
