"""Blobs in a local folder: `ab/cd/abcd…`, two levels so that no folder grows huge."""

import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from engine.contracts.blobs import BlobRef
from engine.storage.blobs import (
    BlobMissing,
    Content,
    StorageMisconfigured,
    as_stream,
    check_digest,
    check_name,
    chunks,
    copy_verified,
)
from engine.storage.url_tokens import sign_token

INCOMING = "incoming"


class LocalStore:
    """A folder of blobs. A file appears under its digest only when it is whole and on disk."""

    def __init__(self, folder: Path, *, signing_key: bytes | None = None, url_prefix: str = "/api/v1/blobs/") -> None:
        self.folder = folder
        self._signing_key = signing_key
        self._url_prefix = url_prefix

    def put(self, data: Content, *, media_type: str) -> BlobRef:
        stream = as_stream(data)
        try:
            with self._draft() as (draft, file):
                digest, size_bytes = hashlib.sha256(), 0
                for chunk in chunks(stream):
                    digest.update(chunk)
                    size_bytes += file.write(chunk)
                sha256 = digest.hexdigest()
                target = self.path_of(sha256)
                if not (target.is_file() and target.stat().st_size == size_bytes):
                    _publish(draft, file, target)
        finally:
            if stream is not data:
                stream.close()
        return BlobRef(sha256=sha256, media_type=media_type, size_bytes=size_bytes)

    def get(self, sha256: str) -> bytes:
        with self.open(sha256) as stream:
            content = stream.read()
        check_digest(hashlib.sha256(content).hexdigest(), sha256=sha256)
        return content

    def open(self, sha256: str) -> BinaryIO:
        try:
            return self.path_of(sha256).open("rb")
        except FileNotFoundError as error:
            raise _missing(sha256, self.folder) from error

    def fetch(self, sha256: str, to: Path) -> Path:
        draft = to.with_name(f".{to.name}.{secrets.token_hex(6)}")
        try:
            with self.open(sha256) as source, draft.open("wb") as file:
                copy_verified(source, file, sha256=sha256)
            draft.replace(to)
        finally:
            draft.unlink(missing_ok=True)
        return to

    def exists(self, sha256: str) -> bool:
        return self.path_of(sha256).is_file()

    def size_bytes(self, sha256: str) -> int:
        try:
            return self.path_of(sha256).stat().st_size
        except FileNotFoundError as error:
            raise _missing(sha256, self.folder) from error

    def sign(self, sha256: str, *, media_type: str, expires_seconds: int, filename: str | None = None) -> str:
        if self._signing_key is None:
            raise StorageMisconfigured(
                "This process holds no key to sign URLs of the local store.",
                what_to_do="Sign in the web process, or pass signing_key to open_store.",
            )
        token = sign_token(
            self._signing_key,
            sha256=check_name(sha256),
            media_type=media_type,
            expires_seconds=expires_seconds,
            filename=filename,
        )
        return f"{self._url_prefix}{token}"

    def path_of(self, sha256: str) -> Path:
        """Where the object of that digest lies, or would lie."""
        check_name(sha256)
        return self.folder / sha256[:2] / sha256[2:4] / sha256

    def remove_abandoned_drafts(self, *, older_than_seconds: float) -> int:
        """Remove what writers left that were killed half-way; returns how many files."""
        removed = 0
        for draft in (self.folder / INCOMING).glob("*"):
            with suppress(FileNotFoundError):  # its writer has just finished
                if time.time() - draft.stat().st_mtime > older_than_seconds:
                    draft.unlink()
                    removed += 1
        return removed

    @contextmanager
    def _draft(self) -> Iterator[tuple[Path, BinaryIO]]:
        incoming = self.folder / INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        draft = incoming / secrets.token_hex(16)
        try:
            with draft.open("xb") as file:
                yield draft, file
        finally:
            draft.unlink(missing_ok=True)


def _publish(draft: Path, file: BinaryIO, target: Path) -> None:
    """Give the finished draft its name, so that a crash leaves either nothing or the whole object."""
    file.flush()
    os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    draft.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _missing(sha256: str, folder: Path) -> BlobMissing:
    return BlobMissing(
        f"The object {sha256} is not stored.",
        what_to_do=f"Check that every process uses the same storage; this one looks in {folder}.",
    )
