"""What the workforce does by the clock."""

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.celery import app
from engine.workforce import services, tasks
from engine.workforce.models import IdempotentRequest, WorkItem
from tests.factories import make_user
from tests.integration.workforce.steps import claimed, want

pytestmark = pytest.mark.django_db


def test_all_overdue_leases_are_reopened_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "EXPIRE_BATCH", 2)
    for _ in range(5):
        want()
        claimed(make_user(), now=timezone.now() - timedelta(hours=1))
    want()
    claimed(make_user())
    assert tasks.expire_leases() == 5
    assert WorkItem.objects.filter(state="leased").count() == 1
    assert tasks.expire_leases() == 0


def test_old_answers_are_forgotten() -> None:
    kept = IdempotentRequest.objects.create(user=make_user(), key="k", request_sha256="0" * 64, response_status=200)
    assert tasks.forget_old_requests() == 0
    IdempotentRequest.objects.filter(pk=kept.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert tasks.forget_old_requests() == 1


def test_the_clock_knows_both() -> None:
    app.finalize()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"engine.workforce.tasks.expire_leases", "engine.workforce.tasks.forget_old_requests"} <= scheduled


def test_what_needs_geometry_is_routed_to_its_queue() -> None:
    app.loader.import_default_modules()
    for name in ("engine.alignment.tasks.score_alignment", "engine.artistry.tasks.check_upload"):
        assert name in app.tasks
        assert app.amqp.router.route({}, name)["queue"].name == "geometry"
