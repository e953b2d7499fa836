"""Tests: fast password hashes, and a broker of their own so that a running `make serve` never takes their tasks."""

from engine.settings.base import *  # noqa: F403
from engine.settings.base import os, redis

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or redis.url(database=1)
