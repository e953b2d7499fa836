"""Objects that people mark where nothing was proposed, and further ones beside a proposal."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from engine.contracts.masks import encode_mask
from engine.contracts.serialisation import to_json
from engine.lifecycle import State
from engine.sourcing import proposing, services
from engine.sourcing.models import Image, MaskTask, TargetObject
from engine.workforce.models import AuditEvent, Role, User, WorkItem
from tests.factories import make_user
from tests.integration.sourcing.photographs import HEIGHT, WIDTH, photograph, square
from tests.queries import at_most

pytestmark = pytest.mark.django_db
ACT = {"duration_ms": 14_000, "guideline_version": "v2"}


@pytest.fixture
def person() -> User:
    return make_user(Role.ANNOTATOR)


@pytest.fixture
def annotator(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def image() -> Image:
    return services.register_image(data=photograph(), source="untouched")


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    headers = {"Idempotency-Key": str(uuid4())}
    return client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers)


def submit(client: Client, task: dict[str, Any], **body: Any) -> Any:
    return post(client, f"masks/{task['work_item']}/submit", {"token": task["token"]} | ACT | body)


def further(client: Client, task: dict[str, Any], mask: Any, **body: Any) -> Any:
    body = {"token": task["token"], "mask": to_json(encode_mask(mask))} | body
    return post(client, f"masks/{task['work_item']}/further", body)


def test_photographs_in_which_nothing_is_marked_become_tasks_after_a_while(image: Image) -> None:
    busy = services.register_image(data=photograph(1), source="busy")
    services.register_target(image_id=busy.id, mask=square(), source="0")
    later = timezone.now() + timedelta(hours=1)
    assert proposing.ask_people_about_untouched() == 0
    assert proposing.ask_people_about_untouched(now=later) == 1
    assert proposing.ask_people_about_untouched(now=later) == 0
    assert MaskTask.objects.get(wants_proposal=True).image == image


def test_what_a_person_marks_is_ready(image: Image, annotator: Client, person: User) -> None:
    proposing.ask_people(image=image, hint="a white mug")
    with at_most(7):
        task = post(annotator, "masks/claim", {}).json()
    assert (task["wants_proposal"], task["description"]) == (True, "a white mug")
    assert task["mask"]["counts"] == [HEIGHT * WIDTH]
    with at_most(8):
        answer = submit(annotator, task, verdict="propose", mask=to_json(encode_mask(square())), category="coffee mugs")
    assert answer.status_code == 200
    target = TargetObject.objects.get()
    assert (target.state, target.category, target.mask_area_px) == (State.READY, "mug", 256)
    assert MaskTask.objects.get().target == target
    assert AuditEvent.objects.get(subject_id=target.id, verb="propose").actor == person


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "verify"},
        {"verdict": "refine", "mask": to_json(encode_mask(square()))},
        {"verdict": "propose"},
        {"verdict": "discard", "discard_reason": "partial"},
    ],
)
def test_what_does_not_fit_is_refused(image: Image, annotator: Client, body: dict[str, Any]) -> None:
    proposing.ask_people(image=image)
    task = post(annotator, "masks/claim", {}).json()
    answer = submit(annotator, task, **body)
    assert (answer.status_code, answer.json()["type"]) == (422, "verdict_refused")
    assert WorkItem.objects.get().state == WorkItem.State.LEASED


def test_a_proposal_is_not_proposed_again(image: Image, annotator: Client) -> None:
    services.register_target(image_id=image.id, mask=square(), source="0")
    task = post(annotator, "masks/claim", {}).json()
    answer = submit(annotator, task, verdict="propose", mask=to_json(encode_mask(square(side=20))))
    assert (answer.status_code, answer.json()["type"]) == (422, "verdict_refused")


def test_a_photograph_in_which_a_person_finds_nothing_goes_to_nobody_else(image: Image, annotator: Client) -> None:
    proposing.ask_people(image=image)
    task = post(annotator, "masks/claim", {}).json()
    assert submit(annotator, task, verdict="discard", discard_reason="no_salient_object").status_code == 200
    image.refresh_from_db()
    assert image.screening == Image.Screening.REFUSED
    assert image.refusals.get().reason == "no_salient_object"


def test_a_further_object_becomes_a_task_that_others_check(image: Image, annotator: Client, person: User) -> None:
    make_user(Role.ANNOTATOR)
    services.register_target(image_id=image.id, mask=square(), source="0")
    task = post(annotator, "masks/claim", {}).json()
    with at_most(8):
        answer = further(annotator, task, square(left=40, side=12), category="spoon")
    assert answer.status_code == 201
    other = TargetObject.objects.get(category="spoon")
    assert other.state == State.PROPOSED
    assert WorkItem.objects.get(subject_id=other.id).barred_user_ids == [person.pk]
    assert submit(annotator, task, verdict="verify").status_code == 200
    second = Client()
    second.force_login(User.objects.exclude(id=person.pk).get())
    seen = post(second, "masks/claim", {}).json()
    assert seen["category"] == "spoon"
    assert seen["marked"] == [task["mask"]]


def test_the_only_annotator_may_check_what_they_marked(image: Image, annotator: Client) -> None:
    services.register_target(image_id=image.id, mask=square(), source="0")
    task = post(annotator, "masks/claim", {}).json()
    assert further(annotator, task, square(left=40, side=12)).status_code == 201
    submit(annotator, task, verdict="verify")
    assert post(annotator, "masks/claim", {}).status_code == 200


def test_the_same_object_is_not_marked_twice(image: Image, annotator: Client) -> None:
    services.register_target(image_id=image.id, mask=square(), source="0")
    task = post(annotator, "masks/claim", {}).json()
    answer = further(annotator, task, square(side=17))
    assert (answer.status_code, answer.json()["detail"]) == (422, "This object is marked already.")


def test_nobody_marks_beside_what_they_do_not_hold(image: Image, annotator: Client) -> None:
    services.register_target(image_id=image.id, mask=square(), source="0")
    task = post(annotator, "masks/claim", {}).json()
    answer = further(annotator, task | {"token": task["token"] + 1}, square(left=40))
    assert (answer.status_code, answer.json()["type"]) == (409, "lease_superseded")
