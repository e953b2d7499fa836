"""Random access to WebDataset shards: where every member of every sample lies, found by reading tar headers alone.

An epoch can then visit samples in any order, and go on in its middle, with nothing in memory but this index.
"""

import hashlib
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DOWNLOAD_ATTEMPTS = 3
DOWNLOAD_TIMEOUT_SECONDS = 60


class ShardUnavailable(OSError):
    """A shard cannot be fetched."""


@dataclass(frozen=True)
class ShardSample(Mapping[str, bytes]):
    """One sample as extension → bytes, read from the shard when asked for. `members`: extension → (offset, size)."""

    shard: Path
    key: str
    members: dict[str, tuple[int, int]]

    def __getitem__(self, extension: str) -> bytes:
        offset, size = self.members[extension]
        with self.shard.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)


def index_shard(shard: Path) -> tuple[list[ShardSample], str]:
    """Samples of a shard, and why it breaks off ("" for a whole one); a sample that is cut is left out."""
    samples: list[ShardSample] = []
    key, members = "", dict[str, tuple[int, int]]()
    try:
        with tarfile.open(shard, mode="r:") as archive:
            for member in archive:
                if not member.isfile():
                    continue
                stem, _, extension = Path(member.name).name.partition(".")
                if stem != key:
                    if members:
                        samples.append(ShardSample(shard, key, members))
                    key, members = stem, {}
                members[extension] = (member.offset_data, member.size)
    except (tarfile.TarError, OSError, EOFError) as error:
        return samples, f"{error} (after the sample {samples[-1].key if samples else 'none'})"
    if members:
        samples.append(ShardSample(shard, key, members))
    return samples, ""


def local_shards(shards: Sequence[Path | str], cache: Path) -> list[Path]:
    """Paths as they are; http and https addresses (signed blob URLs) downloaded once into `cache`.

    Raises:
        ShardUnavailable: an address does not answer, after several attempts.
    """
    return [
        _downloaded(shard, cache)
        if isinstance(shard, str) and shard.startswith(("http://", "https://"))
        else Path(shard)
        for shard in shards
    ]


def _downloaded(address: str, cache: Path) -> Path:
    # A signature in the query changes with every request; the path names the content.
    place = urlsplit(address)._replace(query="", fragment="").geturl()
    path = cache / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}-{Path(urlsplit(address).path).name}"
    if path.exists():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    reason = ""
    for _ in range(DOWNLOAD_ATTEMPTS):
        try:
            with (
                urllib.request.urlopen(address, timeout=DOWNLOAD_TIMEOUT_SECONDS) as answer,
                partial.open("wb") as file,
            ):
                while block := answer.read(1 << 20):
                    file.write(block)
            partial.replace(path)
            return path
        except (urllib.error.URLError, OSError) as error:
            reason = str(error)
    raise ShardUnavailable(f"{place} cannot be fetched: {reason}; signed addresses expire, so ask for new ones")
