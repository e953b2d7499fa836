"""Images and targets in and out, for ML engineers."""

import json
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from engine.contracts.masks import encode_mask
from engine.contracts.serialisation import to_json
from engine.lifecycle import State
from engine.sourcing import services
from engine.sourcing.models import Image, TargetObject
from engine.storage.local import LocalStore
from engine.workforce.models import Role
from tests.factories import make_target, make_user
from tests.integration.sourcing.photographs import photograph, png, square

pytestmark = pytest.mark.django_db


@pytest.fixture
def engineer() -> Client:
    client = Client()
    client.force_login(make_user(Role.ML_ENGINEER, is_staff=True))
    return client


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(
        f"/api/v1/{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": str(uuid4())},
    )


def upload(client: Client, path: str, fields: dict[str, Any]) -> Any:
    return client.post(f"/api/v1/{path}", fields, headers={"Idempotency-Key": str(uuid4())})


def file(data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("desk.png", data, content_type="image/png")


def test_a_photograph_is_uploaded_and_listed(engineer: Client) -> None:
    answer = upload(engineer, "images/", {"file": file(photograph()), "source": "lab/1", "licence": "CC0"})
    assert answer.status_code == 201
    image = answer.json()
    assert (image["source"], image["licence"], image["width_px"]) == ("lab/1", "CC0", 64)
    assert b"".join(engineer.get(image["url"]).streaming_content) == photograph()
    assert [listed["id"] for listed in engineer.get("/api/v1/images/").json()["results"]] == [image["id"]]


def test_a_damaged_photograph_is_refused_with_the_reason(engineer: Client) -> None:
    answer = upload(engineer, "images/", {"file": file(photograph()[:100]), "source": "lab/1"})
    assert (answer.status_code, answer.json()["type"]) == (422, "image_refused")
    assert "damaged or cut short" in answer.json()["detail"]
    assert not Image.objects.exists()


def test_a_photograph_is_stored_before_the_transaction_opens(engineer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    open_transactions: list[int] = []
    put = LocalStore.put

    def noted(store: LocalStore, data: Any, *, media_type: str) -> Any:
        open_transactions.append(len(connection.savepoint_ids))  # the test's own transaction is no savepoint
        return put(store, data, media_type=media_type)

    monkeypatch.setattr(LocalStore, "put", noted)
    assert upload(engineer, "images/", {"file": file(photograph()), "source": "lab/1"}).status_code == 201
    assert open_transactions == [0]


def test_a_target_is_proposed_by_run_lengths_or_by_file(engineer: Client) -> None:
    image = services.register_image(data=photograph(), source="lab/1")
    body = {"image": str(image.id), "source": "a", "mask": to_json(encode_mask(square())), "category": "mug"}
    first = post(engineer, "targets/", body)
    assert (first.status_code, first.json()["state"], first.json()["category"]) == (201, "proposed", "mug")

    fields = {
        "image": str(image.id),
        "source": "b",
        "mask_file": file(png(square() * np.uint8(255))),
        "verified": "true",
    }
    second = upload(engineer, "targets/", fields)
    assert (second.status_code, second.json()["state"], second.json()["mask_area_px"]) == (201, "ready", 256)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"mask": to_json(encode_mask(square(width=63)))}, 422, "mask_refused"),
        ({"mask": {"height": 10**9, "width": 10**9, "counts": [2**31 - 1]}}, 422, "mask_refused"),
        ({"mask": {"height": 48, "width": 64, "counts": [1]}}, 422, "mask_refused"),
        ({"mask": None}, 400, "invalid"),
        ({"image": str(uuid4())}, 404, "no_such_image"),
        ({"image": "desk"}, 400, "invalid"),
    ],
)
def test_a_target_that_cannot_be_is_refused(engineer: Client, changes: dict[str, Any], status: int, code: str) -> None:
    image = services.register_image(data=photograph(), source="lab/1")
    body = {"image": str(image.id), "source": "a", "mask": to_json(encode_mask(square()))} | changes
    answer = post(engineer, "targets/", body)
    assert (answer.status_code, answer.json()["type"]) == (status, code)
    assert not TargetObject.objects.exists()


def test_targets_are_listed_by_state_category_and_image(engineer: Client) -> None:
    ready = make_target(category="mug")
    make_target(state=State.DONE, category="chair")
    for query, found in (
        ("state=ready", [ready.id]),
        ("category=mug", [ready.id]),
        (f"image={ready.image_id}", [ready.id]),
        ("state=shelved", []),
    ):
        listed = engineer.get(f"/api/v1/targets/?{query}").json()["results"]
        assert [target["id"] for target in listed] == [str(target_id) for target_id in found]
    assert engineer.get("/api/v1/targets/?state=lost").status_code == 400


def test_lists_are_paged_by_keyset_and_ask_little(engineer: Client, django_assert_max_num_queries) -> None:
    ids = {str(make_target().id) for _ in range(5)}
    page = engineer.get("/api/v1/targets/?page_size=3").json()
    with django_assert_max_num_queries(6):
        rest = engineer.get(page["next"]).json()
    assert len(page["results"]) == 3
    assert {target["id"] for target in page["results"] + rest["results"]} == ids
    with django_assert_max_num_queries(6):
        engineer.get("/api/v1/images/")


@pytest.mark.parametrize("path", ["images/", "targets/"])
def test_annotators_have_no_business_here(path: str) -> None:
    annotator = Client()
    annotator.force_login(make_user(Role.ANNOTATOR))
    assert annotator.get(f"/api/v1/{path}").status_code == 403
    assert Client().get(f"/api/v1/{path}").status_code in {401, 403}


@pytest.mark.parametrize("model", ["image", "targetobject", "pointmap", "masktask"])
def test_admin_lists_open_with_few_queries_however_many_rows(
    engineer: Client, model: str, django_assert_max_num_queries
) -> None:
    for number in range(4):
        image = services.register_image(data=photograph(number), source=f"lab/{number}")
        target = services.register_target(image_id=image.id, mask=square(), source="a")
        services.ensure_point_map(target=target)
    with django_assert_max_num_queries(12):
        answer = engineer.get(reverse(f"admin:sourcing_{model}_changelist"))
    assert answer.status_code == 200
    if model != "pointmap":
        assert answer.content.count(b"<img ") >= 4


def test_the_admin_page_of_an_image_shows_its_targets(engineer: Client) -> None:
    image = services.register_image(data=photograph(), source="lab/1")
    services.register_target(image_id=image.id, mask=square(), source="a", category="mug")
    answer = engineer.get(reverse("admin:sourcing_image_change", args=[image.id]))
    assert answer.status_code == 200
    assert b"mug" in answer.content
    assert not admin.site._registry[Image].has_change_permission(answer.wsgi_request)
