"""Permissions by role, without a database: roles that were read with the person."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from rest_framework.exceptions import NotAuthenticated

from engine.workforce.models import Role, User
from engine.workforce.permissions import HasRole, has_role, person_of


def person(*roles: Role, **fields: Any) -> User:
    user = User(username="mira", **fields)
    user.read_role_names = [role.value for role in roles]  # type: ignore[attr-defined]
    return user


def request_of(user: User | AnonymousUser) -> Any:
    return SimpleNamespace(user=user)


@pytest.mark.parametrize("role", Role)
def test_each_role_opens_its_own_door_and_administrators_all(role: Role) -> None:
    permission = HasRole(role)()
    for other in Role:
        allowed = permission.has_permission(request_of(person(other)), None)  # type: ignore[arg-type]
        assert allowed == (other in (role, Role.ADMIN))


def test_a_refusal_names_the_role_to_ask_for() -> None:
    assert "reviewer or artist" in HasRole(Role.REVIEWER, Role.ARTIST)().message


def test_switched_off_and_unknown_people_have_no_role() -> None:
    assert not has_role(person(Role.ANNOTATOR, is_active=False), Role.ANNOTATOR)
    assert not has_role(AnonymousUser(), Role.ANNOTATOR)
    with pytest.raises(NotAuthenticated):
        person_of(request_of(AnonymousUser()))
