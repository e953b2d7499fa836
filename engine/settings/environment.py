"""Reading settings from environment variables."""

import os
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from engine.embedded import postgres


def flag(name: str) -> bool:
    """Whether variable `name` is switched on."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def words(name: str, default: str) -> list[str]:
    """The comma-separated words of variable `name`."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def database() -> dict[str, Any]:
    """Django's connection settings: `DATABASE_URL`, or the embedded server where it is not set."""
    common: dict[str, Any] = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    url = os.environ.get("DATABASE_URL")
    if not url:
        return common | {
            "ENGINE": "engine.embedded.database",
            "NAME": postgres.DATABASE,
            "USER": postgres.SUPERUSER,
            "HOST": postgres.host(),
            "PORT": str(postgres.PORT),
        }
    parameters = conninfo_to_dict(url)
    return common | {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parameters.pop("dbname", ""),
        "USER": parameters.pop("user", ""),
        "PASSWORD": parameters.pop("password", ""),
        "HOST": parameters.pop("host", ""),
        "PORT": str(parameters.pop("port", "")),
        "OPTIONS": parameters,
    }
