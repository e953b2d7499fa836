"""`manage.py storage`."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from engine.storage import services

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path: Path) -> None:
    settings.LATHE_STORAGE_URL = tmp_path.as_uri()


def run(action: str) -> str:
    output = StringIO()
    call_command("storage", action, stdout=output, stderr=StringIO())
    return output.getvalue()


def test_stats_add_up_by_media_type() -> None:
    for content, media_type in [(b"12", "image/png"), (b"345", "image/png"), (b"6", "model/gltf-binary")]:
        services.put_blob(data=content, media_type=media_type)
    lines = [line.split() for line in run("stats").splitlines()]
    assert lines == [["2", "5", "bytes", "image/png"], ["1", "1", "bytes", "model/gltf-binary"]]


def test_verify_finds_what_is_damaged_or_missing() -> None:
    whole, damaged, missing = (services.put_blob(data=data, media_type="x/y") for data in (b"a", b"b", b"c"))
    assert run("verify") == "3 objects, all whole.\n"
    path_of = services.store().path_of  # type: ignore[attr-defined]
    path_of(damaged.sha256).write_bytes(b"z")
    path_of(missing.sha256).unlink()
    output = StringIO()
    with pytest.raises(CommandError, match="2 of 3"):
        call_command("storage", "verify", stdout=output)
    assert damaged.sha256 in output.getvalue()
    assert missing.sha256 in output.getvalue()
    assert f"{whole.sha256}  " not in output.getvalue()
