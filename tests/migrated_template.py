"""A database with all tables, made once for each set of migrations; test databases are copies of it.

Applying all migrations takes seconds of a core, a copy a fraction: it is kept beside them in the embedded PostgreSQL.
"""

import fcntl
import hashlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from engine.embedded.places import var_folder

PREFIX = "test_template_"


def migrated_template() -> str:
    """The template's name; whoever comes first makes it, and drops those of other migrations."""
    name = PREFIX + digest_of_migrations()
    with _one_at_a_time(), connection._nodb_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
        found = {row[0] for row in cursor.fetchall()}
        if name not in found:
            for other in found:
                cursor.execute(f'DROP DATABASE "{other}"')
            unfinished = f"{PREFIX}unfinished"
            cursor.execute(f'CREATE DATABASE "{unfinished}"')
            with _connected_to(unfinished):
                call_command("migrate", verbosity=0, interactive=False)
            cursor.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
    return name


def digest_of_migrations() -> str:
    """Of the sources of all migrations of all apps."""
    migrations = MigrationLoader(None).disk_migrations
    digest = hashlib.sha256()
    for key in sorted(migrations):
        digest.update(repr(key).encode() + inspect.getsource(inspect.getmodule(type(migrations[key]))).encode())
    return digest.hexdigest()[:16]


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (var_folder() / "test_template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _connected_to(name: str) -> Iterator[None]:
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
