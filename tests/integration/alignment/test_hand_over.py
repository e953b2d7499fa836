"""From room to room without stand-ins, over HTTP: what one person submits is what the next one is asked for.

Every request is made as a signed-in page makes it, with signing in, the idempotency key and all that the next room
opens counted among its queries (`tests/queries.py`).
"""

import numpy as np
import pytest
from kombu.exceptions import OperationalError

from engine import sending
from engine.alignment import preparation
from engine.alignment import services as alignment
from engine.alignment.models import Alignment
from engine.artistry import services as artistry
from engine.artistry.models import TriageCase
from engine.contracts.cameras import Intrinsics, unproject
from engine.contracts.point_maps import pack_point_map
from engine.generation import services as generation
from engine.generation.models import Collection, GenerationRequest
from engine.generation.tasks import continue_searches
from engine.lifecycle import Move, State
from engine.sourcing import services as sourcing
from engine.sourcing.models import PointMap
from engine.workforce import services as workforce
from engine.workforce.models import AuditEvent, Role, WorkItem
from tests import factories as make
from tests.desks import POSE, AlignmentDesk, ArtistDesk, Desk, SelectionDesk
from tests.integration.alignment.conftest import box_glb, photograph_png

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(sending.app, "send_task", lambda *args, **kwargs: None)


@pytest.fixture
def target(db):
    """Candidates came back: the move to `selecting` opens the selection."""
    image = make.make_image(content=photograph_png(), width_px=160, height_px=120)
    camera = Intrinsics(fx=200.0, fy=200.0, cx=80.0, cy=60.0, width=160, height=120)
    points = unproject(np.full((120, 160), 4.0), camera).astype(np.float32)
    make.make_point_map(image=image, content=pack_point_map(points), fx=200.0, fy=200.0)
    target = make.make_target(image=image, state=State.GENERATING)
    collection = make.make_collection(alpha=0.6, max_rounds=2)
    request = make.make_request(target=target, collection=collection)
    for _ in range(3):
        make.make_candidate(request=request, content=box_glb())
    sourcing.move_target(target_id=target.id, move=Move.ENOUGH_CANDIDATES)
    return target


@pytest.fixture
def last_round(target):
    Collection.objects.update(max_rounds=1)


@pytest.fixture
def reviewer(db):
    return Desk(make.make_user(Role.REVIEWER))


def choose(user, rating):
    desk = SelectionDesk(user)
    response = desk.submit(desk.answer_all(desk.claim()), rating=rating, failure_reason="occlusion")
    assert response.status_code == 200, response.content


def open_alignment():
    """As the worker does."""
    alignment.open_alignments()
    return Alignment.objects.get(submitted_at=None)


def pose(user, **answer):
    open_alignment()
    preparation.prepare(
        work_item_id=WorkItem.objects.get(stage="alignment", state="preparing").id
    )  # as the worker does
    desk = AlignmentDesk(user)
    response = desk.submit(desk.claim(), **answer)
    assert response.status_code == 200, response.content


def make_mesh(user, **answer):
    """An artist takes the job and hands in a mesh; the check of the file is left out."""
    desk = ArtistDesk(user)
    task = desk.claim()
    upload = make_upload(task["work_item"])
    response = desk.submit(task, str(upload.id), **answer)
    assert response.status_code == 200, response.content
    return f"/api/v1/artist-jobs/{task['work_item']}"


def make_upload(work_item):
    return WorkItem.objects.get(id=work_item).artist_job.uploads.create(
        original=make.make_blob(b"raw"),
        canonical=make.make_blob(box_glb()),
        status="usable",
        vertex_count=8,
        face_count=12,
        watertight=True,
    )


def pending_case():
    return f"/api/v1/triage/{TriageCase.objects.get(decision='pending').id}"


def state_of(target):
    target.refresh_from_db()
    return target.state


def moves():
    return list(AuditEvent.objects.filter(subject_kind="target").order_by("id").values_list("verb", flat=True))


def test_an_accepted_shape_is_posed(target, annotator):
    choose(annotator, rating=0.8)
    assert state_of(target) == State.ALIGNING
    assert open_alignment().candidate == target.selections.get().winner
    pose(annotator)
    assert state_of(target) == State.DONE
    assert moves() == ["enough_candidates", "accept", "pose"]


def test_a_rejected_shape_is_searched_again_by_the_worker(target, annotator):
    choose(annotator, rating=0.1)
    assert state_of(target) == State.SEARCHING
    continue_searches()
    assert state_of(target) == State.GENERATING
    assert GenerationRequest.objects.filter(target=target, status="open", round=2).exists()
    continue_searches()
    assert moves() == ["enough_candidates", "reject", "widen"]


def test_while_the_broker_is_away_the_state_keeps_what_is_to_be_done(
    target, annotator, monkeypatch, django_capture_on_commit_callbacks
):
    def away(*args, **kwargs):
        raise OperationalError("the broker is away")

    monkeypatch.setattr(sending.app, "send_task", away)
    with django_capture_on_commit_callbacks(execute=True):
        choose(annotator, rating=0.1)
    assert state_of(target) == State.SEARCHING
    continue_searches()  # as the timetable does
    assert state_of(target) == State.GENERATING


def test_a_hard_case_goes_to_an_artist_and_comes_back_to_be_posed(last_round, target, annotator, reviewer):
    choose(annotator, rating=0.1)
    assert generation.continue_searches() == 1
    assert state_of(target) == State.TRIAGE
    assert TriageCase.objects.get().failure_reason == "occlusion"
    assert reviewer.post(f"{pending_case()}/choose").status_code == 200
    assert state_of(target) == State.WITH_ARTIST

    artist = make.make_user(Role.ARTIST)
    task = ArtistDesk(artist).claim()
    path = f"/api/v1/artist-jobs/{task['work_item']}/decline"
    assert ArtistDesk(artist).post(path, {"token": task["token"], "reason": "no back view"}).status_code == 204
    assert state_of(target) == State.TRIAGE
    assert reviewer.post(f"{pending_case()}/choose", {"note": "guess the back"}).status_code == 200

    returned = make_mesh(artist)
    assert reviewer.post(f"{returned}/return", {"reason": "close the bottom"}).status_code == 200
    assert state_of(target) == State.WITH_ARTIST
    assert reviewer.post(f"{make_mesh(artist)}/accept").status_code == 200
    assert state_of(target) == State.ALIGNING
    assert open_alignment().candidate.generator == "artist"
    pose(annotator)
    assert state_of(target) == State.DONE


def test_a_mesh_that_the_artist_posed_is_done_once_accepted(last_round, target, annotator, reviewer):
    choose(annotator, rating=0.1)
    generation.continue_searches()
    reviewer.post(f"{pending_case()}/choose")
    job = make_mesh(make.make_user(Role.ARTIST), pose=POSE)
    assert reviewer.post(f"{job}/accept").status_code == 200
    assert state_of(target) == State.DONE


def test_a_case_not_worth_it_is_shelved(last_round, target, annotator, reviewer):
    choose(annotator, rating=0.1)
    generation.continue_searches()
    assert reviewer.post(f"{pending_case()}/shelve", {"note": "blurred"}).status_code == 200
    assert state_of(target) == State.SHELVED


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("bad_mesh", State.SEARCHING),
        ("bad_points", State.DONE_UNPOSED),
        ("too_occluded", State.DONE_UNPOSED),
    ],
)
def test_what_cannot_be_posed_is_searched_again_or_left_unposed(target, annotator, reason, state):
    choose(annotator, rating=0.8)
    pose(annotator, pose=None, not_alignable=reason)
    assert state_of(target) == state
    assert generation.continue_searches() == (1 if state == State.SEARCHING else 0)
    assert GenerationRequest.objects.filter(target=target, round=2).exists() == (state == State.SEARCHING)


def test_the_shape_accepted_last_is_posed(last_round, target, annotator, reviewer):
    """An annotator's choice turned out not to be alignable; then an artist made one."""
    choose(annotator, rating=0.8)
    pose(annotator, pose=None, not_alignable="bad_mesh")
    generation.continue_searches()
    reviewer.post(f"{pending_case()}/choose")
    reviewer.post(f"{make_mesh(make.make_user(Role.ARTIST))}/accept")
    assert alignment.shape_to_pose(target_id=target.id).generator == "artist"


def test_nobody_is_asked_for_a_pose_before_it_is_prepared(target, annotator):
    PointMap.objects.all().delete()
    choose(annotator, rating=0.8)
    open_alignment()
    assert Desk(annotator).post("/api/v1/alignments/claim").status_code == 204
    preparation.prepare(work_item_id=Alignment.objects.get().pk)
    assert Desk(annotator).post("/api/v1/alignments/claim").json()["initial_pose"]
    assert Alignment.objects.get().point_map.source == "prior"


def test_a_shape_is_posed_once_whoever_looks_for_it(target, annotator):
    choose(annotator, rating=0.8)
    assert alignment.open_alignments() == 1
    assert alignment.open_alignments() == 0
    workforce.cancel_work_items(subject_id=target.id, stages=["alignment"])
    assert alignment.open_alignments() == 1  # withdrawn by hand: the shape still waits


def test_two_processes_that_found_the_same_shape_have_it_posed_once(target, annotator):
    """The second one found it before the first one committed: the target itself did not change."""
    choose(annotator, rating=0.8)
    assert alignment.open_once(target_id=target.id)
    assert not alignment.open_once(target_id=target.id)
    assert Alignment.objects.count() == 1


def test_a_shape_that_cannot_be_posed_holds_no_other_up(target, annotator):
    lost = make.make_target(state=State.ALIGNING)  # nothing of it was accepted
    choose(annotator, rating=0.8)
    assert alignment.open_alignments() == 1
    assert state_of(lost) == State.ALIGNING


def test_a_failing_next_room_undoes_the_whole_answer(last_round, target, annotator, reviewer, monkeypatch):
    def fail(**kwargs):
        raise RuntimeError("the next room is on fire")

    choose(annotator, rating=0.1)
    generation.continue_searches()
    monkeypatch.setattr(artistry, "open_artist_job", fail)
    with pytest.raises(RuntimeError, match="on fire"):
        reviewer.post(f"{pending_case()}/choose")
    assert state_of(target) == State.TRIAGE
    assert TriageCase.objects.get().decision == "pending"
