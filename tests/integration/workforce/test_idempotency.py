"""Writes that may be sent twice and happen once."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import override_settings
from django.urls import path
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from engine.errors import Conflict
from engine.workforce import services
from engine.workforce.idempotency import IdempotentWrites, forget_old_requests
from engine.workforce.models import AuditEvent, IdempotentRequest, User
from engine.workforce.permissions import person_of
from tests.factories import make_user

SUBJECT = uuid4()


class CountingView(IdempotentWrites, APIView):
    """Adds an audit row and says how many there are; `fail` refuses after adding."""

    def post(self, request: Request) -> Response:
        services.audit(actor=person_of(request), subject_kind="test", subject_id=SUBJECT, verb="count")
        count = AuditEvent.objects.filter(subject_id=SUBJECT).count()
        match dict(request.data).get("fail"):
            case "conflict":
                raise Conflict("Too late.", what_to_do="Stop.", count=count)
            case "invalid":
                raise ValidationError({"fail": ["no"]})
            case "crash":
                raise OSError
        return Response({"count": count, "id": SUBJECT}, status=201)


class TransferView(IdempotentWrites, APIView):
    """Changes two people, in the order that the body gives, and waits in between until somebody else is there too."""

    together = threading.Barrier(2)
    attempts: list[int] = []

    def post(self, request: Request) -> Response:
        first, second = dict(request.data)["people"]
        self.attempts.append(first)
        User.objects.filter(pk=first).update(first_name="changed")
        with suppress(threading.BrokenBarrierError):
            self.together.wait(60)
        User.objects.filter(pk=second).update(last_name="changed")
        return Response({"first": first})


class StoringView(IdempotentWrites, APIView):
    """Does something slow first, and notes whether a transaction was open meanwhile."""

    in_transaction: list[bool] = []

    def prepare(self, request: Request) -> str:
        self.in_transaction.append(connection.in_atomic_block)
        if dict(request.data).get("fail"):
            raise Conflict("Not that one.", what_to_do="Send another.")
        return "stored"

    def post(self, request: Request) -> Response:
        services.audit(actor=person_of(request), subject_kind="test", subject_id=SUBJECT, verb="count")
        return Response({"prepared": self.prepared, "in_transaction": connection.in_atomic_block})


urlpatterns = [
    path("count", CountingView.as_view()),
    path("transfer", TransferView.as_view()),
    path("store", StoringView.as_view()),
]


@pytest.fixture(autouse=True)
def _routes() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


def client_of(user: User) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(user)
    return client


def send(client: APIClient, key: str | None, body: Any = None, **options: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post("/count", body or {}, **({"format": "json"} | options), headers=headers)


@pytest.mark.django_db
class TestOneAfterTheOther:
    def test_the_same_request_gets_the_same_answer_and_happens_once(self) -> None:
        client = client_of(make_user())
        first, second = send(client, "k", {"a": 1, "b": 2}), send(client, "k", {"b": 2, "a": 1})
        assert (first.status_code, first.json()) == (201, {"count": 1, "id": str(SUBJECT)})
        assert (second.status_code, second.json()) == (201, first.json())
        assert second.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers
        assert AuditEvent.objects.filter(subject_id=SUBJECT).count() == 1

    def test_a_key_serves_one_request_only(self) -> None:
        client = client_of(make_user())
        send(client, "k", {"a": 1})
        answer = send(client, "k", {"a": 2})
        assert (answer.status_code, answer.json()["type"]) == (422, "idempotency_key_reused")
        assert send(client, "k", {"a": 1}).json()["count"] == 1

    def test_keys_belong_to_the_person(self) -> None:
        assert send(client_of(make_user()), "k").json()["count"] == 1
        assert send(client_of(make_user()), "k").json()["count"] == 2

    @pytest.mark.parametrize("key", [None, "", " ", "x" * 201])
    def test_a_write_without_a_usable_key_says_what_to_do(self, key: str | None) -> None:
        answer = send(client_of(make_user()), key)
        assert (answer.status_code, answer.json()["type"]) == (400, "idempotency_key_missing")
        assert "UUID" in answer.json()["what_to_do"]
        assert not AuditEvent.objects.exists()

    def test_refusals_are_kept_and_undo_what_was_written(self) -> None:
        client = client_of(make_user())
        first, second = (send(client, "k", {"fail": "conflict"}) for _ in range(2))
        assert (first.status_code, second.status_code) == (409, 409)
        assert first.json() == second.json()
        assert second.headers["Idempotency-Replayed"] == "true"
        assert not AuditEvent.objects.exists()
        assert send(client, "k", {"fail": ""}).status_code == 422

    @pytest.mark.parametrize(("failure", "status"), [("invalid", 400), ("crash", 500)])
    def test_other_errors_leave_the_key_free(self, failure: str, status: int) -> None:
        client = client_of(make_user())
        assert send(client, "k", {"fail": failure}).status_code == status
        assert not AuditEvent.objects.exists()
        assert send(client, "k", {"a": 1}).status_code == 201

    def test_files_are_compared_by_content(self) -> None:
        client = client_of(make_user())

        def upload(content: bytes) -> Any:
            return send(client, "k", {"file": SimpleUploadedFile("a.glb", content)}, format="multipart")

        assert upload(b"one").json()["count"] == 1
        assert upload(b"one").json()["count"] == 1
        assert upload(b"two").status_code == 422

    def test_who_is_not_signed_in_is_told_so_first(self) -> None:
        assert send(APIClient(), None).status_code == 401

    def test_answers_are_forgotten_after_seven_days(self) -> None:
        user = make_user()
        send(client_of(user), "k")
        assert forget_old_requests(now=timezone.now() + timedelta(days=6)) == 0
        assert forget_old_requests(now=timezone.now() + timedelta(days=8)) == 1
        assert not IdempotentRequest.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("body", "status", "rows"), [({}, 201, 1), ({"fail": "conflict"}, 409, 0)])
def test_many_at_once_get_one_answer(body: dict[str, str], status: int, rows: int) -> None:
    user, together = make_user(), threading.Barrier(6)
    answers = []

    def send_now() -> None:
        try:
            together.wait(10)
            answers.append(send(client_of(user), "k", body))
        finally:
            connection.close()

    threads = [threading.Thread(target=send_now) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert [answer.status_code for answer in answers] == [status] * 6
    assert len({answer.content for answer in answers}) == 1
    assert AuditEvent.objects.filter(subject_id=SUBJECT).count() == rows
    assert IdempotentRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_writes_that_meet_in_a_deadlock_both_succeed() -> None:
    user, one, other = make_user(), make_user(), make_user()
    TransferView.together, TransferView.attempts = threading.Barrier(2), []
    answers = []

    def transfer(first: User, second: User) -> None:
        try:
            client = client_of(user)
            body, headers = {"people": [first.pk, second.pk]}, {"Idempotency-Key": str(first.pk)}
            answers.append(client.post("/transfer", body, format="json", headers=headers))
            TransferView.together.abort()  # the second attempt of the other one waits for nobody
        finally:
            connection.close()

    threads = [threading.Thread(target=transfer, args=pair) for pair in [(one, other), (other, one)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(TransferView.attempts) == 3  # the loser of the deadlock came again
    assert set(User.objects.exclude(pk=user.pk).values_list("first_name", "last_name")) == {("changed", "changed")}


@pytest.mark.django_db(transaction=True)
class TestWhatIsSlowComesBefore:
    """An upload to the object store holds no transaction open, and is not made again for a repetition."""

    @pytest.fixture(autouse=True)
    def _nothing_noted(self) -> None:
        StoringView.in_transaction.clear()

    def store(self, body: Any = None, *, key: str = "k") -> Any:
        return self.client.post("/store", body or {}, format="json", headers={"Idempotency-Key": key})

    @pytest.fixture(autouse=True)
    def _signed_in(self) -> None:
        self.client = client_of(make_user())

    def test_it_is_done_outside_of_the_transaction_that_keeps_the_answer(self) -> None:
        assert self.store().json() == {"prepared": "stored", "in_transaction": True}
        assert StoringView.in_transaction == [False]

    def test_a_repetition_gets_the_kept_answer_without_it(self) -> None:
        first, second = self.store(), self.store()
        assert second.json() == first.json()
        assert second.headers["Idempotency-Replayed"] == "true"
        assert StoringView.in_transaction == [False]
        assert self.store({"other": 1}).json()["type"] == "idempotency_key_reused"
        assert AuditEvent.objects.filter(subject_id=SUBJECT).count() == 1

    def test_its_refusal_is_an_answer_like_the_handlers(self) -> None:
        first, second = self.store({"fail": 1}), self.store({"fail": 1})
        assert (first.status_code, second.status_code) == (409, 409)
        assert second.headers["Idempotency-Replayed"] == "true"
        assert not AuditEvent.objects.filter(subject_id=SUBJECT).exists()
