"""What is published of an evaluation, and how engineers make one over HTTP."""

import random
from typing import Any

import pytest

from engine.flywheel.voting import advancing, registering
from engine.flywheel.voting.models import Evaluation
from engine.workforce.models import AuditEvent, Role, WorkItem
from tests import factories as make
from tests.desks import BallotDesk, Desk
from tests.evaluations import contender_of, generate_all, registered, reply_to, some_target, voting
from tests.queries import MOST_OF_A_REQUEST

pytestmark = pytest.mark.django_db

STRENGTH = {"ada": 3, "bea": 2, "cia": 1}


@pytest.fixture
def office(engineer):
    desk = Desk(engineer)
    desk.most_queries = MOST_OF_A_REQUEST
    return desk


def figures(office: Desk, evaluation: Evaluation) -> dict[str, Any]:
    return office.get(f"/api/v1/evaluations/{evaluation.id}/").json()["results"]


def prefers_strong(pair: dict[str, str]) -> str:
    left, right = STRENGTH[contender_of(pair["left"])], STRENGTH[contender_of(pair["right"])]
    return "left" if left > right else "right"


def test_before_anybody_voted_there_is_a_reason_and_no_rating(office):
    evaluation = voting("ada", "bea")
    found = figures(office, evaluation)
    assert found["problem"] == "No ballot is handed in yet."
    assert [row["elo"] for row in found["contenders"]] == [None, None]
    assert (found["final"], found["ballots_done"], found["ballots_wanted"]) == (False, 0, 1)


def test_the_stronger_is_rated_higher_and_every_vote_is_in_the_matrix(office, voter):
    evaluation = voting("ada", "bea", "cia", targets=8, baseline="bea")
    desk = BallotDesk(voter)
    for _ in range(8):
        desk.hand_in(desk.vote_all(desk.claim(), prefers_strong))
    advancing.advance_evaluations()
    found = figures(office, evaluation)
    elo = {row["name"]: row["elo"] for row in found["contenders"]}
    assert elo["ada"] > elo["bea"] == 0.0 > elo["cia"]
    assert all(row["elo_low"] <= row["elo"] <= row["elo_high"] for row in found["contenders"])
    ada, bea, cia = range(3)
    assert found["wins"][ada][bea] + found["wins"][ada][cia] + found["wins"][bea][cia] == found["vote_count"] == 16
    assert found["wins"][cia] == [0, 0, 0]
    rows = {row["name"]: row for row in found["contenders"]}
    assert (rows["ada"]["losses"], rows["ada"]["made"], rows["ada"]["failed"]) == (0, 8, 0)
    assert rows["ada"]["wins"] == sum(found["wins"][ada])
    assert (found["final"], found["problem"], found["target_count"]) == (True, "", 8)
    assert found["median_vote_ms"] == 900


def test_votes_taken_back_unfinished_or_superseded_do_not_count(office, voter, other_voter):
    evaluation = voting("ada", "bea", targets=2)
    desk, other = BallotDesk(voter), BallotDesk(other_voter)
    task = desk.claim()
    desk.vote(task, "left")
    WorkItem.objects.filter(id=task["work_item"]).update(state="open", lease_expires_at=None, priority_band=0)
    taken_over = other.claim()
    assert taken_over["work_item"] == task["work_item"]
    other.vote(taken_over, "left")
    other.undo(taken_over)
    other.vote(taken_over, "equal")
    assert figures(office, evaluation)["vote_count"] == 0  # not handed in yet
    other.hand_in(taken_over)
    found = figures(office, evaluation)
    assert (found["vote_count"], found["ties"], found["wins"]) == (1, [[0, 1], [1, 0]], [[0, 0], [0, 0]])
    assert found["left_share"] is None


def test_two_people_on_the_same_pairs_tell_how_far_people_agree(office, voter, other_voter):
    evaluation = voting("ada", "bea", targets=3, voters_per_item=2)
    for person, choose in ((voter, lambda name: "ada"), (other_voter, lambda name: name)):
        desk = BallotDesk(person)
        for number in range(3):
            task = desk.claim()
            wanted = choose("bea" if number == 0 else "ada")
            side = "left" if contender_of(task["pair"]["left"]) == wanted else "right"
            desk.hand_in(desk.vote_all(task, lambda pair, side=side: side))
    assert figures(office, evaluation)["agreement"] == {"compared": 3, "same": 2, "share": pytest.approx(2 / 3)}


def test_contenders_that_never_met_are_refused_in_words(office, voter):
    """Of two targets, one has the candidates of ada and bea alone, the other those of cia and dot."""
    first = some_target()

    def answer(entry):
        early = entry.contender.name in ("ada", "bea")
        return reply_to(entry, failing="" if (entry.item.target.target_id == first.id) == early else "no")

    evaluation = voting("ada", "bea", "cia", "dot", targets=[first, some_target()], answer=answer)
    desk = BallotDesk(voter)
    for _ in range(2):
        desk.hand_in(desk.vote_all(desk.claim()))
    found = figures(office, evaluation)
    assert "ada, bea | cia, dot" in found["problem"]
    assert [row["elo"] for row in found["contenders"]] == [None] * 4
    assert [row["failed"] for row in found["contenders"]] == [1, 1, 1, 1]
    assert found["vote_count"] == 2  # what was voted is shown all the same


def test_known_strengths_come_out_of_noisy_voters(office, db):
    """Voters who prefer ada to bea three to one: 191 points."""
    evaluation = voting("ada", "bea", targets=60, baseline="bea")
    dice = random.Random(4)
    desk = BallotDesk(make.make_user(Role.ANNOTATOR))
    for _ in range(60):
        wanted = "ada" if dice.random() < 0.75 else "bea"
        desk.hand_in(
            desk.vote_all(
                desk.claim(),
                lambda pair, wanted=wanted: "left" if contender_of(pair["left"]) == wanted else "right",
            )
        )
    ada = figures(office, evaluation)["contenders"][0]
    assert ada["elo_low"] < 191 < ada["elo_high"]
    assert ada["elo_high"] - ada["elo_low"] < 330
    assert ada["rank"] == 1


# Making one over HTTP


def test_from_a_set_to_the_votes_over_http(office, voter):
    make.make_model_version(name="k1-dpo")
    targets = [some_target(), some_target()]
    body = {"name": "kitchen", "target_ids": [str(target.id) for target in targets]}
    made = office.post("/api/v1/evaluation-sets/", body)
    assert (made.status_code, made.json()["targets"]) == (201, 2)
    assert office.get("/api/v1/evaluation-sets/").json()["results"][0]["name"] == "kitchen"
    plan = {
        "name": "k1 against lib",
        "set": "kitchen",
        "contenders": [{"name": "k1", "model_version": "k1-dpo"}, {"name": "lib", "generator": "retrieval"}],
        "voters_per_item": 1,
    }
    one, again = (office.post("/api/v1/evaluations/", plan, key="k") for _ in range(2))
    assert (one.status_code, one.content) == (201, again.content)
    found = one.json()
    assert (found["state"], found["seeds"], found["contenders"]) == ("registered", [0], ["k1", "lib"])
    started = office.post(f"/api/v1/evaluations/{found['id']}/start")
    assert started.json()["state"] == "generating"
    assert office.post(f"/api/v1/evaluations/{found['id']}/start").status_code == 409
    generate_all(advancing.evaluation_with(found["id"]))
    desk = BallotDesk(voter)
    desk.hand_in(desk.vote_all(desk.claim()))
    closed = office.post(f"/api/v1/evaluations/{found['id']}/close").json()
    assert (closed["state"], closed["note"]) == ("closed", "ended by hand")
    detail = office.get(f"/api/v1/evaluations/{found['id']}/").json()
    assert detail["results"]["contenders"][0]["model_version"] == "k1-dpo"
    verbs = AuditEvent.objects.filter(subject_id=found["id"]).order_by("id").values_list("to_state", flat=True)
    assert list(verbs) == ["registered", "generating", "voting", "closed"]


def test_all_are_published_withdrawn_ones_too(office):
    kept, gone = registered(), registered()
    assert office.post(f"/api/v1/evaluations/{gone.id}/withdraw", {"reason": "a slip"}).status_code == 200
    assert office.post(f"/api/v1/evaluations/{kept.id}/withdraw", {"reason": ""}).status_code == 400
    found = office.get("/api/v1/evaluations/").json()["results"]
    assert [(row["name"], row["state"], row["note"]) for row in found] == [
        (gone.name, "withdrawn", "a slip"),
        (kept.name, "registered", ""),
    ]
    assert office.client.delete(f"/api/v1/evaluations/{gone.id}/").status_code == 405


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"set": "nowhere"}, 404),
        ({"contenders": [{"name": "a"}]}, 422),
        ({"contenders": []}, 422),
        ({"contenders": [{"name": "a"}, {"name": "b", "model_version": "k9"}]}, 422),
        ({"seeds": ["x"]}, 400),
    ],
)
def test_refusals_say_what_is_wrong(office, changes, status):
    registering.freeze_set(name="kitchen", target_ids=[some_target().id])
    plan = {"name": "x", "set": "kitchen", "contenders": [{"name": "a"}, {"name": "b"}]}
    answer = office.post("/api/v1/evaluations/", plan | changes)
    assert answer.status_code == status, answer.content
    assert not Evaluation.objects.exists()


def test_results_and_plans_are_for_engineers(voter):
    evaluation = voting("ada", "bea")
    desk = Desk(voter)
    for path in ("evaluations/", f"evaluations/{evaluation.id}/", "evaluation-sets/"):
        assert desk.get(f"/api/v1/{path}").status_code == 403
    assert desk.post(f"/api/v1/evaluations/{evaluation.id}/close").status_code == 403


def test_there_is_no_such_evaluation(office):
    assert office.get("/api/v1/evaluations/0b0d9cf1-5d0e-4f2a-8a1e-7a2b4a2f9c11/").status_code == 404
