"""What a snapshot holds, read from its files."""

import io
import json
import tarfile
from typing import Any

import pyarrow.parquet as pq

from engine.contracts.serialisation import from_json
from engine.contracts.snapshots import SnapshotExample
from engine.datasets.models import Shard, Snapshot
from engine.storage.services import read_blob


def members(snapshot: Snapshot) -> dict[str, bytes]:
    """Every file of every shard, by name."""
    found: dict[str, bytes] = {}
    for shard in snapshot.shards.filter(kind=Shard.Kind.EXAMPLES).order_by("number"):
        with tarfile.open(fileobj=io.BytesIO(read_blob(blob=shard.blob))) as tar:
            for member in tar:
                file = tar.extractfile(member)
                assert file is not None
                found[member.name] = file.read()
    return found


def examples(snapshot: Snapshot) -> list[SnapshotExample]:
    return [
        from_json(SnapshotExample, json.loads(data))
        for name, data in members(snapshot).items()
        if name.endswith(".meta.json")
    ]


def manifest(snapshot: Snapshot) -> dict[str, Any]:
    assert snapshot.manifest is not None
    return json.loads(read_blob(blob=snapshot.manifest))


def rows(snapshot: Snapshot, kind: str) -> list[dict[str, Any]]:
    return pq.read_table(io.BytesIO(read_blob(blob=snapshot.shards.get(kind=kind).blob))).to_pylist()
