"""Blobs in S3, over its real wire protocol."""

import hashlib
import io
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from engine.storage import s3, s3_urls
from engine.storage.blobs import BlobCorrupt, BlobMissing, open_store
from engine.storage.s3 import S3Store

BUCKET = "lathe"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> S3Store:
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=BUCKET)
    opened = open_store(f"s3://{BUCKET}/some/prefix?endpoint_url={endpoint}&region=us-east-1", var=tmp_path)
    assert isinstance(opened, S3Store)
    return opened


def test_what_was_put_comes_back(store: S3Store, tmp_path: Path) -> None:
    ref = store.put(b"a mesh", media_type="model/gltf-binary")
    assert (ref.sha256, ref.size_bytes) == (hashlib.sha256(b"a mesh").hexdigest(), 6)
    assert store.key_of(ref.sha256) == f"some/prefix/{ref.sha256[:2]}/{ref.sha256}"
    assert store.get(ref.sha256) == b"a mesh"
    assert store.exists(ref.sha256)
    assert store.size_bytes(ref.sha256) == 6
    assert store.fetch(ref.sha256, tmp_path / "copy").read_bytes() == b"a mesh"
    with store.open(ref.sha256) as stream:
        assert stream.read() == b"a mesh"


def test_large_content_goes_in_parts(store: S3Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parts = []
    content = bytes(range(256)) * (2 * s3.MULTIPART_BYTES // 256) + b"tail"
    file = tmp_path / "large"
    file.write_bytes(content)
    store._client.meta.events.register("before-call.s3.UploadPart", lambda **kwargs: parts.append(1))
    ref = store.put(file, media_type="application/octet-stream")
    assert len(parts) == 3
    assert store.fetch(ref.sha256, tmp_path / "copy").read_bytes() == content


def test_the_same_content_is_sent_once(store: S3Store) -> None:
    sent = []
    store._client.meta.events.register("before-call.s3.PutObject", lambda **kwargs: sent.append(1))
    first = store.put(b"twice", media_type="text/plain")
    assert store.put(io.BytesIO(b"twice"), media_type="text/plain") == first
    assert len(sent) == 1


def test_signed_urls_serve_the_object_with_its_type_and_ranges(store: S3Store) -> None:
    ref = store.put(b"0123456789", media_type="application/octet-stream")
    url = store.sign(ref.sha256, media_type="model/gltf-binary", expires_seconds=60, filename="mesh.glb")
    whole = httpx.get(url)
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    assert whole.headers["content-type"] == "model/gltf-binary"
    assert "private" in whole.headers["cache-control"]
    part = httpx.get(url, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")


def test_a_signed_url_stays_the_same_for_a_while_so_that_browsers_find_it_in_their_cache(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = store.put(b"0123456789", media_type="image/png")
    day = time.time() // 86400 * 86400

    def signed(seconds: float) -> str:
        monkeypatch.setattr(s3_urls, "time", lambda: day + seconds)
        return store.sign(ref.sha256, media_type="image/png", expires_seconds=3600)

    assert signed(1) == signed(3599)
    assert signed(1) != signed(3601)
    expires = parse_qs(urlsplit(signed(3599)).query)["X-Amz-Expires"]
    assert expires == ["7200"], "good for an hour still where it was signed at the end of its window"
    monkeypatch.undo()
    now = store.sign(ref.sha256, media_type="image/png", expires_seconds=3600)
    assert httpx.get(now).content == b"0123456789"


def test_the_signature_is_the_one_that_boto3_gives_at_that_moment(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {"Bucket": BUCKET, "Key": store.key_of("0" * 64), "ResponseContentType": "image/png"}
    theirs = store._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=2)
    (signed_at,) = parse_qs(urlsplit(theirs).query)["X-Amz-Date"]
    moment = datetime.strptime(signed_at, "%Y%m%dT%H%M%S%z").timestamp()
    monkeypatch.setattr(s3_urls, "time", lambda: moment)
    credentials = store._session.get_credentials().get_frozen_credentials()
    assert s3_urls.presigned(store._client, credentials, parameters=parameters, expires_seconds=1) == theirs


def test_damaged_and_missing_objects_are_told_apart(store: S3Store, tmp_path: Path) -> None:
    ref = store.put(b"precious", media_type="text/plain")
    store._client.put_object(Bucket=BUCKET, Key=store.key_of(ref.sha256), Body=b"precio")
    with pytest.raises(BlobCorrupt):
        store.get(ref.sha256)
    with pytest.raises(BlobCorrupt):
        store.fetch(ref.sha256, tmp_path / "copy")
    assert store.put(b"precious", media_type="text/plain") == ref
    assert store.get(ref.sha256) == b"precious"
    assert not store.exists("0" * 64)
    for ask in (store.get, store.open, store.size_bytes):
        with pytest.raises(BlobMissing):
            ask("0" * 64)


def test_no_access_is_not_taken_for_no_object(store: S3Store, endpoint: str) -> None:
    elsewhere = S3Store(bucket="no-such-bucket", endpoint_url=endpoint, region="us-east-1")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        elsewhere.get("0" * 64)
