"""Signed URLs of the local store: a sealed token that says nothing to its holder and cannot be altered.

AES-SIV is deterministic: the same object signed twice within one window of expiry gets the same URL, so that a page
opened again finds its meshes in the browser's cache.
"""

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import Forbidden

if TYPE_CHECKING:  # workers open stores and never sign: they need not install it
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PURPOSE = b"lathe blob url 1"


class UrlExpired(Forbidden):
    """The signed URL was good once."""

    code = "url_expired"


class UrlInvalid(Forbidden):
    """The token was not made by this engine, or was altered."""

    code = "url_invalid"


@dataclass(frozen=True)
class BlobGrant:
    """What a token gives: one object, as this media type, until `expires_at` (Unix seconds)."""

    sha256: str
    media_type: str
    expires_at: int
    filename: str | None


def sign_token(
    key: bytes,
    *,
    sha256: str,
    media_type: str,
    expires_seconds: int,
    filename: str | None = None,
    now: float | None = None,
) -> str:
    """A token for one object, good for `expires_seconds` to twice as long (rounded up to keep URLs stable)."""
    window = max(1, expires_seconds)
    expires_at = (int(time.time() if now is None else now) // window + 2) * window
    content = json.dumps([sha256, media_type, expires_at, filename], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_cipher(key).encrypt(content, [PURPOSE])).rstrip(b"=").decode()


def read_token(key: bytes, token: str, *, now: float | None = None) -> BlobGrant:
    """What the token grants.

    Raises:
        UrlInvalid: not made with `key`.
        UrlExpired: too old.
    """
    from cryptography.exceptions import InvalidTag

    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        content = _cipher(key).decrypt(sealed, [PURPOSE])
    except (ValueError, InvalidTag) as error:
        raise UrlInvalid(
            "This link was not made by this engine.", what_to_do="Load the task again: it carries fresh links."
        ) from error
    grant = BlobGrant(*json.loads(content))
    if grant.expires_at <= (time.time() if now is None else now):
        raise UrlExpired("This link has expired.", what_to_do="Load the task again: it carries fresh links.")
    return grant


def opaque_tag(key: bytes, sha256: str) -> str:
    """An entity tag that stands for the content without telling its digest."""
    return hashlib.blake2b(sha256.encode(), key=_derived(key, b"etag"), digest_size=12).hexdigest()


def _cipher(key: bytes) -> "AESSIV":
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(_derived(key, b"url"))


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=64, person=purpose.ljust(16, b"\0")).digest()
