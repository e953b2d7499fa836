"""Counting what a request asks the database: statements that bear on data, not the savepoints around them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

MOST_OF_A_REQUEST = 12


@contextmanager
def at_most(most: int) -> Iterator[None]:
    """Fail where more statements than `most` are made inside."""
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield
    assert len(statements) <= most, f"{len(statements)} queries, {most} allowed\n" + "\n".join(statements)
