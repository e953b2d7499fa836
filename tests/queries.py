"""Counting what a request asks the database: statements that bear on data, not the savepoints around them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.http import HttpResponse

from engine.workforce.models import Role

MOST_OF_A_REQUEST = 12
MOST_OF_A_PAGE = 8  # of what annotators and artists wait for
OTHER_ROLES = {Role.REVIEWER, Role.ML_ENGINEER, Role.ADMIN}


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are made inside."""
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


@contextmanager
def at_most(most: int) -> Iterator[None]:
    """Fail where more statements than `most` are made inside."""
    with counted() as statements:
        yield
    check(statements, most=most)


def check(statements: list[str], *, most: int, asked: str = "") -> None:
    """Fail where there are more statements than `most`."""
    assert len(statements) <= most, f"{asked} {len(statements)} queries, {most} allowed\n" + "\n".join(statements)


def most_of(response: HttpResponse) -> int:
    """How many queries the view that gave `response` may make: fewer where annotators or artists reach it."""
    view = getattr(getattr(response, "resolver_match", None), "func", None)
    permissions = getattr(getattr(view, "cls", None), "permission_classes", None)
    if permissions is None:
        return MOST_OF_A_REQUEST
    roles = {role for permission in permissions for role in getattr(permission, "roles", ())}
    return MOST_OF_A_REQUEST if roles and roles <= OTHER_ROLES else MOST_OF_A_PAGE
