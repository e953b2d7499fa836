"""A database of its own on the configured server, so that measuring never touches anybody's data."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django

END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@contextmanager
def scratch_database() -> Iterator[None]:
    """Make a migrated, empty database, let Django use it inside the block, and drop it afterwards."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings")
    django.setup()
    from django.db import connection

    from engine.embedded import postgres

    if not os.environ.get("DATABASE_URL"):
        postgres.ensure_running()
    name = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"lathe_benchmark_{os.getpid()}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(END_OTHERS)  # a server that was just ended, a thread of the benchmark
        connection.creation.destroy_test_db(name, verbosity=0)
