"""Whether the built pages are those of the sources. A stale bundle makes each browser test wait until it times out."""

from collections.abc import Iterable
from pathlib import Path

from engine.embedded.places import CHECKOUT
from scripts.setup import BUNDLE, is_done

MANIFEST = CHECKOUT / "annotation_ui" / "static" / "annotation_ui" / "dist" / "manifest.json"
REMEDY = "Build it: `make setup`, or `npm --prefix annotation_ui run build`."


def problem_of_bundle(manifest: Path, *, sources: Iterable[Path] = tuple(BUNDLE.inputs)) -> str:
    """What is wrong with the built pages and what to run; empty where nothing is."""
    if not manifest.exists():
        return f"The pages are not built: there is no {manifest.name}. {REMEDY}"
    files = [path for source in sources for path in (source.rglob("*") if source.is_dir() else [source])]
    newest = max((path for path in files if path.is_file()), key=lambda path: path.stat().st_mtime)
    if newest.stat().st_mtime <= manifest.stat().st_mtime:
        return ""
    if is_done(BUNDLE):  # touched, by a change of branches for instance, but the same as when `make setup` built it
        return ""
    return f"The built pages are older than {newest.name}. {REMEDY}"
