"""Filing a target under the 3D-oriented taxonomy (paper A.1). What fits no leaf is kept as written, never lost."""

from dataclasses import dataclass

from engine.contracts.taxonomy import find_category, near_matches
from engine.sourcing.models import TargetObject

LONGEST_FREE = TargetObject._meta.get_field("free_category").max_length or 200


@dataclass(frozen=True)
class Filed:
    """Where a written category belongs: a leaf of the taxonomy, or the words as written and the leaves near to them."""

    leaf: str
    free: str = ""
    near: tuple[str, ...] = ()


def file_category(written: str) -> Filed:
    """Find the leaf for a category as people write it: any case, underscores, plurals, COCO and LVIS names."""
    words = " ".join(written.split())
    if not words:
        return Filed(leaf="")
    category = find_category(words)
    if category is not None:
        return Filed(leaf=category.id)
    return Filed(leaf="", free=words[:LONGEST_FREE], near=tuple(match.id for match in near_matches(words)))
