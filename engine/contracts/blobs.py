"""References into the object store."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BlobRef:
    """A stored object, named by its content."""

    sha256: str
    media_type: str
    size_bytes: int
