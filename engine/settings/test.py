"""Tests: fast password hashes, and a broker of their own so that a running `make serve` never takes their tasks."""

import os

from engine.embedded import redis
from engine.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests that run beside each other (pytest-xdist) have a database of Redis each, as each has one of PostgreSQL.
_BESIDE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or redis.url(database=1 + _BESIDE)
LATHE_SCREENING = dict.fromkeys(LATHE_SCREENING, 0.0)  # noqa: F405  # tests make small and plain photographs
