"""The Celery tasks of Stages 2.5 and 3: registered, on their queues, fed with JSON, tolerant of newer senders."""

import pytest
from kombu.exceptions import OperationalError

from engine import sending
from engine.alignment import assistance, services, tasks
from engine.alignment.models import Alignment
from engine.artistry import tasks as artistry_tasks
from engine.artistry import uploads
from engine.celery import app
from tests.desks import POSE

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("task", [services.SCORE_TASK, services.PREPARE_TASK, uploads.CHECK_TASK])
def test_work_with_geometry_goes_to_a_queue_of_its_own(task):
    assert app.amqp.router.route({}, task)["queue"].name == "geometry"


@pytest.mark.parametrize("task", [assistance.SNAP_TASK, assistance.TRY_OTHERS_TASK])
def test_what_a_person_waits_for_waits_behind_nothing_else(task):
    assert app.amqp.router.route({}, task)["queue"].name == "assist"


def test_a_broker_that_is_away_fails_nobody(monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(sending.app, "send_task", away)
    sending.send_soon(services.SCORE_TASK, work_item_id="x")


def test_every_task_that_is_sent_is_registered():
    app.loader.import_default_modules()
    beats = tasks.BEAT_SCHEDULE | artistry_tasks.BEAT_SCHEDULE
    names = {services.SCORE_TASK, services.PREPARE_TASK, uploads.CHECK_TASK, *(beat["task"] for beat in beats.values())}
    assert names <= set(app.tasks)


def test_prepared_and_scored_by_task(open_alignment, annotator):
    work_item_id = str(open_alignment(prepared=False).pk)
    tasks.prepare_alignment.apply(kwargs={"work_item_id": work_item_id, "added_later": 1}, throw=True)
    assert Alignment.objects.get().point_map is not None
    task = services.claim(user=annotator)
    services.submit(
        user=annotator,
        work_item_id=task.work_item.id,
        token=task.work_item.fencing_token,
        pose=POSE,
        not_alignable="",
        duration_ms=1,
        guideline_version="v1",
    )
    tasks.score_alignment.apply(kwargs={"work_item_id": work_item_id, "added_later": 1}, throw=True)
    assert Alignment.objects.get().silhouette_iou > 0.98
    assert tasks.resend_unscored.apply(throw=True).result == 0
