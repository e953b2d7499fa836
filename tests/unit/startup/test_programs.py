"""What each process of `make serve` may see."""

import importlib.util

import pytest

from engine.serve import programs


@pytest.fixture
def model_worker_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find_spec", lambda name: importlib.util.find_spec("model_workers"))


@pytest.mark.usefixtures("model_worker_is_installed")
def test_model_workers_get_broker_and_store_but_no_way_to_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.delenv("LATHE_STORAGE_URL", raising=False)
    for secret in ("DATABASE_URL", "LATHE_SECRET_KEY", "PGPASSWORD", "LATHE_OIDC_SECRET"):
        monkeypatch.setenv(secret, "secret")

    work, segment = programs.model_workers()

    for program in (work, segment):
        assert "secret" not in program.environment.values()
        assert "DJANGO_SETTINGS_MODULE" not in program.environment
        assert program.environment["CELERY_BROKER_URL"].startswith("redis+socket://")
        assert program.environment["LATHE_STORAGE_URL"].startswith("file://")
    assert "--queues=generate,train,recognise" in work.command
    assert "--queues=segment" in segment.command


def test_where_no_model_workers_are_installed_there_is_no_such_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find_spec", lambda name: None)
    assert programs.model_workers() == []


def test_the_web_server_listens_where_told() -> None:
    program = programs.web(host="127.0.0.1", port=8123)
    assert program.environment["LATHE_BIND"] == "127.0.0.1:8123"
    assert program.listens_to == "http://127.0.0.1:8123"
