"""A store of its own for each test."""

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def _store_of_the_test(tmp_path: Path, settings: Settings) -> None:
    settings.LATHE_STORAGE_URL = (tmp_path / "blobs").as_uri()
