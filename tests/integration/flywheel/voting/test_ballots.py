"""Votes over HTTP, as a voter's page meets them; each request is held to its number of queries by the desk."""

import uuid

import pytest

from engine.contracts.glb import read_glb
from engine.flywheel.voting.models import Ballot, Showing, Vote, Voting
from engine.workforce.models import Judgement, Role, WorkItem
from tests import factories as make
from tests.desks import BallotDesk
from tests.evaluations import box_glb, contender_of, reply_to, voting

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(voter):
    return BallotDesk(voter)


@pytest.fixture
def other_desk(other_voter):
    return BallotDesk(other_voter)


def test_one_vote_a_round_until_every_model_was_shown(desk):
    voting("ada", "bea", "cia")
    task = desk.claim()
    assert (task["phase"], task["round"], task["rounds"], task["modality"]) == ("compare", 1, 2, "shape")
    assert task["guidelines"]["version"] == "voting-v1"
    assert "Which is closer to the object?" in task["guidelines"]["markdown"]
    assert not {"bar", "rubric"} & set(task)
    shown = {contender_of(one["presentation_id"]) for one in task["candidates"]}
    assert shown == {"ada", "bea", "cia"}
    first = desk.vote(task, "right", pair=task["pair"]).json()
    assert task["pair"]["right"] in first["pair"].values()  # the chosen one stays and meets the third
    task = desk.vote_all(task | first)
    assert (task["phase"], task["pair"]) == ("done", None)
    assert desk.hand_in(task).status_code == 200
    ballot = Ballot.objects.get()
    assert ballot.counted.voter == desk.user
    assert Judgement.objects.get().guideline_version == "voting-v1"
    assert [vote.duration_ms for vote in Vote.objects.all()] == [900, 900]
    assert desk.post("/api/v1/ballots/claim").status_code == 204


def test_order_and_sides_are_drawn_anew_for_everybody(desk):
    voting("ada", "bea", targets=24)
    first, left = set(), set()
    for _ in range(24):
        task = desk.claim()
        first.add(contender_of(task["candidates"][0]["presentation_id"]))
        left.add(contender_of(task["pair"]["left"]))
        desk.hand_in(desk.vote_all(task))
    assert first == left == {"ada", "bea"}
    assert len(set(Voting.objects.values_list("seed", flat=True))) == 24


def test_a_vote_is_taken_back_by_adding_to_the_log(desk):
    voting("ada", "bea", "cia")
    task = desk.claim()
    assert desk.undo(task).status_code == 409
    done = desk.vote_all(task)
    back = desk.undo(task).json()
    assert (back["phase"], back["round"], back["winner"]) == ("compare", 2, None)
    again = desk.get(f"/api/v1/ballots/{task['work_item']}").json()
    assert (again["answers"], again["taken_back"], again["can_undo"]) == (["left"], ["left"], True)
    desk.vote(task, "equal")
    assert desk.vote(task).json()["type"] == "tournament_finished"
    log = [(vote.answer, vote.undoes_id is not None) for vote in Vote.objects.order_by("sequence")]
    assert log == [("left", False), ("left", False), ("", True), ("equal", False)]
    assert Vote.objects.get(answer="equal").coin_seed is not None
    assert desk.hand_in(done).status_code == 200


def test_the_same_key_votes_once_and_another_body_under_it_is_refused(desk):
    voting("ada", "bea", "cia")
    task = desk.claim()
    one, again = desk.vote(task, key="k1"), desk.vote(task, key="k1")
    assert one.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert desk.vote(task, "right", key="k1").status_code == 422
    assert Vote.objects.count() == 1
    task = desk.vote_all(task | one.json())
    assert desk.hand_in(task, key="k2").content == desk.hand_in(task, key="k2").content
    assert Judgement.objects.count() == 1


def test_a_second_click_is_for_a_pair_that_is_gone(desk):
    voting("ada", "bea", "cia")
    task = desk.claim()
    desk.vote(task, pair=task["pair"])
    refused = desk.vote(task, pair=task["pair"])
    assert (refused.status_code, refused.json()["type"]) == (409, "pair_moved_on")


def test_unfinished_ballots_are_not_taken(desk):
    voting("ada", "bea", "cia")
    task = desk.claim()
    desk.vote(task)
    refused = desk.hand_in(task)
    assert (refused.status_code, refused.json()["type"]) == (409, "ballot_unfinished")
    assert not Judgement.objects.exists()


def test_who_lost_the_lease_votes_no_more_and_the_next_person_begins_anew(desk, other_desk):
    voting("ada", "bea", "cia")
    task = desk.claim()
    desk.vote(task)
    WorkItem.objects.update(state="open", lease_expires_at=None)
    other = other_desk.claim()
    assert (other["work_item"], other["round"]) == (task["work_item"], 1)
    assert not {one["presentation_id"] for one in task["candidates"]} & {
        one["presentation_id"] for one in other["candidates"]
    }
    assert desk.vote(task).json()["type"] == "lease_superseded"
    assert desk.get(f"/api/v1/ballots/{task['work_item']}").status_code == 404
    assert desk.get(task["candidates"][0]["mesh_url"]).status_code == 404
    other_desk.hand_in(other_desk.vote_all(other))
    assert Ballot.objects.get().counted.voter == other_desk.user
    assert Vote.objects.filter(voting__voter=desk.user).count() == 1


def test_an_item_is_judged_by_so_many_different_people(desk, other_desk):
    voting("ada", "bea", voters_per_item=2)
    desk.hand_in(desk.vote_all(desk.claim()))
    assert desk.post("/api/v1/ballots/claim").status_code == 204
    other_desk.hand_in(other_desk.vote_all(other_desk.claim()))
    assert set(Ballot.objects.values_list("counted__voter__username", flat=True)) == {"ann", "bob"}


def test_skipped_ballots_go_to_others(desk, other_desk):
    voting("ada", "bea")
    task = desk.claim()
    body = {"token": task["token"], "reason": "unclear"}
    assert desk.post(f"/api/v1/work-items/{task['work_item']}/skip", body).status_code == 204
    assert desk.post("/api/v1/ballots/claim").status_code == 204
    assert other_desk.claim()["work_item"] == task["work_item"]


@pytest.mark.parametrize("coloured", [False, True])
def test_all_are_rendered_from_the_same_kind_of_mesh(desk, coloured):
    voting("ada", "bea", coloured=coloured, answer=lambda entry: reply_to(entry, content=box_glb(3, coloured=True)))
    for candidate in desk.claim()["candidates"]:
        response = desk.get(candidate["mesh_url"])
        (part,) = read_glb(response.body)
        assert (part.colors is not None) == coloured
        assert response["ETag"] == f'"{candidate["presentation_id"]}"'


def test_a_mesh_that_does_not_load_is_counted(desk, other_desk):
    voting("ada", "bea")
    shown = desk.claim()["candidates"][0]["presentation_id"]
    url = f"/api/v1/ballots/shown/{shown}/load-failure"
    assert desk.post(url).status_code == 204
    assert Showing.objects.get(id=shown).load_failures == 1
    assert other_desk.post(url).status_code == 404
    assert desk.post(f"/api/v1/ballots/shown/{uuid.uuid4()}/load-failure").status_code == 404


def test_ballots_are_no_business_of_other_stages(desk):
    voting("ada", "bea")
    task = desk.claim()
    answer = {"token": task["token"], "answer": "left"}
    assert desk.post(f"/api/v1/selections/{task['work_item']}/answer", answer).status_code == 404
    assert desk.post("/api/v1/selections/claim").status_code == 204


@pytest.mark.parametrize("role", [Role.ARTIST, Role.ML_ENGINEER])
def test_others_do_not_vote(role):
    voting("ada", "bea")
    assert BallotDesk(make.make_user(role)).post("/api/v1/ballots/claim").status_code == 403


def test_the_home_page_is_told_that_votes_are_wanted(desk):
    voting("ada", "bea", targets=3)
    me = desk.get("/api/v1/me/").json()
    assert me["waiting"]["evaluation"] == {"count": 3, "more": False}
    desk.hand_in(desk.vote_all(desk.claim()))
    me = desk.get("/api/v1/me/").json()
    assert me["waiting"]["evaluation"]["count"] == 2
    assert me["stages"]["evaluation"]["today"] == {"done": 1, "median_duration_ms": 21_000}
