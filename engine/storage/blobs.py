"""The object store: bytes named by their SHA-256, in a local folder or in S3. Free of Django, for workers too.

    store = open_store(None, var=Path("var"))                    # folder var/blobs
    store = open_store("s3://bucket/prefix?region=eu-west-1", var=Path("var"))
    ref = store.put(b"...", media_type="model/gltf-binary")
    store.fetch(ref.sha256, to=Path("mesh.glb"))

Storing the same content again is free and harmless: it lands under the same name.
"""

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from engine.contracts.blobs import BlobRef
from engine.errors import LatheError, NotFound

CHUNK_BYTES = 1024 * 1024

Content = bytes | Path | BinaryIO


class BlobMissing(NotFound):
    """No object of that digest is stored."""

    code = "blob_missing"


class BlobCorrupt(LatheError):
    """What is stored under a digest has another content."""

    status_code = 500
    code = "blob_corrupt"


class StorageMisconfigured(LatheError):
    """The storage address cannot be used; the message says what it should look like."""

    status_code = 500
    code = "storage_misconfigured"


class BlobStore(Protocol):
    """Content-addressed storage. Digests are 64 lower-case hexadecimal digits."""

    def put(self, data: Content, *, media_type: str) -> BlobRef:
        """Store `data` durably and name it. Files and streams are read in chunks, never whole."""

    def get(self, sha256: str) -> bytes:
        """The whole content, verified.

        Raises:
            BlobMissing, BlobCorrupt.
        """

    def open(self, sha256: str) -> BinaryIO:
        """A stream of the content, to be closed by the caller. Not verified; `fetch` is.

        Raises:
            BlobMissing.
        """

    def fetch(self, sha256: str, to: Path) -> Path:
        """Copy the content to the file `to` and return it. The file appears only when whole and verified.

        Raises:
            BlobMissing, BlobCorrupt.
        """

    def exists(self, sha256: str) -> bool:
        """Whether an object of that digest is stored."""

    def size_bytes(self, sha256: str) -> int:
        """Size of the stored object.

        Raises:
            BlobMissing.
        """

    def sign(self, sha256: str, *, media_type: str, expires_seconds: int, filename: str | None = None) -> str:
        """A URL that gives the content to whoever holds it, until it expires."""


def open_store(
    url: str | None, *, var: Path, signing_key: bytes | None = None, url_prefix: str = "/api/v1/blobs/"
) -> BlobStore:
    """The store at `url`: None (folder `var/blobs`), `file:///folder`, or `s3://bucket/prefix?endpoint_url=…&region=…`.

    Args:
        signing_key: makes the signed URLs of a local store; needed by the web process alone.
        url_prefix: where the web process serves a local store.

    Raises:
        StorageMisconfigured: another scheme, or no bucket.
    """
    from engine.storage.local import LocalStore

    parts = urlsplit(url or "")
    if not url:
        return LocalStore(var / "blobs", signing_key=signing_key, url_prefix=url_prefix)
    if parts.scheme == "file" and parts.path:
        return LocalStore(Path(unquote(parts.path)), signing_key=signing_key, url_prefix=url_prefix)
    if parts.scheme == "s3" and parts.netloc:
        from engine.storage.s3 import S3Store

        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if unknown := sorted(set(options) - {"endpoint_url", "region"}):
            raise StorageMisconfigured(
                f"The storage address has unknown options: {', '.join(unknown)}.",
                what_to_do="Use endpoint_url and region; credentials come from the environment as boto3 reads it.",
            )
        return S3Store(
            bucket=parts.netloc,
            prefix=parts.path.strip("/"),
            endpoint_url=options.get("endpoint_url"),
            region=options.get("region"),
        )
    raise StorageMisconfigured(
        f"{url!r} is no storage address.",
        what_to_do="Set LATHE_STORAGE_URL to file:///folder or s3://bucket/prefix?endpoint_url=…&region=….",
    )


def chunks(stream: BinaryIO, *, limit_bytes: int | None = None) -> Iterator[bytes]:
    """The content of `stream` from its position, in pieces, at most `limit_bytes` of it."""
    left = limit_bytes
    while left is None or left > 0:
        chunk = stream.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
        if not chunk:
            return
        if left is not None:
            left -= len(chunk)
        yield chunk


def as_stream(data: Content) -> BinaryIO:
    """`data` as a stream to read from; the caller closes it."""
    if isinstance(data, bytes | bytearray | memoryview):
        return io.BytesIO(data)
    if isinstance(data, Path):
        return data.open("rb")
    return data


def copy_verified(source: BinaryIO, target: BinaryIO, *, sha256: str) -> None:
    """Copy and check the digest on the way.

    Raises:
        BlobCorrupt: the content is not what its name says.
    """
    digest = hashlib.sha256()
    for chunk in chunks(source):
        digest.update(chunk)
        target.write(chunk)
    check_digest(digest.hexdigest(), sha256=sha256)


def verify(store: BlobStore, sha256: str) -> None:
    """Read the whole object and compare its digest, in little memory.

    Raises:
        BlobMissing, BlobCorrupt.
    """
    digest = hashlib.sha256()
    with store.open(sha256) as stream:
        for chunk in chunks(stream):
            digest.update(chunk)
    check_digest(digest.hexdigest(), sha256=sha256)


def attachment(filename: str) -> str:
    """The Content-Disposition of a download under a name that no header or file system stumbles over."""
    return f'attachment; filename="{re.sub(r"[^A-Za-z0-9_. -]", "_", filename)}"'


def check_digest(found: str, *, sha256: str) -> None:
    """Compare digests.

    Raises:
        BlobCorrupt: they differ.
    """
    if found != sha256:
        raise BlobCorrupt(
            f"The object {sha256} is damaged: its content has the digest {found}.",
            what_to_do="Restore it from a backup; `manage.py storage verify` lists every damaged object.",
        )


def check_name(sha256: str) -> str:
    """`sha256` itself, if it is a digest: it becomes part of paths and keys.

    Raises:
        BlobMissing: it is not one, so nothing has that name.
    """
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise BlobMissing(f"{sha256[:80]!r} is no SHA-256 digest.", what_to_do="Give 64 lower-case hexadecimal digits.")
    return sha256
