"""Stage 2.5 on the database: triage, jobs, review."""

from datetime import timedelta

import pytest

from engine.artistry import services
from engine.artistry.models import ArtistJob, TriageCase
from engine.layouts import InvalidPose
from engine.lifecycle import State
from engine.selection.models import Selection
from engine.workforce import drafts
from engine.workforce import services as workforce
from engine.workforce.models import AuditEvent, Draft, Role, WorkItem
from tests import factories as make
from tests.desks import POSE
from tests.integration.artistry.conftest import usable_upload

pytestmark = pytest.mark.django_db


def test_a_case_carries_the_reason_of_the_last_rating(case):
    assert case.failure_reason == "transparency"
    assert case.decision == "pending"


def test_a_target_that_nobody_rated_fails_for_another_reason(db):
    assert services.open_triage(target_id=make.make_target(state=State.TRIAGE).id).failure_reason == "other"


def test_choosing_a_case_makes_a_job(case, reviewer, handed_over):
    services.choose(actor=reviewer, case_id=case.id, note="rare")
    case.refresh_from_db()
    case.target.refresh_from_db()
    assert (case.decision, case.decided_by, case.note) == ("chosen", reviewer, "rare")
    assert case.target.state == State.WITH_ARTIST
    assert handed_over == [State.WITH_ARTIST]
    assert AuditEvent.objects.get(verb="choose").facts["note"] == "rare"


def test_a_case_is_decided_once(case, reviewer, handed_over):
    services.shelve(actor=reviewer, case_id=case.id, note="too small")
    with pytest.raises(services.CaseDecided, match="was shelved before"):
        services.choose(actor=reviewer, case_id=case.id)
    case.target.refresh_from_db()
    assert case.target.state == State.SHELVED


def test_a_duplicate_names_a_case_about_another_object(case, reviewer, handed_over):
    other = services.open_triage(target_id=make.make_target(state=State.TRIAGE).id)
    with pytest.raises(services.NotADuplicate):
        services.shelve(actor=reviewer, case_id=case.id, duplicate_of=case.id)
    with pytest.raises(services.NotADuplicate):
        services.shelve(actor=reviewer, case_id=case.id, duplicate_of=make.make_target().id)
    services.shelve(actor=reviewer, case_id=case.id, duplicate_of=other.id)
    assert list(other.duplicates.all()) == [case]


def test_an_artist_sees_the_best_attempts_first(job, artist):
    task = services.claim(user=artist)
    assert task.attempts == [0.4, 0.2]
    assert task.point_map is None
    assert services.claim(user=artist).work_item.fencing_token == task.work_item.fencing_token
    best = services.attempt_mesh(user=artist, work_item_id=task.work_item.id, place=0)
    assert best == Selection.objects.get(rating=0.4).winner.mesh
    with pytest.raises(services.NoSuchJob, match="shows 2 attempts"):
        services.attempt_mesh(user=artist, work_item_id=task.work_item.id, place=2)


@pytest.mark.parametrize(("pose", "state"), [(None, State.ALIGNING), (POSE, State.DONE)])
def test_an_accepted_mesh_becomes_a_candidate(submitted, reviewer, handed_over, pose, state):
    make.make_point_map(image=TriageCase.objects.get().target.image, fx=200.0, fy=200.0)
    job = submitted(pose)
    assert job.state == ArtistJob.State.SUBMITTED
    assert not services.accepted(target_id=job.target_id).exists()
    candidate = services.accept(actor=reviewer, work_item_id=job.pk)
    job.refresh_from_db()
    job.target.refresh_from_db()
    assert (candidate.generator, candidate.run, candidate.mesh) == ("artist", None, job.upload.canonical)
    assert (job.state, job.accepted, job.accepted_by) == ("accepted", candidate, reviewer)
    assert job.target.state == state
    assert services.accepted(target_id=job.target_id).get() == job
    with pytest.raises(services.NothingToReview, match="accepted"):
        services.accept(actor=reviewer, work_item_id=job.pk)


def test_a_returned_mesh_goes_to_the_front_of_the_queue_with_a_brief(submitted, reviewer, artist, hard_target):
    job = submitted()
    fresh = services.return_job(actor=reviewer, work_item_id=job.pk, reason="Close the bottom.")
    job.refresh_from_db()
    assert (job.state, job.reason, job.returned_by) == ("returned", "Close the bottom.", reviewer)
    assert fresh.work_item.priority_band == 0
    task = services.claim(user=artist)
    assert (task.job, task.job.brief) == (fresh, "Close the bottom.")
    hard_target.refresh_from_db()
    assert hard_target.state == State.WITH_ARTIST
    with pytest.raises(services.NothingToReview):
        services.return_job(actor=reviewer, work_item_id=job.pk, reason="again")


def test_nobody_reviews_their_own_mesh(submitted, artist):
    job = submitted()
    artist.groups.add(*make.make_user(Role.REVIEWER).groups.all())
    with pytest.raises(services.OwnWork):
        services.accept(actor=artist, work_item_id=job.pk)


def test_declining_returns_the_target_to_triage(job, artist, handed_over):
    task = services.claim(user=artist)
    services.decline(user=artist, work_item_id=task.work_item.id, token=task.work_item.fencing_token, reason="hidden")
    job.refresh_from_db()
    job.target.refresh_from_db()
    assert (job.state, job.reason) == ("declined", "hidden")
    assert job.target.state == State.TRIAGE
    assert handed_over[-1] == State.TRIAGE
    assert WorkItem.objects.get(stage="artist").state == WorkItem.State.CANCELLED


@pytest.mark.parametrize("status", ["checking", "refused"])
def test_only_a_checked_mesh_can_be_submitted(job, artist, status):
    task = services.claim(user=artist)
    upload = usable_upload(task)
    type(upload).objects.update(status=status, canonical=None, problem="holes" if status == "refused" else "")
    with pytest.raises(services.UploadNotUsable, match=status):
        submit(artist, task, upload.id)


def test_an_upload_of_another_job_does_not_count(job, artist):
    task = services.claim(user=artist)
    with pytest.raises(services.UploadNotUsable, match="no such upload"):
        submit(artist, task, make.make_target().id)


def test_a_pose_needs_a_camera_and_must_be_seen_by_it(job, artist, hard_target):
    task = services.claim(user=artist)
    upload = usable_upload(task)
    with pytest.raises(services.NoCamera):
        submit(artist, task, upload.id, pose=POSE)
    make.make_point_map(image=hard_target.image, fx=200.0, fy=200.0)
    with pytest.raises(InvalidPose, match="behind the camera"):
        submit(artist, task, upload.id, pose=POSE | {"translation": [0.0, 0.0, -1.0]})
    assert submit(artist, task, upload.id, pose=POSE).pose == POSE


def test_a_superseded_artist_keeps_draft_and_uploads(job, artist, other_artist):
    task = services.claim(user=artist)
    upload = usable_upload(task)
    drafts.save(user=artist, work_item_id=task.work_item.id, content={"note": "half done"})
    workforce.expire_leases(now=task.work_item.lease_expires_at + timedelta(seconds=1))
    taken_over = services.claim(user=other_artist)
    assert [sent["id"] for sent in taken_over.uploads] == [str(upload.id)]
    with pytest.raises(workforce.LeaseSuperseded):
        submit(artist, task, upload.id)
    assert Draft.objects.get().content == {"note": "half done"}


def submit(user, task, upload_id, pose=None):
    return services.submit(
        user=user,
        work_item_id=task.work_item.id,
        token=task.work_item.fencing_token,
        upload_id=upload_id,
        pose=pose,
        duration_ms=1,
        guideline_version="v1",
    )
