"""What kinds of objects there are: leaves merged by 3D geometry, not by name or use.

All dog breeds are one leaf because they share a shape; a mug and a wine glass are two. The leaves, their groups and the
names of other vocabularies (COCO, LVIS) that map onto them lie in `taxonomy.json`, sorted by id.

Source: paper A.1 (3D-oriented taxonomy), complexity tiers after the curriculum of Stage 1.
"""

import difflib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

_DATA = Path(__file__).with_name("taxonomy.json")


class Complexity(StrEnum):
    """How hard the geometry is: one rigid body, several connected pieces, or a shape that bends and varies."""

    SIMPLE = "simple"
    STRUCTURED = "structured"
    DEFORMABLE = "deformable"


@dataclass(frozen=True)
class Category:
    """A leaf. `id` is snake_case and never changes its meaning; `synonyms` are lower-case names that mean it."""

    id: str
    name: str
    group: str
    complexity: Complexity
    synonyms: tuple[str, ...] = ()


@cache
def categories() -> tuple[Category, ...]:
    """Return all leaves, sorted by id."""
    return tuple(
        Category(
            id=entry["id"],
            name=entry["name"],
            group=entry["group"],
            complexity=Complexity(entry["complexity"]),
            synonyms=tuple(entry["synonyms"]),
        )
        for entry in json.loads(_DATA.read_text(encoding="utf-8"))
    )


def groups() -> tuple[str, ...]:
    """Return the names of the parent groups, sorted."""
    return tuple(sorted({category.group for category in categories()}))


def find_category(name: str) -> Category | None:
    """Find the leaf that a name means, or None.

    Case, underscores, hyphens, a leading number ("025_mug") and a plural ending do not matter; a bracketed remark as in
    LVIS names ("car_(automobile)") is read with the name first and dropped if that finds nothing.
    """
    index = _index()
    plain = _normalise(re.sub(r"\([^)]*\)", " ", name))
    for reading in (_normalise(name), plain, plain.lstrip("0123456789 ")):
        for candidate in _singulars(reading):
            if candidate in index:
                return index[candidate]
    return None


def near_matches(name: str, limit: int = 5) -> tuple[Category, ...]:
    """Return leaves whose name or synonyms look like this one, best first."""
    found: dict[str, Category] = {}
    for match in difflib.get_close_matches(_normalise(name), _index(), n=4 * limit, cutoff=0.6):
        category = _index()[match]
        found.setdefault(category.id, category)
    return tuple(found.values())[:limit]


@cache
def _index() -> dict[str, Category]:
    index: dict[str, Category] = {}
    for category in categories():
        for name in (category.id, category.name, *category.synonyms):
            index.setdefault(_normalise(name), category)
    return index


def _normalise(name: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", name.lower()))


def _singulars(name: str) -> tuple[str, ...]:
    """The name itself and what it may be the plural of."""
    readings = [name]
    for ending, singular in (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", "")):
        if name.endswith(ending) and len(name) > len(ending) + 1:
            readings.append(name.removesuffix(ending) + singular)
    if name.endswith("men"):
        readings.append(name.removesuffix("men") + "man")
    return tuple(readings)
