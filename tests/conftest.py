"""Fixtures for all tests. Integration and e2e tests run on the embedded PostgreSQL and Redis (or configured ones)."""

import os

import pytest
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings.test")

from engine.embedded import postgres, redis


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Before the test database (one for each process) is made: start the embedded server if no other is configured."""
    if not os.environ.get("DATABASE_URL"):
        postgres.ensure_running()


@pytest.fixture(scope="session")
def broker_url() -> str:
    """Address of a running broker: the configured one, or a database of the embedded Redis."""
    if not os.environ.get("CELERY_BROKER_URL"):
        redis.ensure_running()
    return str(settings.CELERY_BROKER_URL)
