"""Blobs and their rows. The row is written after the object is safe, so a row always has its object."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone

from engine.contracts.blobs import BlobRef
from engine.errors import LatheError, Unprocessable
from engine.storage.blobs import BlobCorrupt, BlobMissing, BlobStore, Content, open_store, verify
from engine.storage.local import LocalStore
from engine.storage.models import Blob

DRAFT_SECONDS = 24 * 3600.0  # no upload takes longer


class BlobMismatch(Unprocessable):
    """What a worker said about an object is not what is stored."""

    code = "blob_mismatch"


def store() -> BlobStore:
    """The configured object store."""
    return _opened(settings.LATHE_STORAGE_URL, Path(settings.VAR_DIR), settings.SECRET_KEY)


@lru_cache(maxsize=8)
def _opened(url: str, var: Path, secret_key: str) -> BlobStore:
    return open_store(url, var=var, signing_key=secret_key.encode())


def put_blob(*, data: Content, media_type: str) -> Blob:
    """Store `data` and its row; an object that is there already keeps the media type it first had."""
    return _row(store().put(data, media_type=media_type))


def record_blob(*, ref: BlobRef) -> Blob:
    """The row of an object that a worker stored.

    Raises:
        BlobMissing: it is not in the store (a worker with another storage address, for instance).
        BlobMismatch: its size is not the one named.
    """
    size_bytes = store().size_bytes(ref.sha256)
    if size_bytes != ref.size_bytes:
        raise BlobMismatch(
            f"The object {ref.sha256} has {size_bytes} bytes, not {ref.size_bytes}.",
            what_to_do="Store the object again and reply with what `put` returned.",
        )
    return _row(ref)


def record_blobs(*, refs: Sequence[BlobRef]) -> None:
    """The rows of several objects that are known to be stored, in one statement."""
    Blob.objects.bulk_create(
        [
            Blob(sha256=ref.sha256, media_type=ref.media_type, size_bytes=ref.size_bytes)
            for ref in {ref.sha256: ref for ref in refs}.values()
        ],
        ignore_conflicts=True,
    )


def read_blob(*, blob: Blob) -> bytes:
    """The whole content, verified.

    Raises:
        BlobMissing, BlobCorrupt.
    """
    return store().get(blob.sha256)


def signed_url(*, blob: Blob, filename: str | None = None) -> str:
    """A URL for a browser, signed now; good for LATHE_URL_SECONDS at least. With `filename` it downloads."""
    return store().sign(
        blob.sha256, media_type=blob.media_type, expires_seconds=settings.LATHE_URL_SECONDS, filename=filename
    )


def blob_ref(blob: Blob) -> BlobRef:
    """The row as workers and trainers know it."""
    return BlobRef(sha256=blob.sha256, media_type=blob.media_type, size_bytes=blob.size_bytes)


def remove_abandoned_drafts() -> int:
    """Clear away what killed writers left in a local store. In S3 a lifecycle rule of the bucket does this."""
    opened = store()
    return opened.remove_abandoned_drafts(older_than_seconds=DRAFT_SECONDS) if isinstance(opened, LocalStore) else 0


@dataclass(frozen=True)
class StoredKind:
    """How much is stored of one media type."""

    media_type: str
    count: int
    size_bytes: int


def stored_by_media_type() -> list[StoredKind]:
    """Objects and bytes by media type, by the rows. Reads the whole table."""
    sums = Blob.objects.values("media_type").annotate(count=Count("*"), size_bytes=Sum("size_bytes"))
    return [StoredKind(**values) for values in sums.order_by("media_type")]


def verified_blobs() -> Iterator[tuple[Blob, LatheError | None]]:
    """Every object with what is wrong with it (BlobMissing, BlobCorrupt) or None. Reads the whole store."""
    for blob in Blob.objects.order_by("sha256").iterator(chunk_size=500):
        try:
            verify(store(), blob.sha256)
        except (BlobMissing, BlobCorrupt) as problem:
            yield blob, problem
        else:
            yield blob, None


# One round trip, whether the row is there or not; a row that is there comes back as it is.
ROW = """
INSERT INTO storage_blob (sha256, media_type, size_bytes, created_at)
VALUES (%(sha256)s, %(media_type)s, %(size_bytes)s, %(now)s)
ON CONFLICT (sha256) DO UPDATE SET size_bytes = EXCLUDED.size_bytes
RETURNING *
"""


def _row(ref: BlobRef) -> Blob:
    facts = {"sha256": ref.sha256, "media_type": ref.media_type, "size_bytes": ref.size_bytes, "now": timezone.now()}
    (blob,) = Blob.objects.raw(ROW, facts)
    return blob
