"""From room to room without stand-ins: what one person submits is what the next one is asked for."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from engine import sending
from engine.alignment import services as alignment
from engine.alignment.models import Alignment
from engine.artistry import services as artistry
from engine.artistry.models import TriageCase
from engine.contracts.cameras import Intrinsics, unproject
from engine.generation.models import GenerationRequest
from engine.lifecycle import Move, State
from engine.selection import services as selection
from engine.selection.tournament import Answer
from engine.sourcing import services as sourcing
from engine.sourcing.point_maps import pack_point_map
from engine.workforce.models import AuditEvent, Role, WorkItem
from tests import factories as make
from tests.integration.alignment.conftest import POSE, box_glb

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(sending.app, "send_task", lambda *args, **kwargs: None)


@pytest.fixture
def target(db):
    """Candidates came back: the move to `selecting` opens the selection."""
    image = make.make_image(width_px=160, height_px=120)
    camera = Intrinsics(fx=200.0, fy=200.0, cx=80.0, cy=60.0, width=160, height=120)
    points = unproject(np.full((120, 160), 4.0), camera).astype(np.float32)
    make.make_point_map(image=image, content=pack_point_map(points), fx=200.0, fy=200.0)
    target = make.make_target(image=image, state=State.GENERATING)
    collection = make.make_collection(alpha=0.6, max_rounds=1)
    request = make.make_request(target=target, collection=collection)
    for _ in range(3):
        make.make_candidate(request=request, content=box_glb())
    sourcing.move_target(target_id=target.id, move=Move.ENOUGH_CANDIDATES)
    return target


def choose(user, rating):
    task = selection.claim(user=user)
    ids = {"user": user, "work_item_id": task.work_item.id, "token": task.work_item.fencing_token}
    progress = task.progress
    while progress.pair:
        progress = selection.answer(**ids, answer=Answer.LEFT, duration_ms=1)
    return selection.submit(**ids, rating=rating, failure_reason="occlusion", duration_ms=1, guideline_version="v1")


def state_of(target):
    target.refresh_from_db()
    return target.state


def test_an_accepted_shape_is_posed(target, annotator):
    assert state_of(target) == State.SELECTING
    chosen = choose(annotator, rating=0.8)
    assert state_of(target) == State.ALIGNING
    task = alignment.claim(user=annotator)
    assert task.alignment.candidate == chosen.winner
    alignment.submit(
        user=annotator,
        work_item_id=task.work_item.id,
        token=task.work_item.fencing_token,
        pose=POSE,
        not_alignable="",
        duration_ms=1,
        guideline_version="v1",
    )
    assert state_of(target) == State.DONE
    moves = AuditEvent.objects.filter(subject_kind="target").order_by("id").values_list("verb", flat=True)
    assert list(moves) == ["enough_candidates", "accept", "pose"]


def test_a_hard_case_goes_to_an_artist_and_comes_back_to_be_posed(target, annotator):
    choose(annotator, rating=0.1)
    assert state_of(target) == State.TRIAGE
    case = TriageCase.objects.get()
    assert case.failure_reason == "occlusion"
    reviewer, artist = make.make_user(Role.REVIEWER), make.make_user(Role.ARTIST)
    artistry.choose(actor=reviewer, case_id=case.id)
    assert state_of(target) == State.WITH_ARTIST
    job = artistry.claim(user=artist)
    artistry.decline(
        user=artist, work_item_id=job.work_item.id, token=job.work_item.fencing_token, reason="no back view"
    )
    assert state_of(target) == State.TRIAGE
    artistry.choose(actor=reviewer, case_id=TriageCase.objects.get(decision="pending").id, note="guess the back")
    job = artistry.claim(user=artist)
    upload = job.job.uploads.create(
        original=make.make_blob(b"raw"),
        canonical=make.make_blob(box_glb()),
        status="usable",
        vertex_count=8,
        face_count=12,
        watertight=True,
    )
    artistry.submit(
        user=artist,
        work_item_id=job.work_item.id,
        token=job.work_item.fencing_token,
        upload_id=upload.id,
        pose=None,
        duration_ms=1,
        guideline_version="v1",
    )
    candidate = artistry.accept(actor=reviewer, work_item_id=job.work_item.id)
    assert state_of(target) == State.ALIGNING
    assert alignment.claim(user=annotator).alignment.candidate == candidate


def test_a_bad_mesh_sends_the_target_searching_again(target, annotator):
    target.generation_requests.get().collection.__class__.objects.update(max_rounds=2)
    choose(annotator, rating=0.8)
    task = alignment.claim(user=annotator)
    alignment.submit(
        user=annotator,
        work_item_id=task.work_item.id,
        token=task.work_item.fencing_token,
        pose=None,
        not_alignable="bad_mesh",
        duration_ms=1,
        guideline_version="v1",
    )
    assert state_of(target) == State.GENERATING
    assert GenerationRequest.objects.filter(target=target, status="open", round=2).exists()


def test_a_failing_next_room_undoes_the_whole_submit(target, annotator, monkeypatch):
    def fail(**kwargs):
        raise RuntimeError("the next room is on fire")

    monkeypatch.setattr(alignment, "open_alignment", fail)
    with pytest.raises(RuntimeError, match="on fire"):
        choose(annotator, rating=0.8)
    assert state_of(target) == State.SELECTING
    assert WorkItem.objects.get(stage="selection").state == WorkItem.State.LEASED
    assert not Alignment.objects.exists()


# The submit itself takes 11; moving on and opening the next room's work happen in the same transaction.
@pytest.mark.parametrize(("rating", "most"), [(0.8, 15), (0.1, 18)])
def test_a_submit_with_all_that_follows_stays_small(target, annotator, rating, most):
    task = selection.claim(user=annotator)
    ids = {"user": annotator, "work_item_id": task.work_item.id, "token": task.work_item.fencing_token}
    for _ in range(2):
        selection.answer(**ids, answer=Answer.RIGHT, duration_ms=1)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=annotator).key}")
    body = {"token": ids["token"], "rating": rating, "failure_reason": "other"}
    with CaptureQueriesContext(connection) as queries:
        response = client.post(
            f"/api/v1/selections/{task.work_item.id}/submit",
            body | {"duration_ms": 1, "guideline_version": "v1"},
            format="json",
            headers={"Idempotency-Key": "one"},
        )
    assert response.status_code == 200
    statements = [
        query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))
    ]
    assert len(statements) <= most, f"{len(statements)}\n" + "\n".join(statements)
