"""The workers' Celery app: `celery -A model_workers.celery worker --queues generate,train`.

Broker: `CELERY_BROKER_URL`, else the embedded Redis. Objects: `LATHE_STORAGE_URL`, else `var/blobs`. Nothing else.
"""

from typing import Any

import structlog
from celery.signals import worker_ready

from engine import logs
from engine.embedded.celery_app import configured_broker_url, make_app

logs.follow_celery_tasks()

app = make_app(
    "lathe_workers",
    broker_url=configured_broker_url(),
    imports=["model_workers.tasks"],
    task_routes={
        "model_workers.generate": {"queue": "generate"},
        "model_workers.train": {"queue": "train"},
        "model_workers.evaluate": {"queue": "train"},
        "model_workers.segment": {"queue": "segment"},
        "model_workers.estimate_points": {"queue": "depth"},
        "model_workers.recognise": {"queue": "recognise"},
        "engine.*": {"queue": "engine"},
    },
)


@worker_ready.connect
def _say_what_it_listens_to(sender: Any, **kwargs: Any) -> None:
    queues = sorted(queue.name for queue in sender.task_consumer.queues)
    structlog.get_logger(__name__).info("worker_ready", queues=queues, broker=sender.app.connection().as_uri())
