"""What a page's first load weighs, as the server sends it: gzipped."""

import json
from typing import Any

import pytest

from tests.e2e.bundle import MANIFEST

MOST_KIB = 400
MANIFEST_OF_PAGES: dict[str, Any] = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}


def files_of(name: str, seen: set[str]) -> set[str]:
    """What the browser loads before a person sees the page; what is split off from the page itself comes later."""
    if name in seen:
        return set()
    seen.add(name)
    chunk = MANIFEST_OF_PAGES[name]
    files = {chunk["file"], *chunk.get("css", [])}
    pages = [split for split in chunk.get("dynamicImports", []) if chunk.get("isEntry") and split.endswith("Page.tsx")]
    for imported in [*chunk.get("imports", []), *pages]:
        files |= files_of(imported, seen)
    return files


@pytest.mark.parametrize("page", [name for name, chunk in MANIFEST_OF_PAGES.items() if chunk.get("isEntry")])
def test_a_page_begins_with_at_most_400_kib(page: str) -> None:
    files = files_of(page, set())
    sizes = {file: (MANIFEST.parent / f"{file}.gz").stat().st_size for file in files}
    assert sum(sizes.values()) <= MOST_KIB * 1024, sizes
