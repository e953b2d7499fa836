"""Blobs in S3 or anything that speaks its protocol. Credentials come from the environment, as boto3 reads it."""

import hashlib
import secrets
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from engine.contracts.blobs import BlobRef
from engine.storage.blobs import (
    BlobMissing,
    Content,
    as_stream,
    attachment,
    check_digest,
    check_name,
    chunks,
    copy_verified,
)

MULTIPART_BYTES = 16 * 1024 * 1024
SPOOL_BYTES = 8 * 1024 * 1024


class S3Store:
    """A bucket, or a prefix in one."""

    def __init__(
        self, *, bucket: str, prefix: str = "", endpoint_url: str | None = None, region: str | None = None
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self._endpoint_url = endpoint_url
        self._region = region

    def put(self, data: Content, *, media_type: str) -> BlobRef:
        stream = as_stream(data)
        try:
            # The name is the digest, so a stream is read once to know it and once more to send it.
            with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
                digest, size_bytes = hashlib.sha256(), 0
                for chunk in chunks(stream):
                    digest.update(chunk)
                    size_bytes += spool.write(chunk)
                spool.seek(0)
                sha256 = digest.hexdigest()
                if self._size_or_none(sha256) != size_bytes:
                    self._upload(cast(BinaryIO, spool), sha256=sha256, media_type=media_type)
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
        from botocore.exceptions import ClientError

        try:
            answer = self._client.get_object(Bucket=self.bucket, Key=self.key_of(sha256))
        except ClientError as error:
            raise self._explained(error, sha256) from error
        return cast(BinaryIO, answer["Body"])

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
        return self._size_or_none(sha256) is not None

    def size_bytes(self, sha256: str) -> int:
        size_bytes = self._size_or_none(sha256)
        if size_bytes is None:
            raise self._missing(sha256)
        return size_bytes

    def sign(self, sha256: str, *, media_type: str, expires_seconds: int, filename: str | None = None) -> str:
        parameters = {
            "Bucket": self.bucket,
            "Key": self.key_of(sha256),
            "ResponseContentType": media_type,
            "ResponseCacheControl": f"private, max-age={expires_seconds}, immutable",
        }
        if filename:
            parameters["ResponseContentDisposition"] = attachment(filename)
        from engine.storage.s3_urls import presigned

        credentials = self._session.get_credentials().get_frozen_credentials()
        return presigned(self._client, credentials, parameters=parameters, expires_seconds=expires_seconds)

    def key_of(self, sha256: str) -> str:
        """The object's key in the bucket."""
        check_name(sha256)
        return "/".join(part for part in (self.prefix, sha256[:2], sha256) if part)

    def _upload(self, stream: BinaryIO, *, sha256: str, media_type: str) -> None:
        from boto3.s3.transfer import TransferConfig

        self._client.upload_fileobj(
            stream,
            self.bucket,
            self.key_of(sha256),
            ExtraArgs={"ContentType": media_type},
            Config=TransferConfig(multipart_threshold=MULTIPART_BYTES, multipart_chunksize=MULTIPART_BYTES),
        )

    def _size_or_none(self, sha256: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            return int(self._client.head_object(Bucket=self.bucket, Key=self.key_of(sha256))["ContentLength"])
        except ClientError as error:
            explained = self._explained(error, sha256)
            if isinstance(explained, BlobMissing):
                return None
            raise

    def _explained(self, error: Any, sha256: str) -> Exception:
        """BlobMissing where that is the reason, else the error itself: no access is not the same as no object."""
        return self._missing(sha256) if error.response["Error"]["Code"] in {"404", "NoSuchKey"} else error

    def _missing(self, sha256: str) -> BlobMissing:
        return BlobMissing(
            f"The object {sha256} is not stored.",
            what_to_do=f"Check that every process uses the same storage; this one looks in s3://{self.bucket}/{self.prefix}.",
        )

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.session.Session()

    @cached_property
    def _client(self) -> Any:
        from botocore.config import Config

        return self._session.client(
            "s3",
            endpoint_url=self._endpoint_url,
            region_name=self._region,
            config=Config(
                signature_version="s3v4",
                retries={"max_attempts": 5, "mode": "standard"},
                connect_timeout=10,
                read_timeout=60,
            ),
        )
