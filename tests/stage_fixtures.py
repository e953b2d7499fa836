"""What the integration tests of Stages 2, 2.5 and 3 share."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from engine import dispatch
from engine.lifecycle import State
from engine.workforce.models import User

MAX_QUERIES = 8
MAX_QUERIES_OF_SUBMIT = 12  # it also moves the target on; what the next room then opens is counted there


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path: Path) -> None:
    settings.LATHE_STORAGE_URL = (tmp_path / "blobs").as_uri()


@pytest.fixture
def handed_over(monkeypatch) -> list[State]:
    """States that targets entered; the services of other rooms are not called."""
    states: list[State] = []
    monkeypatch.setattr(dispatch, "enter", lambda *, state, target_id: states.append(state))
    return states


class Desk:
    """A signed-in page. It counts the queries of every request, and remembers all that it was told."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.client = APIClient()
        self.client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user).key}")
        self.seen: list[str] = []

    def get(self, path: str, **headers: str) -> Any:
        return self._ask(lambda: self.client.get(path, headers=headers), most=MAX_QUERIES)

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None, kind: str = "json") -> Any:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        ends = path.endswith(("/submit", "/accept", "/return", "/decline", "/choose", "/shelve"))
        return self._ask(
            lambda: self.client.post(path, body or {}, format=kind, headers=headers),
            most=MAX_QUERIES_OF_SUBMIT if ends else MAX_QUERIES,
        )

    def _ask(self, call: Any, *, most: int) -> Any:
        with CaptureQueriesContext(connection) as queries:
            response = call()
        statements = [
            query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))
        ]
        assert len(statements) <= most, f"{len(statements)} queries\n" + "\n".join(statements)
        response.body = b"".join(response.streaming_content) if response.streaming else response.content
        self.seen.append(str(dict(response.items())))
        self.seen.append(response.body.decode(errors="replace"))
        return response
