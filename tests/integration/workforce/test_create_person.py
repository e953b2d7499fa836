"""`manage.py create_person` makes logins that work."""

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def test_a_person_can_sign_in_with_the_password_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LATHE_PASSWORD", "correct horse battery")
    call_command("create_person", "ada", "annotator", "reviewer")
    person = authenticate(username="ada", password="correct horse battery")
    assert person is not None
    assert set(person.groups.values_list("name", flat=True)) == {"annotator", "reviewer"}
    assert "ada: annotator, reviewer" in capsys.readouterr().out


def test_an_unknown_role_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_PASSWORD", "correct horse battery")
    with pytest.raises(CommandError, match="annotator"):
        call_command("create_person", "ada", "emperor")
