"""How PostgreSQL is started where we are root; the commands are looked at, not run."""

import os
from pathlib import Path

import pytest

from engine.embedded import service_account


def test_a_normal_user_runs_the_server_as_himself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert service_account.ids() is None
    assert service_account.prefix(must_reach=[tmp_path]) == []


def test_closed_folders_need_the_capability_and_open_ones_do_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service_account, "ids", lambda: (123, 456))
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(service_account, "_open_to_others", lambda folder: folder.name == "open")

    as_account = ["/bin/setpriv", "--reuid=123", "--regid=456", "--clear-groups"]
    assert service_account.prefix(must_reach=[tmp_path / "open"]) == as_account
    assert "--ambient-caps=+dac_override" in service_account.prefix(must_reach=[tmp_path / "open", tmp_path / "closed"])


def test_says_what_to_do_without_setpriv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(service_account, "ids", lambda: (123, 456))
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(service_account.NoServiceAccountError, match="DATABASE_URL"):
        service_account.prefix(must_reach=[tmp_path])
