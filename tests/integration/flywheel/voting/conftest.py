"""A store of its own for each test, no broker, and people who vote."""

from pathlib import Path
from typing import Any

import pytest

from engine.celery import app
from engine.workforce.models import Role, User
from tests import factories as make


@pytest.fixture(autouse=True)
def own_store(settings: Any, tmp_path: Path) -> None:
    settings.LATHE_STORAGE_URL = (tmp_path / "blobs").as_uri()


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What a broker would hold: (task, arguments)."""
    messages: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(app, "send_task", lambda name, kwargs=None, **options: messages.append((name, kwargs or {})))
    return messages


@pytest.fixture
def voter(db: None) -> User:
    return make.make_user(Role.ANNOTATOR, username="ann")


@pytest.fixture
def other_voter(db: None) -> User:
    return make.make_user(Role.ANNOTATOR, username="bob")


@pytest.fixture
def engineer(db: None) -> User:
    return make.make_user(Role.ML_ENGINEER, username="eng")
