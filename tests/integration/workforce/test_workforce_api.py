"""Leases, drafts and one's own figures over HTTP, within eight queries each."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from engine.workforce import drafts, people
from engine.workforce.idempotency import IdempotentWrites, WritesNothing
from engine.workforce.models import Role, User, WorkItem
from engine.workforce.permissions import has_role
from tests.factories import make_user
from tests.integration.workforce.steps import claimed, submit, want
from tests.queries import at_most

pytestmark = pytest.mark.django_db
MOST_QUERIES = 8


class Person:
    """Somebody signed in by token, or by session."""

    def __init__(self, user: User, *, by_session: bool = False) -> None:
        self.user = user
        self.http = APIClient()
        if by_session:
            self.http.force_login(user, backend="engine.workforce.authentication.PeopleBackend")
        else:
            self.http.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user).key}")

    def get(self, path: str) -> Any:
        with at_most(MOST_QUERIES):
            return self.http.get(f"/api/v1{path}")

    def post(self, path: str, body: dict[str, Any], *, key: str | None = None) -> Any:
        with at_most(MOST_QUERIES):
            return self.http.post(
                f"/api/v1{path}", body, format="json", headers={"Idempotency-Key": key or str(uuid4())}
            )

    def put(self, path: str, body: dict[str, Any]) -> Any:
        with at_most(MOST_QUERIES):
            return self.http.put(f"/api/v1{path}", body, format="json", headers={"Idempotency-Key": str(uuid4())})


@pytest.fixture(params=["token", "session"])
def person(request: pytest.FixtureRequest) -> Person:
    return Person(make_user(Role.ANNOTATOR), by_session=request.param == "session")


@pytest.fixture
def item(person: Person) -> WorkItem:
    want()
    return claimed(person.user)


def superseded(item: WorkItem) -> None:
    """Let the lease run out and somebody else take the item."""
    claimed(make_user(), now=timezone.now() + timedelta(hours=1))


def test_a_heartbeat_extends_the_lease(person: Person, item: WorkItem) -> None:
    answer = person.post(f"/work-items/{item.id}/heartbeat", {"token": 1})
    assert answer.status_code == 200
    assert answer.json()["token"] == 1
    assert answer.json()["lease_seconds"] == 60
    assert answer.json()["lease_expires_at"] > item.lease_expires_at.isoformat()  # type: ignore[union-attr]


@pytest.mark.parametrize("verb", ["heartbeat", "release", "skip"])
def test_a_superseded_lease_is_told_so(person: Person, item: WorkItem, verb: str) -> None:
    superseded(item)
    answer = person.post(f"/work-items/{item.id}/{verb}", {"token": 1, "reason": "other"})
    assert (answer.status_code, answer.json()["type"]) == (409, "lease_superseded")
    assert "draft is kept" in answer.json()["what_to_do"]


def test_released_and_skipped_items_are_open(person: Person, item: WorkItem) -> None:
    key = "once"
    for _ in range(2):
        assert person.post(f"/work-items/{item.id}/release", {"token": 1}, key=key).status_code == 204
    assert claimed(person.user).fencing_token == 2
    body = {"token": 2, "reason": "unclear", "note": "two chairs"}
    assert person.post(f"/work-items/{item.id}/skip", body).status_code == 204
    item.refresh_from_db()
    assert (item.state, item.barred_user_ids) == ("open", [person.user.pk])


def test_a_skip_names_a_known_reason(person: Person, item: WorkItem) -> None:
    answer = person.post(f"/work-items/{item.id}/skip", {"token": 1, "reason": "boring"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["reason"])


def test_a_draft_is_kept_when_the_lease_is_lost(person: Person, item: WorkItem) -> None:
    path = f"/work-items/{item.id}/draft"
    assert (person.get(path).status_code, person.get(path).json()["type"]) == (404, "no_draft")
    assert person.put(path, {"content": {"strokes": [1, 2]}}).status_code == 200
    superseded(item)
    assert person.put(path, {"content": {"strokes": [1, 2, 3]}}).status_code == 200
    assert person.get(path).json()["content"] == {"strokes": [1, 2, 3]}


def test_nobody_leaves_drafts_on_items_never_given_to_them(person: Person) -> None:
    answer = person.put(f"/work-items/{want().id}/draft", {"content": {}})
    assert (answer.status_code, answer.json()["type"]) == (404, "no_such_work_item")


def test_a_draft_has_a_limit(person: Person, item: WorkItem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "LARGEST_DRAFT", 100)
    answer = person.put(f"/work-items/{item.id}/draft", {"content": "x" * 101})
    assert (answer.status_code, answer.json()["type"]) == (422, "draft_too_large")


def test_drafts_are_private(person: Person, item: WorkItem) -> None:
    person.put(f"/work-items/{item.id}/draft", {"content": 1})
    assert Person(make_user(Role.ADMIN)).get(f"/work-items/{item.id}/draft").status_code == 404


def test_me(person: Person) -> None:
    for duration_ms in (1000, 3000, 80_000):
        want()
        submit(person.user, claimed(person.user), duration_ms=duration_ms)
    yesterday = timezone.now() - timedelta(days=1)
    want(stage="selection")
    submit(person.user, claimed(person.user, stage="selection", now=yesterday), duration_ms=5000, now=yesterday)
    for _ in range(101):
        want(stage="alignment")
    want(), want(barred_user_ids=[person.user.pk]), want(stage="artist")
    assert person.get("/me/").json() == {
        "username": person.user.username,
        "roles": ["annotator"],
        "waiting": {
            "mask": {"count": 1, "more": False},
            "selection": {"count": 0, "more": False},
            "alignment": {"count": 100, "more": True},
            "evaluation": {"count": 0, "more": False},
        },
        "today": {"done": 3, "median_duration_ms": 3000},
        "week": {"done": 4, "median_duration_ms": 4000},
        "stages": {
            "mask": {
                "today": {"done": 3, "median_duration_ms": 3000},
                "week": {"done": 3, "median_duration_ms": 3000},
            },
            "selection": {
                "today": {"done": 0, "median_duration_ms": None},
                "week": {"done": 1, "median_duration_ms": 5000},
            },
        },
        "keys": {},
        "agreement": {},
    }


def test_a_task_that_one_has_begun_still_waits_for_oneself(person: Person) -> None:
    want(stage="selection")
    claimed(person.user, stage="selection")
    other = Person(make_user(Role.ANNOTATOR))
    counts = [who.get("/me/").json()["waiting"]["selection"]["count"] for who in (person, other)]
    assert counts == [1, 0]


def test_me_of_somebody_new() -> None:
    body = Person(make_user(Role.ARTIST, Role.REVIEWER)).get("/me/").json()
    assert body["roles"] == ["artist", "reviewer"]
    assert list(body["waiting"]) == ["artist"]
    assert body["today"] == {"done": 0, "median_duration_ms": None}
    assert body["stages"] == {}


def test_changed_keys_follow_the_person(person: Person) -> None:
    assert person.put("/me/keys/selection", {"bindings": {"undo": "Shift+KeyB"}}).status_code == 200
    assert person.put("/me/keys/masks", {"bindings": {"brush": "Digit1"}}).status_code == 200
    assert person.get("/me/").json()["keys"] == {"selection": {"undo": "Shift+KeyB"}, "masks": {"brush": "Digit1"}}
    person.put("/me/keys/masks", {"bindings": {}})
    assert person.get("/me/").json()["keys"] == {"selection": {"undo": "Shift+KeyB"}}
    assert Person(make_user(Role.ANNOTATOR)).get("/me/").json()["keys"] == {}


@pytest.mark.parametrize(
    "bindings", [{"undo": "<script>"}, {"undo": ""}, {"x" * 61: "KeyA"}, {str(n): "KeyA" for n in range(201)}]
)
def test_what_is_no_key_is_not_kept(person: Person, bindings: dict[str, str]) -> None:
    answer = person.put("/me/keys/selection", {"bindings": bindings})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["bindings"])
    assert person.get("/me/").json()["keys"] == {}


def test_unknown_tokens_and_switched_off_accounts_are_refused() -> None:
    stranger = APIClient()
    stranger.credentials(HTTP_AUTHORIZATION="Token nonsense")
    assert stranger.get("/api/v1/me/").status_code == 401
    gone = Person(make_user(Role.ANNOTATOR, is_active=False))
    assert gone.get("/me/").status_code == 401
    assert APIClient().get("/api/v1/me/").status_code == 401


def test_roles() -> None:
    annotator, admin = make_user(Role.ANNOTATOR), make_user(Role.ADMIN)
    assert has_role(annotator, Role.ANNOTATOR, Role.REVIEWER)
    assert not has_role(annotator, Role.REVIEWER)
    assert has_role(admin, Role.REVIEWER)
    assert has_role(make_user(is_superuser=True), Role.ARTIST)
    assert not has_role(make_user(Role.ADMIN, is_active=False), Role.ADMIN)
    assert not has_role(AnonymousUser(), Role.ANNOTATOR)


def test_people_are_made_once_and_gain_roles() -> None:
    people.create_person(username="mira", password="first words", roles=[Role.ANNOTATOR])
    mira = people.create_person(username="mira", password="second words", roles=[Role.ML_ENGINEER])
    mira = User.objects.with_roles().get(pk=mira.pk)
    assert mira.role_names == {"annotator", "ml_engineer"}
    assert mira.check_password("second words")
    assert (mira.is_staff, mira.is_superuser) == (True, False)


def api_views(patterns: list[URLPattern | URLResolver] | None = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from api_views(pattern.url_patterns, route)
        elif route.startswith("api/v1/") and hasattr(pattern.callback, "cls"):
            yield route, pattern.callback.cls


def test_every_write_of_every_room_takes_an_idempotency_key() -> None:
    writing = {
        route: view
        for route, view in api_views()
        if route != "api/v1/auth/token/" and any(hasattr(view, verb) for verb in ("post", "put", "patch", "delete"))
    }
    assert "api/v1/work-items/<uuid:work_item_id>/skip" in writing
    assert [route for route, view in writing.items() if not issubclass(view, (IdempotentWrites, WritesNothing))] == []
