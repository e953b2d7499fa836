"""Freezes what people judged into immutable snapshots and writes them out (paper 3.2.2, Algorithm 1 lines 13, 14)."""

import hashlib
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from engine.contracts.serialisation import from_json, to_json
from engine.contracts.training import SnapshotRef
from engine.datasets.counts import Counts
from engine.datasets.judgements import Scope, walk
from engine.datasets.manifest import MANIFEST_NAME, canonical_json, manifest_of
from engine.datasets.models import Shard, Snapshot
from engine.datasets.options import FreezeOptions
from engine.datasets.shards import ShardWriter
from engine.errors import Conflict, NotFound
from engine.session_lock import session_lock
from engine.storage.services import blob_ref, put_blob, store
from engine.workforce.services import audit

TAR = "application/x-tar"
PARQUET = "application/vnd.apache.parquet"


class SnapshotDiffers(Conflict):
    """The iteration already has a snapshot with another α or other options; a snapshot is never made twice."""

    code = "snapshot_differs"


class FreezeRunning(Conflict):
    """Another process is freezing this snapshot right now."""

    code = "freeze_running"


class NoSuchSnapshot(NotFound):
    """There is no frozen snapshot of this iteration."""

    code = "no_such_snapshot"


def open_snapshot(
    *, iteration: int, alpha: float, cutoff_at: datetime, options: FreezeOptions | None = None
) -> Snapshot:
    """The snapshot row of an iteration, made now if there is none. The first cutoff stays.

    Raises:
        SnapshotDiffers: there is one with another α or other options.
    """
    wanted = to_json(options or FreezeOptions())
    snapshot, _ = Snapshot.objects.get_or_create(
        iteration=iteration,
        defaults={"alpha": alpha, "cutoff_at": cutoff_at, "options": wanted},
    )
    if (snapshot.alpha, snapshot.options) != (alpha, wanted):
        raise SnapshotDiffers(
            f"Iteration {iteration} already has a snapshot with α = {snapshot.alpha}.",
            what_to_do="Snapshots are immutable: start another iteration to freeze with another bar or other options.",
            alpha=snapshot.alpha,
            options=snapshot.options,
        )
    return snapshot


def freeze(*, iteration: int, alpha: float, cutoff_at: datetime, options: FreezeOptions | None = None) -> Snapshot:
    """Freeze all collections up to `iteration`, with α as a filter on ratings, and store shards, indices and manifest.

    Goes on where an earlier call was killed, and returns the finished snapshot if there is one. Nothing is held open in
    the database meanwhile; memory does not grow with the data.

    Raises:
        SnapshotDiffers: the iteration was frozen (or begun) with another α or other options.
        FreezeRunning: another process is at it.
        BlobMissing, BlobCorrupt: the store does not give back what was stored.
    """
    snapshot = open_snapshot(iteration=iteration, alpha=alpha, cutoff_at=cutoff_at, options=options)
    with session_lock(f"freeze {iteration}") as held:
        if not held:
            raise FreezeRunning(f"The snapshot of iteration {iteration} is being frozen by another process.")
        snapshot.refresh_from_db()
        if snapshot.status == Snapshot.Status.FROZEN:
            return snapshot
        _still_alive(snapshot)
        try:
            with tempfile.TemporaryDirectory(prefix="freeze-") as folder:
                _write_shards(snapshot, folder=Path(folder))
                counts = _write_indices(snapshot, folder=Path(folder))
            _seal(snapshot, counts=counts)
        except Exception as error:
            Snapshot.objects.filter(pk=snapshot.pk).update(status=Snapshot.Status.FAILED, error=str(error))
            raise
    snapshot.refresh_from_db()
    return snapshot


def take_over_freeze(*, snapshot_id: UUID, silent_for: timedelta) -> bool:
    """True for one caller where nobody is freezing: there was no sign of life for so long, or never one."""
    now = timezone.now()
    unfinished = Snapshot.objects.filter(id=snapshot_id, status=Snapshot.Status.FREEZING)
    silent = unfinished.filter(Q(heartbeat_at__isnull=True) | Q(heartbeat_at__lt=now - silent_for))
    return silent.update(heartbeat_at=now) == 1


def retry_freeze(*, snapshot_id: UUID) -> None:
    """Have a freeze that failed go on where it was; nothing happens to any other."""
    Snapshot.objects.filter(id=snapshot_id, status=Snapshot.Status.FAILED).update(
        status=Snapshot.Status.FREEZING, error="", heartbeat_at=None
    )


def snapshot_ref(snapshot: Snapshot) -> SnapshotRef:
    """What a trainer is told about a frozen snapshot."""
    if snapshot.manifest_id is None:
        raise NoSuchSnapshot(f"The snapshot of iteration {snapshot.iteration} is {snapshot.status}, not frozen.")
    shards = snapshot.shards.filter(kind=Shard.Kind.EXAMPLES).select_related("blob").order_by("number")
    return SnapshotRef(
        snapshot_sha256=snapshot.manifest_id,
        shards=tuple(blob_ref(shard.blob) for shard in shards),
        example_count=snapshot.example_count,
        direct_pair_count=snapshot.direct_pair_count,
        inferred_pair_count=snapshot.inferred_pair_count,
    )


def earlier_snapshot_refs(snapshot: Snapshot, *, count: int) -> tuple[SnapshotRef, ...]:
    """The `count` latest frozen snapshots before this one that hold an example, the latest first."""
    earlier = Snapshot.objects.filter(
        iteration__lt=snapshot.iteration, status=Snapshot.Status.FROZEN, example_count__gt=0
    )
    return tuple(snapshot_ref(one) for one in earlier.order_by("-iteration")[:count])


def export_snapshot(*, iteration: int, to: Path) -> Iterator[Path]:
    """Write a frozen snapshot into the folder `to`, file by file, the manifest last; yields each path once it is whole.

    Files that are already there with the right digest are kept, so an interrupted export goes on.

    Raises:
        NoSuchSnapshot: the iteration has no frozen snapshot.
    """
    snapshot = Snapshot.objects.filter(iteration=iteration, status=Snapshot.Status.FROZEN).first()
    if snapshot is None or snapshot.manifest_id is None:
        raise NoSuchSnapshot(
            f"Iteration {iteration} has no frozen snapshot.", what_to_do="See `manage.py flywheel status`."
        )
    to.mkdir(parents=True, exist_ok=True)
    files = [(file.name, file.blob_id) for file in _files(snapshot)]
    for name, sha256 in [*files, (MANIFEST_NAME, snapshot.manifest_id)]:
        path = to / name
        if not (path.exists() and _digest(path) == sha256):
            store().fetch(sha256, path)
        yield path


def _scope(snapshot: Snapshot) -> Scope:
    return Scope(
        iteration=snapshot.iteration,
        alpha=snapshot.alpha,
        cutoff_at=snapshot.cutoff_at,
        options=from_json(FreezeOptions, snapshot.options),
    )


def _write_shards(snapshot: Snapshot, *, folder: Path) -> None:
    """First walk: the examples. A shard has a row once its file lies in the store; a resume relies on that."""
    last = snapshot.shards.filter(kind=Shard.Kind.EXAMPLES).order_by("-number").first()
    number, after = (last.number + 1, last.last_key) if last else (0, "")
    examples = (judged for judged in walk(_scope(snapshot), after=after) if judged.exported)
    judged = next(examples, None)
    while judged is not None:
        path = folder / f"examples-{number:06d}.tar"
        with ShardWriter(path, store=store()) as shard:
            while judged is not None and not _full(shard, snapshot):
                shard.add(judged)
                judged = next(examples, None)
        _record_file(
            snapshot,
            kind=Shard.Kind.EXAMPLES,
            number=number,
            path=path,
            media_type=TAR,
            row_count=shard.example_count,
            last_key=shard.last_key,
        )
        number += 1


def _full(shard: ShardWriter, snapshot: Snapshot) -> bool:
    options = from_json(FreezeOptions, snapshot.options)
    return shard.example_count >= options.shard_examples or shard.size_bytes >= options.shard_bytes


def _write_indices(snapshot: Snapshot, *, folder: Path) -> Counts:
    """Second walk: the indices and the counts, over everything that was judged, what the shards leave out included."""
    from engine.datasets.indices import EXAMPLES, PAIRS, ParquetIndex, example_row, pair_rows

    counts = Counts()
    shards = list(snapshot.shards.filter(kind=Shard.Kind.EXAMPLES).order_by("number").values_list("name", "last_key"))
    with (
        ParquetIndex(folder / "examples.parquet", EXAMPLES) as examples,
        ParquetIndex(folder / "pairs.parquet", PAIRS) as pairs,
    ):
        for judged in walk(_scope(snapshot)):
            while shards and judged.key > shards[0][1]:
                shards.pop(0)
            examples.add(example_row(judged, shard=shards[0][0] if judged.exported else ""))
            for row in pair_rows(judged):
                pairs.add(row)
            counts.add(judged)
    for kind, index in ((Shard.Kind.INDEX, examples), (Shard.Kind.PAIRS, pairs)):
        _record_file(snapshot, kind=kind, number=0, path=index.path, media_type=PARQUET, row_count=index.row_count)
    return counts


def _record_file(
    snapshot: Snapshot, *, kind: str, number: int, path: Path, media_type: str, row_count: int, last_key: str = ""
) -> None:
    blob = put_blob(data=path, media_type=media_type)
    Shard.objects.update_or_create(
        snapshot=snapshot,
        kind=kind,
        number=number,
        defaults={"name": path.name, "blob": blob, "row_count": row_count, "last_key": last_key},
    )
    path.unlink()
    _still_alive(snapshot)


def _seal(snapshot: Snapshot, *, counts: Counts) -> None:
    manifest = manifest_of(snapshot, files=_files(snapshot), counts=counts.to_json())
    blob = put_blob(data=canonical_json(manifest), media_type="application/json")
    with transaction.atomic():
        Snapshot.objects.filter(pk=snapshot.pk, status=Snapshot.Status.FREEZING).update(
            status=Snapshot.Status.FROZEN,
            manifest=blob,
            frozen_at=timezone.now(),
            counts=counts.to_json(),
            example_count=counts.examples,
            negative_count=counts.negatives,
            direct_pair_count=counts.pairs_exported["direct"],
            inferred_pair_count=counts.pairs_exported["inferred"],
            below_alpha_count=counts.below_alpha,
            posed_count=counts.posed,
        )
        audit(
            actor=None,
            subject_kind="snapshot",
            subject_id=snapshot.id,
            verb="freeze",
            from_state=Snapshot.Status.FREEZING,
            to_state=Snapshot.Status.FROZEN,
            sha256=blob.sha256,
            iteration=snapshot.iteration,
        )


def _files(snapshot: Snapshot) -> list[Shard]:
    return list(snapshot.shards.select_related("blob").order_by("kind", "number"))


def _still_alive(snapshot: Snapshot) -> None:
    """A sign of life; a freeze that failed before is at work again."""
    Snapshot.objects.filter(pk=snapshot.pk).exclude(status=Snapshot.Status.FROZEN).update(
        status=Snapshot.Status.FREEZING, error="", heartbeat_at=timezone.now()
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
