"""Permissions by role, for API views: `permission_classes = [HasRole(Role.REVIEWER, Role.ML_ENGINEER)]`."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from engine.workforce.models import Role, User


def person_of(request: Request | HttpRequest) -> User:
    """The signed-in person, for views that let nobody else in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def has_role(user: User | AnonymousUser, *roles: Role) -> bool:
    """Whether `user` has one of `roles`. Administrators have all."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return user.is_superuser or not user.role_names.isdisjoint({Role.ADMIN.value, *(role.value for role in roles)})


class _RolePermission(BasePermission):
    roles: tuple[Role, ...] = ()

    @property
    def message(self) -> str:
        return f"This needs the role {' or '.join(role.value for role in self.roles)}. Ask an administrator for it."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return has_role(request.user, *self.roles)


def HasRole(*roles: Role) -> type[BasePermission]:  # noqa: N802  (a class comes out)
    """Make a DRF permission that lets in people with one of `roles` (administrators always)."""
    return type("HasRole", (_RolePermission,), {"roles": roles})
