"""Several management commands in one process, as the demo runs them."""

from typing import Any

import pytest

from engine.workforce.models import User
from scripts.commands import main

pytestmark = pytest.mark.django_db


def test_commands_run_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_PASSWORD", "a long enough password")
    assert main([["create_people", "zoe=annotator"], ["create_people", "zoe=annotator", "yan=artist"]]) == 0
    assert set(User.objects.filter(username__in=["zoe", "yan"]).values_list("username", flat=True)) == {"zoe", "yan"}


def test_the_first_that_fails_ends_it_and_is_named(capsys: Any) -> None:
    assert main([["import_folder", "/nowhere", "--name", "gone"], ["create_people", "zoe=annotator"]]) == 1
    assert "manage.py import_folder /nowhere --name gone failed" in capsys.readouterr().err
    assert not User.objects.filter(username="zoe").exists()
