"""A task is made ready in the background, once; what got lost is sent again, and nothing waits for ever."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from engine.alignment import preparation, services
from engine.alignment.models import Alignment
from engine.alignment.point_cloud import unpack_point_cloud
from engine.lifecycle import State
from engine.storage.services import read_blob
from engine.workforce import services as workforce
from engine.workforce.models import AuditEvent
from tests import factories as make
from tests.integration.alignment.conftest import CAMERA

pytestmark = pytest.mark.django_db


@pytest.fixture
def resent(monkeypatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(preparation, "send_soon", lambda task, work_item_id: sent.append(work_item_id))
    return sent


def later(minutes=5):
    return timezone.now() + timedelta(minutes=minutes)


def test_it_is_asked_for_when_the_task_is_opened(open_alignment, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        alignment = open_alignment(prepared=False)
    assert sent == [(services.PREPARE_TASK, {"work_item_id": str(alignment.pk)})]


def test_nobody_can_claim_it_before(open_alignment, annotator):
    alignment = open_alignment(prepared=False)
    assert services.claim(user=annotator) is None
    preparation.prepare(work_item_id=alignment.pk)
    assert services.claim(user=annotator).alignment == alignment
    verbs = AuditEvent.objects.filter(subject_id=alignment.pk).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["create", "prepare", "claim"]


def test_everything_that_the_page_shows_is_settled(open_alignment):
    alignment = open_alignment()
    assert alignment.initial_pose_source == "target_points"
    assert alignment.inlier_tolerance > 0
    positions, colours = unpack_point_cloud(read_blob(blob=alignment.point_cloud))
    assert len(positions) == CAMERA.width * CAMERA.height
    assert positions[:, 2] == pytest.approx(4.0, abs=1e-3)
    columns = np.rint(positions[:, 0] / 4.0 * CAMERA.fx + CAMERA.cx - 0.5)
    assert np.array_equal(colours[:, 0], columns)  # the photograph's ramp


def test_doing_it_again_changes_nothing(open_alignment):
    alignment = open_alignment()
    make.make_point_map(image=alignment.target.image, content=b"better")
    preparation.prepare(work_item_id=alignment.pk)
    again = Alignment.objects.get()
    assert (again.point_map, again.prepared_at) == (alignment.point_map, alignment.prepared_at)
    assert again.preparation_attempts == 1


def test_a_lost_preparation_is_sent_again(open_alignment, resent):
    waiting, _ = open_alignment(prepared=False), open_alignment()
    assert preparation.resend_unprepared() == 0  # it was asked for a moment ago
    assert preparation.resend_unprepared(now=later()) == 1
    assert resent == [str(waiting.pk)]


def test_a_target_that_cannot_be_prepared_goes_on_without_a_pose(open_alignment, resent, monkeypatch):
    alignment = open_alignment(prepared=False)
    monkeypatch.setattr(preparation, "unpack_point_map", lambda data: 1 / 0)
    for _ in range(preparation.MAX_ATTEMPTS):
        with pytest.raises(ZeroDivisionError):
            preparation.prepare(work_item_id=alignment.pk)
    assert preparation.resend_unprepared(now=later()) == 0
    alignment.target.refresh_from_db()
    alignment.work_item.refresh_from_db()
    assert (alignment.target.state, alignment.work_item.state) == (State.DONE_UNPOSED, "cancelled")
    moved = AuditEvent.objects.get(subject_id=alignment.target_id, verb="bad_points")
    assert "could not be prepared" in moved.facts["why"]
    assert preparation.resend_unprepared(now=later()) == 0


def test_a_task_that_was_cancelled_meanwhile_stays_closed(open_alignment, annotator):
    alignment = open_alignment(prepared=False)
    assert workforce.cancel_work_items(subject_id=alignment.target_id)
    preparation.prepare(work_item_id=alignment.pk)
    alignment.work_item.refresh_from_db()
    assert alignment.work_item.state == "cancelled"
    assert services.claim(user=annotator) is None
