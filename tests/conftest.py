"""Fixtures for all tests. Integration and e2e tests run on the embedded PostgreSQL and Redis (or configured ones)."""

import os
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings.test")

from engine.embedded import postgres, redis
from tests.emptied_tables import empty_instead_of_flushing


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Before the test database (one for each process) is made: start the embedded server, if no other is configured,
    and name the database that it is copied from.
    """
    if not os.environ.get("DATABASE_URL"):
        from tests.migrated_template import migrated_template

        postgres.ensure_running()
        with django_db_blocker.unblock():
            connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template()
    empty_instead_of_flushing()


@pytest.fixture(scope="session")
def broker_url() -> str:
    """Address of a running broker: the configured one, or a database of the embedded Redis."""
    if not os.environ.get("CELERY_BROKER_URL"):
        redis.ensure_running()
    return str(settings.CELERY_BROKER_URL)


# Pages that draw in 3D: two software renderers beside each other take longer than one after the other.
DRAWN = tuple(f"tests/e2e/test_{page}" for page in ("alignment", "looks", "review", "selection", "voting"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where tests run beside each other: those of a file together, as they share fixtures, and one page in 3D."""
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class FilesTogether(LoadScopeScheduling):  # type: ignore[misc]  # it has no annotations
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "drawn" if file.startswith(DRAWN) else file

    return FilesTogether(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why a test that passed at its second try had failed at its first: nothing else keeps it."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.line(report.longreprtext)
