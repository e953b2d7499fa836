"""The manifest that names a snapshot: canonical JSON, so that equal content has an equal digest."""

import json
from typing import Any

from engine.datasets.models import Shard, Snapshot

FORMAT = "lathe-snapshot"
FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"


def manifest_of(snapshot: Snapshot, *, files: list[Shard], counts: dict[str, Any]) -> dict[str, Any]:
    """Everything about the snapshot that is not in its files; no clock but the cutoff, no row ids."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "iteration": snapshot.iteration,
        "alpha": snapshot.alpha,
        "cutoff_at": snapshot.cutoff_at.isoformat(),
        "options": snapshot.options,
        "counts": counts,
        "files": [
            {
                "name": file.name,
                "kind": file.kind,
                "sha256": file.blob.sha256,
                "size_bytes": file.blob.size_bytes,
                "rows": file.row_count,
            }
            for file in files
        ],
    }


def canonical_json(value: dict[str, Any]) -> bytes:
    """Sorted keys, no spaces, UTF-8, a line end."""
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()
