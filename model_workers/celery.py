"""The workers' Celery app: `celery -A model_workers.celery worker --queues generate,train`.

Broker: `CELERY_BROKER_URL`, else the embedded Redis. Objects: `LATHE_STORAGE_URL`, else `var/blobs`. Nothing else.
"""

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
