"""Stage 2 over HTTP, as an annotator's page meets it."""

import json

import pytest
from rest_framework.test import APIClient

from engine.contracts.generation import Modality
from engine.generation.models import Candidate
from engine.lifecycle import State
from engine.selection import texts
from engine.selection.models import Comparison, Presentation, Selection, Tournament
from engine.storage.models import Blob
from engine.workforce.models import Role, WorkItem
from tests import factories as make
from tests.desks import Desk, SelectionDesk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(annotator):
    return SelectionDesk(annotator)


@pytest.fixture
def other_desk(other_annotator):
    return SelectionDesk(other_annotator)


def test_from_claim_to_rating(open_selection, desk):
    selection = open_selection(count=4, alpha=0.6)
    task = desk.claim()
    assert task["phase"] == "compare"
    assert (task["round"], task["rounds"], task["bar"]) == (1, 3, 0.6)
    assert len(task["candidates"]) == 4
    assert {task["pair"]["left"], task["pair"]["right"]} == {
        candidate["presentation_id"] for candidate in task["candidates"][:2]
    }
    assert task["mask"]["counts"] == selection.target.mask_counts
    assert task["rubric"]["version"] == task["guidelines"]["version"] == "v1"
    assert "unusable" in task["rubric"]["markdown"]
    task = desk.answer_all(task)
    assert task["pair"] is None
    assert task["winner"] in {candidate["presentation_id"] for candidate in task["candidates"]}
    response = desk.submit(task)
    assert response.status_code == 200, response.content
    selection.refresh_from_db()
    assert selection.target.state == State.ALIGNING
    assert desk.post("/api/v1/selections/claim").status_code == 204


def test_a_reload_shows_what_was_answered(open_selection, desk):
    open_selection(count=4)
    task = desk.claim()
    progress = desk.answer(task).json()
    again = desk.get(f"/api/v1/selections/{task['work_item']}").json()
    assert {name: again[name] for name in progress} == progress
    assert again["can_undo"] is True
    assert desk.claim()["work_item"] == task["work_item"]


def test_undo_from_the_rating_phase(open_selection, desk):
    open_selection(count=3)
    task = desk.answer_all(desk.claim())
    progress = desk.post(f"/api/v1/selections/{task['work_item']}/undo", {"token": task["token"]}).json()
    assert (progress["phase"], progress["round"], progress["winner"]) == ("compare", 2, None)


def test_nobody_who_chooses_can_learn_where_a_mesh_comes_from(open_selection, desk):
    selection = open_selection(count=4)
    task = desk.claim()
    for candidate in task["candidates"]:
        response = desk.get(candidate["mesh_url"])
        assert response.status_code == 200
        assert response.body.startswith(b"glTF of candidate")
    desk.answer(task, "equal")
    desk.answer(task, "left")
    desk.post(f"/api/v1/selections/{task['work_item']}/undo", {"token": task["token"]})
    desk.get(f"/api/v1/selections/{task['work_item']}")
    task = desk.answer_all(desk.get(f"/api/v1/selections/{task['work_item']}").json())
    desk.submit(task, rating=7)
    desk.submit(task, rating=0.2)
    desk.submit(task, rating=0.2, failure_reason="occlusion")
    desk.get(f"/api/v1/selections/{task['work_item']}")

    everything = "\n".join(desk.seen)
    secrets = {
        *Candidate.objects.values_list("generator", flat=True),
        *(str(value) for value in Candidate.objects.values_list("id", flat=True)),
        *(str(value) for value in Candidate.objects.values_list("seed", flat=True)),
        *(str(value) for value in Candidate.objects.values_list("model_version_id", flat=True)),
        *(str(value) for value in Tournament.objects.values_list("seed", flat=True)),
        *(str(value) for value in Comparison.objects.exclude(coin_seed=None).values_list("coin_seed", flat=True)),
        *Blob.objects.values_list("sha256", flat=True),
        str(selection.request_id),
        *(str(run.id) for run in selection.request.runs.all()),
    }
    assert len(secrets) > 15
    assert [secret for secret in secrets if secret in everything] == []


def test_the_same_mesh_has_another_url_and_tag_for_everyone(open_selection, desk, other_desk, annotator):
    open_selection()
    task = desk.claim()
    desk.post(f"/api/v1/work-items/{task['work_item']}/release", {"token": task["token"]})
    WorkItem.objects.update(state="open", holder=None, lease_expires_at=None)
    other = other_desk.claim()
    urls = [{candidate["mesh_url"] for candidate in seen["candidates"]} for seen in (task, other)]
    assert not urls[0] & urls[1]
    response = other_desk.get(other["candidates"][0]["mesh_url"])
    assert response["ETag"] == f'"{other["candidates"][0]["presentation_id"]}"'
    assert response["Content-Type"] == "model/gltf-binary"
    assert other_desk.get(other["candidates"][0]["mesh_url"], Accept="model/gltf-binary").status_code == 200
    assert (
        other_desk.client.get(
            other["candidates"][0]["mesh_url"], headers={"If-None-Match": response["ETag"]}
        ).status_code
        == 304
    )


def test_meshes_are_for_their_holder_and_for_reviewers(open_selection, desk, other_desk):
    open_selection()
    url = desk.claim()["candidates"][0]["mesh_url"]
    assert desk.get(url).status_code == 200
    assert other_desk.get(url).status_code == 404
    assert Desk(make.make_user(Role.REVIEWER)).get(url).status_code == 200
    assert Desk(make.make_user(Role.ARTIST)).get(url).status_code == 403
    assert APIClient().get(url).status_code == 401
    WorkItem.objects.update(state="open", holder=None, lease_expires_at=None)
    assert desk.get(url).status_code == 404


def test_two_annotators_at_once_get_different_work_or_none(open_selection, desk, other_desk):
    open_selection()
    desk.claim()
    assert other_desk.post("/api/v1/selections/claim").status_code == 204


def test_a_superseded_token_gets_a_conflict_and_stored_answers_stay(open_selection, desk, other_desk):
    open_selection(count=3)
    task = desk.claim()
    desk.answer(task)
    WorkItem.objects.update(state="open", holder=None, lease_expires_at=None)
    other_desk.claim()
    response = desk.answer(task)
    assert (response.status_code, response.json()["type"]) == (409, "lease_superseded")
    assert desk.submit(task).status_code == 409
    assert Comparison.objects.count() == 1
    assert desk.get(f"/api/v1/selections/{task['work_item']}").status_code == 404


def test_a_repeated_answer_and_submit_have_one_effect(open_selection, desk):
    open_selection(count=3)
    task = desk.claim()
    first, again = desk.answer(task, key="answer-1"), desk.answer(task, key="answer-1")
    assert first.json() == again.json()
    assert Comparison.objects.count() == 1
    task = desk.answer_all(task | first.json())
    first, again = desk.submit(task, key="submit-1"), desk.submit(task, key="submit-1")
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (200, first.json())
    changed = desk.submit(task, key="submit-1", rating=0.1, failure_reason="other")
    assert changed.status_code == 422
    assert Selection.objects.get().rating == 0.9


def test_a_second_click_does_not_answer_a_pair_that_was_not_seen(open_selection, desk):
    open_selection(count=4)
    task = desk.claim()
    path = f"/api/v1/selections/{task['work_item']}/answer"
    body = {"token": task["token"], "answer": "left", "pair": task["pair"]}
    assert desk.post(path, body).json()["round"] == 2
    again = desk.post(path, body)
    assert (again.status_code, again.json()["type"]) == (409, "pair_moved_on")
    assert Comparison.objects.count() == 1


def test_the_task_says_how_to_go_on_without_asking(open_selection, desk):
    open_selection(count=5)
    task = desk.claim()
    order = [candidate["presentation_id"] for candidate in task["candidates"]]
    staying = order[0]
    for challenger, layout, answer in zip(order[1:], task["layouts"], ["left", "equal", "right", "equal"], strict=True):
        pair = {layout["staying_side"]: staying, "left" if layout["staying_side"] == "right" else "right": challenger}
        assert desk.get(f"/api/v1/selections/{task['work_item']}").json()["pair"] == pair
        progress = desk.answer(task, answer, pair=pair).json()
        staying = pair[layout["kept_if_equal"] if answer == "equal" else answer]
    assert progress["winner"] == staying


def test_what_was_taken_back_is_remembered_across_reloads(open_selection, desk):
    open_selection(count=4)
    task = desk.claim()
    for answer in ("left", "equal"):
        desk.answer(task, answer)
    for _ in range(2):
        desk.post(f"/api/v1/selections/{task['work_item']}/undo", {"token": task["token"]})
    again = desk.claim()
    assert (again["answers"], again["taken_back"]) == ([], ["equal", "left"])
    desk.answer(task, "left")
    again = desk.claim()
    assert (again["answers"], again["taken_back"]) == (["left"], ["equal"])


def test_a_candidate_that_does_not_load_is_counted_for_those_who_look_after_it(open_selection, desk, other_desk):
    open_selection()
    shown = desk.claim()["candidates"][0]["presentation_id"]
    for _ in range(2):
        assert desk.post(f"/api/v1/presentations/{shown}/load-failure").status_code == 204
    assert other_desk.post(f"/api/v1/presentations/{shown}/load-failure").status_code == 404
    assert Presentation.objects.get(id=shown).load_failures == 2
    assert not Presentation.objects.exclude(id=shown).filter(load_failures__gt=0).exists()


def test_the_rubric_that_was_read_is_stored_with_the_rating(open_selection, desk, monkeypatch):
    open_selection(count=2)
    task = desk.answer_all(desk.claim())
    monkeypatch.setitem(texts.VERSIONS, Modality.SHAPE, "v2")  # changed while the page was open
    assert desk.submit(task, rubric_version="v9").status_code == 400
    assert desk.submit(task, rubric_version="v1").status_code == 200
    assert Selection.objects.get().rubric_version == "v1"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"rating": 1.2}, 422, "invalid_rating"),
        ({"rating": -0.1}, 422, "invalid_rating"),
        ({"rating": "good"}, 400, "invalid"),
        ({"rating": 0.1}, 422, "failure_reason_missing"),
        ({"rating": 0.1, "failure_reason": "too ugly"}, 400, "invalid"),
        ({"duration_ms": -1}, 400, "invalid"),
        ({"token": 99}, 409, "lease_superseded"),
    ],
)
def test_bad_submits_say_what_is_wrong_and_change_nothing(open_selection, desk, changes, status, code):
    open_selection(count=2)
    task = desk.answer_all(desk.claim())
    response = desk.submit(task, **changes)
    assert (response.status_code, response.json()["type"]) == (status, code), response.content
    assert WorkItem.objects.get().state == WorkItem.State.LEASED
    assert desk.submit(task).status_code == 200


def test_nan_is_no_rating(open_selection, desk):
    open_selection(count=2)
    task = desk.answer_all(desk.claim())
    body = json.dumps({"token": task["token"], "rating": 0.5, "duration_ms": 1, "guideline_version": "v1"})
    response = desk.client.post(
        f"/api/v1/selections/{task['work_item']}/submit",
        body.replace("0.5", "NaN"),
        content_type="application/json",
        headers={"Idempotency-Key": "nan"},
    )
    assert response.status_code in (400, 422)
    assert Selection.objects.get().rated_at is None


@pytest.mark.parametrize("role", [Role.ARTIST, Role.ML_ENGINEER, Role.REVIEWER])
def test_others_may_not_choose(open_selection, role):
    open_selection()
    response = Desk(make.make_user(role)).post("/api/v1/selections/claim")
    assert (response.status_code, response.json()["type"]) == (403, "permission_denied")
