"""The room's tasks are in the engine's app under the names that workers use."""

from engine.celery import app
from engine.contracts.generation import RECORD_REPLY_TASK, RECORD_START_TASK
from engine.generation.outbox import PUBLISH_TASK
from engine.lifecycle import ON_ENTRY, ByTheWorker


def test_workers_and_beat_find_the_tasks_by_name() -> None:
    app.loader.import_default_modules()
    app.finalize()
    picked_up = {entry.task for entry in ON_ENTRY.values() if isinstance(entry, ByTheWorker)}
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {RECORD_START_TASK, RECORD_REPLY_TASK, PUBLISH_TASK} <= set(app.tasks)
    assert {"engine.generation.tasks.sweep", *picked_up} <= scheduled & set(app.tasks)
