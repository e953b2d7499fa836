import os
import subprocess
import sys

import pytest
from django.conf import settings

from engine.embedded.places import CHECKOUT

BUNDLE_MANIFEST = settings.VITE_BUNDLE / "manifest.json"


@pytest.fixture
def production() -> dict[str, str]:
    # Browser tests in this process allow what no deployment may.
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "engine.settings.production",
        "LATHE_ALLOWED_HOSTS": "lathe.example",
    }


@pytest.mark.skipif(not BUNDLE_MANIFEST.exists(), reason="one of the checks is that the bundle is built: `make setup`")
def test_pass_djangos_deployment_checks(production: dict[str, str]) -> None:
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"],
        cwd=CHECKOUT,
        env=production,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stderr


def test_debug_cannot_be_switched_on(production: dict[str, str]) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", "from engine.settings import production; print(production.DEBUG)"],
        cwd=CHECKOUT,
        env={**production, "LATHE_DEBUG": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert asked.stdout.strip() == "False"
