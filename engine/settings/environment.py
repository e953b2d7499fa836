"""Reading settings from environment variables."""

import os
from typing import Any
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from engine.embedded import postgres, redis
from engine.embedded.places import var_folder

# To people whom nobody here has looked at yet; engineers and administrators are made by hand.
ROLES_GIVEN_UNSEEN = ("annotator", "artist", "reviewer")


def flag(name: str) -> bool:
    """Whether variable `name` is switched on."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def estimates_point_maps() -> bool:
    """Whether a worker estimates point maps: it is said so, or the weights for it are here."""
    return flag("LATHE_DEPTH") or bool(os.environ.get("LATHE_MOGE_WEIGHTS", "").strip())


def words(name: str, default: str) -> list[str]:
    """The comma-separated words of variable `name`."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def origin(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def roles(name: str) -> list[str]:
    """Roles named by variable `name`, as in `annotator,reviewer`.

    Raises:
        ValueError: naming the word that is no role that may be given unseen.
    """
    named = words(name, "")
    for word in named:
        if word not in ROLES_GIVEN_UNSEEN:
            raise ValueError(f"{name}: `{word}` is none of {', '.join(ROLES_GIVEN_UNSEEN)}.")
    return named


def numbers_by_name(name: str, defaults: dict[str, float]) -> dict[str, float]:
    """`defaults`, changed by variable `name` as in `selection=120,artist=86400`.

    Raises:
        ValueError: naming the word that cannot be understood.
    """
    changed = {}
    for word in words(name, ""):
        key, _, number = word.partition("=")
        if key not in defaults or not number.replace(".", "", 1).isdigit():
            raise ValueError(f"{name}: `{word}` is not of the form name=number with a name of {', '.join(defaults)}.")
        changed[key] = float(number)
    return defaults | changed


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


def broker_url() -> str:
    """`CELERY_BROKER_URL`, or the embedded Redis where it is not set."""
    return os.environ.get("CELERY_BROKER_URL") or redis.url()


def storage_url() -> str:
    """`LATHE_STORAGE_URL`, or the folder `var/blobs` where it is not set."""
    return os.environ.get("LATHE_STORAGE_URL") or (var_folder() / "blobs").as_uri()


def openid_connect_app() -> dict[str, Any]:
    """allauth's description of the identity provider at `LATHE_OIDC_SERVER_URL`."""
    return {
        "provider_id": "sso",
        "name": os.environ.get("LATHE_OIDC_NAME", "Single sign-on"),
        "client_id": os.environ.get("LATHE_OIDC_CLIENT_ID", ""),
        "secret": os.environ.get("LATHE_OIDC_SECRET", ""),
        "settings": {"server_url": os.environ["LATHE_OIDC_SERVER_URL"]},
    }
