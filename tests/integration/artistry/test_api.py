"""Stage 2.5 over HTTP, as artists and reviewers meet it."""

import uuid

import pytest
from django.db import connection
from rest_framework.test import APIClient

from engine.artistry import services, uploads
from engine.artistry.models import ArtistJob, MeshUpload
from engine.lifecycle import State
from engine.storage.local import LocalStore
from engine.workforce.models import Role, WorkItem
from tests import factories as make
from tests.desks import ArtistDesk, Desk
from tests.integration.alignment.conftest import box_glb

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(artist):
    return ArtistDesk(artist)


@pytest.fixture
def review_desk(reviewer):
    return Desk(reviewer)


def test_from_triage_to_an_accepted_mesh(case, desk, review_desk, handed_over, sent):
    (listed,) = review_desk.get("/api/v1/triage/").json()["results"]
    assert (listed["id"], listed["failure_reason"]) == (str(case.id), "transparency")
    assert review_desk.get(listed["best_attempt_url"]).body == box_glb()
    chosen = review_desk.post(f"/api/v1/triage/{case.id}/choose", {"note": "clear"})
    assert (chosen.status_code, chosen.json()["decision"]) == (200, "chosen")
    services.open_artist_job(target_id=case.target_id)

    task = desk.claim()
    assert (task["failure_reason"], task["note"], task["brief"]) == ("transparency", "clear", "")
    assert task["lease_seconds"] == 3 * 86400
    assert [attempt["rating"] for attempt in task["attempts"]] == [0.4, 0.2]
    assert desk.get(task["attempts"][0]["mesh_url"]).body == box_glb()
    sent_upload = desk.upload(task, box_glb())
    assert (sent_upload.status_code, sent_upload.json()["status"]) == (201, "checking")
    uploads.check_upload(upload_id=uuid.UUID(sent_upload.json()["id"]))
    path = f"/api/v1/artist-jobs/{task['work_item']}/uploads/{sent_upload.json()['id']}"
    upload = desk.get(path).json()
    assert (upload["status"], upload["face_count"]) == ("usable", 12), upload
    assert desk.get(upload["mesh_url"])["Content-Type"] == "model/gltf-binary"
    again = desk.get(f"/api/v1/artist-jobs/{task['work_item']}").json()
    assert [sent["id"] for sent in again["uploads"]] == [upload["id"]]
    assert desk.submit(task, upload["id"]).status_code == 200

    (waiting,) = review_desk.get("/api/v1/artist-jobs/?awaiting=review").json()["results"]
    assert (waiting["work_item"], waiting["submitted_by"]) == (task["work_item"], "mira")
    assert review_desk.get(waiting["upload"]["mesh_url"]).status_code == 200
    accepted = review_desk.post(f"/api/v1/artist-jobs/{task['work_item']}/accept")
    assert accepted.status_code == 200
    assert review_desk.get("/api/v1/artist-jobs/").json()["results"] == []
    case.target.refresh_from_db()
    assert case.target.state == State.ALIGNING
    assert handed_over == [State.WITH_ARTIST, State.ALIGNING]


def test_a_returned_job_says_what_to_change(submitted, desk, review_desk):
    job = submitted()
    returned = review_desk.post(f"/api/v1/artist-jobs/{job.pk}/return", {"reason": "Close the bottom."})
    assert returned.status_code == 200
    task = desk.claim()
    assert task["work_item"] == returned.json()["work_item"] != str(job.pk)
    assert task["brief"] == "Close the bottom."
    assert review_desk.post(f"/api/v1/artist-jobs/{job.pk}/accept").status_code == 409


def test_declining_says_why(job, desk):
    task = desk.claim()
    path = f"/api/v1/artist-jobs/{task['work_item']}/decline"
    assert desk.post(path, {"token": task["token"], "reason": ""}).status_code == 400
    assert desk.post(path, {"token": task["token"], "reason": "hidden"}).status_code == 204
    assert desk.get(f"/api/v1/artist-jobs/{task['work_item']}").status_code == 404


def test_the_original_file_is_never_served(job, desk, review_desk):
    task = desk.claim()
    secret = b"solid original\nendsolid original\n"
    sent = desk.upload(task, secret, name="original.stl").json()
    path = f"/api/v1/artist-jobs/{task['work_item']}/uploads/{sent['id']}"
    assert desk.get(f"{path}/mesh").status_code == 404
    uploads.check_upload(upload_id=uuid.UUID(sent["id"]))
    refused = desk.get(path).json()
    assert (refused["status"], refused["mesh_url"]) == ("refused", None)
    assert review_desk.get(f"{path}/mesh").status_code == 404
    everything = "\n".join(desk.seen + review_desk.seen)
    assert "endsolid" not in everything
    assert MeshUpload.objects.get().original_id not in everything


def test_the_same_upload_sent_twice_is_one_upload(job, desk):
    task = desk.claim()
    first, again = desk.upload(task, box_glb(), key="up-1"), desk.upload(task, box_glb(), key="up-1")
    assert first.json() == again.json()
    assert MeshUpload.objects.count() == 1
    assert desk.upload(task, b"another", key="up-1").status_code == 422


def test_bad_uploads_and_submits_say_what_is_wrong(job, desk, settings):
    task = desk.claim()
    assert desk.upload(task, b"").json()["type"] == "upload_empty"
    settings.LATHE_MAX_UPLOAD_BYTES = 5
    too_large = desk.upload(task, b"123456")
    assert (too_large.status_code, too_large.json()["type"]) == (422, "upload_too_large")
    assert desk.submit(task, str(uuid.uuid4())).json()["type"] == "upload_not_usable"
    assert desk.submit(task, str(uuid.uuid4()), token=99).json()["type"] == "lease_superseded"
    assert ArtistJob.objects.get().state == ArtistJob.State.WANTED


def test_a_superseded_artist_can_neither_send_nor_submit(job, desk, other_artist):
    task = desk.claim()
    WorkItem.objects.filter(id=task["work_item"]).update(state="open", holder=None, lease_expires_at=None)
    ArtistDesk(other_artist).claim()
    assert desk.upload(task, box_glb()).status_code == 404
    assert desk.submit(task, str(uuid.uuid4())).status_code == 409


def test_deciding_twice_is_a_conflict(case, review_desk, handed_over):
    assert review_desk.post(f"/api/v1/triage/{case.id}/shelve", {"note": "tiny"}).json()["decision"] == "shelved"
    again = review_desk.post(f"/api/v1/triage/{case.id}/choose")
    assert (again.status_code, again.json()["type"]) == (409, "case_decided")
    assert review_desk.post(f"/api/v1/triage/{uuid.uuid4()}/choose").status_code == 404
    assert review_desk.get("/api/v1/triage/").json()["results"] == []
    assert len(review_desk.get("/api/v1/triage/?decision=shelved").json()["results"]) == 1


def test_triage_lists_any_number_of_cases_in_as_many_queries(case, review_desk):
    for _ in range(20):
        services.open_triage(target_id=make.make_target(state=State.TRIAGE).id)
    listed = review_desk.get("/api/v1/triage/").json()["results"]
    assert len(listed) == 21
    assert len(review_desk.get("/api/v1/triage/?failure_reason=transparency").json()["results"]) == 1


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        (Role.ANNOTATOR, "post", "/api/v1/artist-jobs/claim"),
        (Role.REVIEWER, "post", "/api/v1/artist-jobs/claim"),
        (Role.ARTIST, "get", "/api/v1/triage/"),
        (Role.ANNOTATOR, "get", "/api/v1/artist-jobs/"),
        (Role.ARTIST, "post", f"/api/v1/artist-jobs/{uuid.UUID(int=7)}/accept"),
        (Role.ARTIST, "post", f"/api/v1/triage/{uuid.UUID(int=7)}/choose"),
    ],
)
def test_each_role_has_its_own_doors(db, role, method, path):
    assert getattr(Desk(make.make_user(role)), method)(path).status_code == 403
    assert getattr(APIClient(), method)(path).status_code == 401


def test_a_file_is_stored_before_the_transaction_opens(job, desk, monkeypatch):
    task = desk.claim()
    open_transactions: list[int] = []
    put = LocalStore.put

    def noted(store, data, *, media_type):
        open_transactions.append(len(connection.savepoint_ids))  # the test's own transaction is no savepoint
        return put(store, data, media_type=media_type)

    monkeypatch.setattr(LocalStore, "put", noted)
    assert desk.upload(task, box_glb()).status_code == 201
    assert open_transactions == [0]
