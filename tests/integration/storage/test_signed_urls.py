"""Signed URLs of the local store, over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from engine.storage import services, url_tokens
from engine.storage.models import Blob

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(100))


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path: Path) -> None:
    settings.LATHE_STORAGE_URL = tmp_path.as_uri()


@pytest.fixture
def blob() -> Blob:
    return services.put_blob(data=CONTENT, media_type="model/gltf-binary")


def get(url: str, **headers: str) -> Any:
    """The answer, read to its end (`body`)."""
    answer: Any = Client().get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer.body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return answer


def test_the_holder_of_the_url_gets_the_object_and_learns_nothing_else(blob: Blob) -> None:
    url = services.signed_url(blob=blob)
    answer = get(url, accept="model/gltf-binary")
    assert (answer.status_code, answer.body) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "model/gltf-binary"
    assert answer.headers["Content-Length"] == "100"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("private, max-age=")
    assert answer.headers["Cache-Control"].endswith(", immutable")
    assert "Content-Disposition" not in answer.headers
    assert blob.sha256[:8] not in url + str(answer.headers)


def test_reading_asks_the_database_nothing(blob: Blob, django_assert_num_queries) -> None:
    url = services.signed_url(blob=blob)
    with django_assert_num_queries(0):
        assert get(url).status_code == 200


@pytest.mark.parametrize(
    ("asked", "content_range", "expected"),
    [
        ("bytes=0-9", "bytes 0-9/100", CONTENT[:10]),
        ("bytes=90-", "bytes 90-99/100", CONTENT[90:]),
        ("bytes=-5", "bytes 95-99/100", CONTENT[-5:]),
        ("bytes=95-400", "bytes 95-99/100", CONTENT[95:]),
        ("bytes=-400", "bytes 0-99/100", CONTENT),
    ],
)
def test_ranges(blob: Blob, asked: str, content_range: str, expected: bytes) -> None:
    answer = get(services.signed_url(blob=blob), range=asked)
    assert (answer.status_code, answer.headers["Content-Range"], answer.body) == (206, content_range, expected)


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=5-4", "bytes=-0"])
def test_ranges_outside_the_object(blob: Blob, asked: str) -> None:
    answer = get(services.signed_url(blob=blob), range=asked)
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */100")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=a-b"])
def test_ranges_that_are_not_served_get_the_whole_object(blob: Blob, asked: str) -> None:
    answer = get(services.signed_url(blob=blob), range=asked)
    assert (answer.status_code, answer.body) == (200, CONTENT)


def test_a_copy_that_is_still_right_is_not_sent_again(blob: Blob) -> None:
    url = services.signed_url(blob=blob)
    etag = get(url).headers["ETag"]
    assert get(url, if_none_match=etag).status_code == 304
    assert get(url, if_none_match='"other"').status_code == 200
    assert get(url, range="bytes=0-1", if_range=etag).status_code == 206
    assert get(url, range="bytes=0-1", if_range='"other"').status_code == 200


def test_downloads_get_a_harmless_name(blob: Blob) -> None:
    answer = get(services.signed_url(blob=blob, filename='ré"su\r\nmé.glb'))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="r__su__m_.glb"'


def test_an_expired_url_says_what_to_do(blob: Blob, settings) -> None:
    token = url_tokens.sign_token(
        settings.SECRET_KEY.encode(), sha256=blob.sha256, media_type=blob.media_type, expires_seconds=60, now=0
    )
    answer = get(f"/api/v1/blobs/{token}")
    assert (answer.status_code, answer.json()["type"]) == (403, "url_expired")
    assert "Load the task again" in answer.json()["what_to_do"]


def test_an_altered_url_is_refused(blob: Blob) -> None:
    url = services.signed_url(blob=blob)
    assert get(url[:-5] + "AAAAA").json()["type"] == "url_invalid"


def test_an_object_that_is_gone_is_said_to_be_gone(blob: Blob) -> None:
    url = services.signed_url(blob=blob)
    services.store().path_of(blob.sha256).unlink()  # type: ignore[attr-defined]
    assert (get(url).status_code, get(url).json()["type"]) == (404, "blob_missing")
