from pathlib import Path

import pytest

from engine.settings import environment


def test_without_variables_everything_is_embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "LATHE_STORAGE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LATHE_VAR", str(tmp_path))

    assert environment.database()["ENGINE"] == "engine.embedded.database"
    assert environment.database()["HOST"] == str(tmp_path / "postgres")
    assert environment.broker_url() == f"redis+socket://{tmp_path}/redis/redis.sock?virtual_host=0"
    assert environment.storage_url() == f"file://{tmp_path}/blobs"


def test_a_database_url_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann:p%40ss@db.example:6432/lathe?sslmode=require")

    database = environment.database()

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", "6432", "lathe")
    assert (database["USER"], database["PASSWORD"]) == ("ann", "p@ss")
    assert database["OPTIONS"] == {"sslmode": "require"}


def test_configured_broker_and_store_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://broker.example")
    monkeypatch.setenv("LATHE_STORAGE_URL", "s3://bucket/prefix")

    assert environment.broker_url() == "amqp://broker.example"
    assert environment.storage_url() == "s3://bucket/prefix"


@pytest.mark.parametrize(("value", "on"), [("1", True), ("true", True), ("", False), ("0", False), ("no", False)])
def test_flags(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    monkeypatch.setenv("LATHE_DEBUG", value)
    assert environment.flag("LATHE_DEBUG") is on


def test_numbers_by_name_change_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_LEASE_SECONDS", "selection=15, artist=60")
    leases = environment.numbers_by_name("LATHE_LEASE_SECONDS", {"mask": 60, "selection": 300, "artist": 86400})
    assert leases == {"mask": 60, "selection": 15, "artist": 60}


@pytest.mark.parametrize("value", ["selektion=15", "selection", "selection=soon"])
def test_seconds_that_mean_nothing_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LATHE_LEASE_SECONDS", value)
    with pytest.raises(ValueError, match=value):
        environment.numbers_by_name("LATHE_LEASE_SECONDS", {"selection": 300})
