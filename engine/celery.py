"""The engine's Celery app: sends work to generators and trainers by name, runs the engine's own tasks.

Queues: `engine` (short database work), `geometry` (engine tasks that need open3d or take long), `assist` (what a person
waits for; it has a worker of its own); and of the model workers `generate`, `train`, `recognise` (new photographs) and
`segment` (masks, while a person waits). Which task goes where is said here alone, by name.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from celery import Celery
from django_structlog.celery.steps import DjangoStructLogInitStep

from engine.embedded.celery_app import make_app

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings")

from django.conf import settings


def _beat_schedule() -> dict[str, Any]:
    schedule: dict[str, Any] = {}
    for room in settings.ROOMS:
        if find_spec(f"engine.{room}.tasks"):
            schedule |= getattr(import_module(f"engine.{room}.tasks"), "BEAT_SCHEDULE", {})
    return schedule


app = make_app(
    "lathe",
    broker_url=settings.CELERY_BROKER_URL,
    task_default_queue="engine",
    task_routes={
        "model_workers.generate*": {"queue": "generate"},
        "model_workers.train*": {"queue": "train"},
        "model_workers.evaluate*": {"queue": "train"},
        "model_workers.segment": {"queue": "segment"},
        "model_workers.estimate*": {"queue": "depth"},
        "model_workers.recognise": {"queue": "recognise"},
        # What needs open3d, or a minute rather than a moment
        "engine.alignment.tasks.score*": {"queue": "geometry"},
        "engine.alignment.tasks.prepare*": {"queue": "geometry"},
        "engine.artistry.tasks.check*": {"queue": "geometry"},
        "engine.flywheel.tasks.freeze": {"queue": "geometry"},
        "engine.generation.tasks.make_views": {"queue": "geometry"},
        "engine.flywheel.tasks.make_entry_views": {"queue": "geometry"},
        "engine.workforce.tasks.settle_second_opinions": {"queue": "geometry"},  # poses are compared on their meshes
        # What a person waits for
        "engine.alignment.tasks.assist*": {"queue": "assist"},
    },
)
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks([f"engine.{room}" for room in settings.ROOMS])


@app.on_after_finalize.connect
def _take_schedules(sender: Celery, **kwargs: Any) -> None:
    sender.conf.beat_schedule = _beat_schedule()
