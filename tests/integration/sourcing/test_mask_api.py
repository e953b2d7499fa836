"""Stage 1 through the API: claim, look, judge."""

import json
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.test import Client

from engine.contracts.masks import encode_mask
from engine.contracts.serialisation import to_json
from engine.lifecycle import State
from engine.sourcing import mask_tasks, services
from engine.sourcing.models import MaskTask, MaskVerdict, TargetObject
from engine.storage.services import blob_ref
from engine.workforce import services as workforce
from engine.workforce.models import AuditEvent, Judgement, Role, Stage, WorkItem
from tests.factories import make_user
from tests.integration.sourcing.photographs import HEIGHT, WIDTH, photograph, square
from tests.queries import at_most

pytestmark = pytest.mark.django_db
ACT = {"duration_ms": 6200, "guideline_version": "v2"}


@pytest.fixture
def target() -> TargetObject:
    image = services.register_image(data=photograph(), source="secret-importer/one.png")
    return services.register_target(
        image_id=image.id, mask=square(), source="secret-mask.png", category="mug", description="a white mug"
    )


@pytest.fixture
def annotator() -> Client:
    client = Client()
    client.force_login(make_user(Role.ANNOTATOR))
    return client


def post(client: Client, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
    headers = {"Idempotency-Key": key or str(uuid4())}
    return client.post(f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers)


def claim(client: Client) -> dict[str, Any]:
    answer = post(client, "masks/claim")
    assert answer.status_code == 200
    task: dict[str, Any] = answer.json()
    return task


def submit(client: Client, task: dict[str, Any], **body: Any) -> Any:
    return post(client, f"masks/{task['work_item']}/submit", {"token": task["token"]} | ACT | body)


def test_a_task_shows_photograph_mask_and_guidelines(target: TargetObject, annotator: Client) -> None:
    task = claim(annotator)
    assert task["mask"] == to_json(encode_mask(square()))
    assert (task["image"]["width"], task["image"]["height"]) == (WIDTH, HEIGHT)
    assert b"".join(annotator.get(task["image"]["url"]).streaming_content) == photograph()
    assert (task["category"], task["description"], task["lease_seconds"]) == ("mug", "a white mug", 60)
    assert task["guidelines"]["version"] == "v2"
    assert "one whole object" in task["guidelines"]["markdown"]
    assert annotator.get(f"/api/v1/masks/{task['work_item']}").json()["mask"] == task["mask"]


def test_a_task_says_nothing_about_where_it_comes_from(target: TargetObject, annotator: Client) -> None:
    text = json.dumps(claim(annotator))
    for secret in ("secret-importer", "secret-mask", str(target.id), blob_ref(target.image.blob).sha256):
        assert secret not in text


def test_nothing_waits(annotator: Client) -> None:
    assert post(annotator, "masks/claim").status_code == 204


def test_a_verified_mask_makes_the_target_ready(target: TargetObject, annotator: Client) -> None:
    task = claim(annotator)
    assert submit(annotator, task, verdict="verify").json() == {"work_item": task["work_item"]}
    target.refresh_from_db()
    assert (target.state, target.mask_area_px) == (State.READY, 256)
    judgement = Judgement.objects.get(work_item_id=task["work_item"])
    assert (judgement.duration_ms, judgement.guideline_version) == (6200, "v2")
    assert MaskTask.objects.get(target=target).verdict == "verify"
    assert AuditEvent.objects.get(subject_id=target.id, verb="verify").actor == judgement.user


def test_a_refined_mask_replaces_the_proposed_one_which_is_kept(target: TargetObject, annotator: Client) -> None:
    better = square(side=20)
    answer = submit(
        annotator, claim(annotator), verdict="refine", mask=to_json(encode_mask(better)), category="coffee cups"
    )
    assert answer.status_code == 200
    target.refresh_from_db()
    assert (target.state, target.mask_area_px, target.mask_counts) == (
        State.READY,
        400,
        list(encode_mask(better).counts),
    )
    task = MaskTask.objects.get(target=target)
    assert task.proposed_counts == list(encode_mask(square()).counts)
    assert task.refined_counts == target.mask_counts


def test_a_category_can_be_corrected(target: TargetObject, annotator: Client) -> None:
    submit(annotator, claim(annotator), verdict="verify", category="Zyxglorp")
    target.refresh_from_db()
    assert (target.category, target.free_category) == ("", "Zyxglorp")


def test_a_discarded_proposal_ends_with_its_reason(target: TargetObject, annotator: Client) -> None:
    assert submit(annotator, claim(annotator), verdict="discard", discard_reason="partial").status_code == 200
    target.refresh_from_db()
    assert target.state == State.DISCARDED
    assert AuditEvent.objects.get(subject_id=target.id, verb="discard").facts["reason"] == "partial"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"verdict": "discard"}, 422, "verdict_refused"),
        ({"verdict": "verify", "discard_reason": "partial"}, 422, "verdict_refused"),
        ({"verdict": "refine"}, 422, "verdict_refused"),
        ({"verdict": "verify", "mask": to_json(encode_mask(square()))}, 422, "verdict_refused"),
        ({"verdict": "refine", "mask": to_json(encode_mask(square(width=63)))}, 422, "mask_refused"),
        ({"verdict": "refine", "mask": to_json(encode_mask(square(side=1)))}, 422, "mask_refused"),
        ({"verdict": "refine", "mask": {"height": HEIGHT, "width": WIDTH, "counts": [5]}}, 422, "mask_refused"),
        ({"verdict": "refine", "mask": {"height": 10**9, "width": 10**9, "counts": [2**31 - 1]}}, 422, "mask_refused"),
        ({"verdict": "refine", "mask": {"height": HEIGHT, "width": WIDTH, "counts": [-1]}}, 400, "invalid"),
        ({"verdict": "refine", "mask": {"height": HEIGHT, "width": WIDTH, "counts": [10**30]}}, 400, "invalid"),
        ({"verdict": "perhaps"}, 400, "invalid"),
        ({}, 400, "invalid"),
    ],
)
def test_an_incomplete_verdict_is_refused_and_changes_nothing(
    target: TargetObject, annotator: Client, body: dict[str, Any], status: int, code: str
) -> None:
    task = claim(annotator)
    answer = submit(annotator, task, **body)
    assert (answer.status_code, answer.json()["type"]) == (status, code)
    target.refresh_from_db()
    assert (target.state, target.mask_area_px) == (State.PROPOSED, 256)
    assert submit(annotator, task, verdict="verify").status_code == 200  # the lease still stands


def test_a_superseded_lease_cannot_submit(target: TargetObject, annotator: Client) -> None:
    task = claim(annotator)
    answer = submit(annotator, task | {"token": task["token"] + 1}, verdict="verify")
    assert (answer.status_code, answer.json()["type"]) == (409, "lease_superseded")


def test_a_repeated_submit_gets_the_same_answer(target: TargetObject, annotator: Client) -> None:
    task = claim(annotator)
    body = {"token": task["token"], "verdict": "verify"} | ACT
    first = post(annotator, f"masks/{task['work_item']}/submit", body, key="once")
    again = post(annotator, f"masks/{task['work_item']}/submit", body, key="once")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert Judgement.objects.count() == 1


def test_others_do_not_see_a_task_that_is_held(target: TargetObject, annotator: Client) -> None:
    task = claim(annotator)
    other = Client()
    other.force_login(make_user(Role.ANNOTATOR))
    answer = other.get(f"/api/v1/masks/{task['work_item']}")
    assert (answer.status_code, answer.json()["type"]) == (404, "no_such_mask_task")


@pytest.mark.parametrize("path", ["masks/claim", f"masks/{UUID(int=7)}/submit"])
def test_only_annotators_judge(path: str) -> None:
    artist = Client()
    artist.force_login(make_user(Role.ARTIST))
    assert post(artist, path).status_code == 403
    assert post(Client(), path).status_code in {401, 403}


def test_a_second_opinion_is_recorded_and_moves_nothing(target: TargetObject) -> None:
    second = workforce.create_work_item(stage=Stage.MASK, subject_id=target.id, purpose=WorkItem.Purpose.OVERLAP)
    MaskTask.objects.create(work_item=second, image=target.image, target=target)
    for person in (make_user(Role.ANNOTATOR), make_user(Role.ANNOTATOR)):
        task = mask_tasks.claim(user=person)
        assert task is not None
        verdict = MaskVerdict.DISCARD if task.work_item_id == second.id else MaskVerdict.VERIFY
        mask_tasks.submit(
            user=person,
            work_item_id=task.work_item_id,
            token=task.work_item.fencing_token,
            verdict=verdict,
            discard_reason="partial" if verdict == MaskVerdict.DISCARD else "",
            **ACT,
        )
    target.refresh_from_db()
    assert target.state == State.READY
    assert MaskTask.objects.get(work_item=second).verdict == "discard"


def test_a_work_item_of_another_stage_is_not_judged_here(target: TargetObject) -> None:
    person = make_user(Role.ANNOTATOR)
    item = workforce.create_work_item(stage=Stage.SELECTION, subject_id=target.id)
    claimed = workforce.claim(user=person, stage=Stage.SELECTION)
    assert claimed is not None
    with pytest.raises(workforce.NoSuchWorkItem):
        mask_tasks.submit(
            user=person,
            work_item_id=item.id,
            token=claimed.work_item.fencing_token,
            verdict=MaskVerdict.VERIFY,
            **ACT,
        )
    item.refresh_from_db()
    assert item.state == WorkItem.State.LEASED  # undone with the rest


def test_handlers_ask_little(target: TargetObject, annotator: Client) -> None:
    with at_most(8):
        task = claim(annotator)
    with at_most(5):
        annotator.get(f"/api/v1/masks/{task['work_item']}")
    with at_most(8):  # session, person and idempotency key are four of them
        submit(annotator, task, verdict="refine", mask=to_json(encode_mask(square(side=20))), category="cup")


def test_the_mask_that_workers_get_is_the_refined_one(target: TargetObject, annotator: Client) -> None:
    better = square(side=20)
    submit(annotator, claim(annotator), verdict="refine", mask=to_json(encode_mask(better)))
    found = services.target_input(target_id=target.id)
    assert np.array_equal(np.asarray(found.mask.counts), encode_mask(better).counts)
