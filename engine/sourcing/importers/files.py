"""Reading files of unknown size and place, and naming sources."""

import hashlib
from pathlib import Path

from engine.sourcing.models import Image
from engine.sourcing.photographs import MAX_BYTES, ImageRefused

SOURCE_LENGTH = Image._meta.get_field("source").max_length or 200


class ImageMissing(ImageRefused):
    """The photograph that an annotation names is not there."""

    code = "image_missing"


def read_limited(path: Path) -> bytes:
    """Read a file that may be far too large.

    Raises:
        ImageMissing: there is no such file.
        ImageRefused: it is larger than a photograph may be.
    """
    if not path.is_file():
        raise ImageMissing(f"There is no file {path}.", what_to_do="Check the folder of images, then import again.")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ImageRefused(f"The file is larger than {MAX_BYTES / 1e6:.0f} MB.", what_to_do="Scale the image down.")
    return data


def source_name(*parts: str) -> str:
    """Join parts to a source; one that is too long for its column ends in a digest of the whole."""
    source = "/".join(parts)
    if len(source) <= SOURCE_LENGTH:
        return source
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    return f"{source[: SOURCE_LENGTH - 17]}~{digest}"
