"""`manage.py create_people` makes logins that work."""

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def test_a_person_can_sign_in_with_the_password_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LATHE_PASSWORD", "correct horse battery")
    call_command("create_people", "ada=annotator,reviewer", "mel=ml_engineer")
    person = authenticate(username="ada", password="correct horse battery")
    assert person is not None
    assert set(person.groups.values_list("name", flat=True)) == {"annotator", "reviewer"}
    assert "ada: annotator, reviewer\nmel: ml_engineer" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["ada=emperor", "ada", "=annotator", "ada="])
def test_what_is_no_person_with_known_roles_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LATHE_PASSWORD", "correct horse battery")
    with pytest.raises(CommandError, match="annotator"):
        call_command("create_people", text)
