"""What a frozen snapshot holds: D+, r, D- with α as a filter, and nothing hidden."""

import io
import json
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from PIL import Image as PillowImage
from webdataset import tariterators

from engine.artistry.models import ArtistJob
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.snapshots import ExampleSource, PreferencePair, SnapshotExample
from engine.datasets import services
from engine.datasets.models import Shard, Snapshot
from engine.datasets.options import FreezeOptions
from engine.datasets.services import (
    FreezeRunning,
    NoSuchSnapshot,
    SnapshotDiffers,
    export_snapshot,
    freeze,
    snapshot_ref,
)
from engine.selection.models import Selection
from engine.session_lock import session_lock
from engine.storage import services as storage
from engine.storage.blobs import BlobCorrupt
from engine.storage.services import read_blob, store
from tests import factories as make
from tests.integration.datasets.conftest import freeze_now, make_real_candidate, make_real_request
from tests.integration.datasets.frozen import examples, members, rows

pytestmark = pytest.mark.django_db


def test_an_example_carries_the_photograph_the_mask_the_points_and_the_meshes(judge) -> None:
    selection = judge("sam3d", "sam3d")
    files = members(freeze_now())

    key = str(selection.pk)
    assert sorted(files) == sorted(
        f"{key}.{rest}"
        for rest in (
            "image.png",
            "mask.png",
            "pointmap.npz",
            "candidate_00.glb",
            "candidate_00.latent.safetensors",
            "candidate_01.glb",
            "candidate_01.latent.safetensors",
            "meta.json",
        )
    )
    assert files[f"{key}.image.png"] == read_blob(blob=selection.target.image.blob)
    assert files[f"{key}.candidate_00.glb"] == read_blob(blob=selection.winner.mesh)
    mask = np.asarray(PillowImage.open(io.BytesIO(files[f"{key}.mask.png"])))
    assert (mask == make.make_mask() * 255).all()


class TestTextures:
    """What was chosen for the chosen shape, the second time through."""

    @pytest.fixture
    def texture(self, judge, collection):
        """texture("image_to_3d", "sam3d", rating=…): a shape was chosen, then a texture of the first generator."""

        def texture_(*generators: str, rating: float = 0.9, shape_rating: float = 0.8) -> Selection:
            shape = judge("sam3d", "sam3d", rating=shape_rating)
            request = make.make_request(
                target=shape.target,
                collection=collection,
                modality="texture",
                shape=shape.winner,
                shape_pose=to_json(make.POSE),
                shape_intrinsics={"fx": 10.0, "fy": 10.0, "cx": 4.0, "cy": 3.0, "width": 8, "height": 6},
            )
            candidates = [make_real_candidate(request, generator) for generator in generators]
            make.make_rated_selection(request=request, candidates=candidates, rating=rating)
            return shape

        return texture_

    def test_an_example_carries_the_chosen_texture_of_its_shape_and_what_it_won_over(self, texture) -> None:
        shape = texture("image_to_3d", "sam3d", "palette")
        snapshot = freeze_now()
        files = members(snapshot)
        (example,) = examples(snapshot)
        assert example.texture is not None
        assert (example.texture.rating, example.texture.chosen) == (0.9, 0)
        assert [candidate.generator for candidate in example.texture.candidates] == ["image_to_3d", "sam3d"]
        assert example.texture.direct_pairs == (PreferencePair(winner=0, loser=1),)
        assert sorted(name for name in files if "texture" in name) == [
            f"{shape.pk}.texture_00.glb",
            f"{shape.pk}.texture_01.glb",
        ]
        assert (snapshot.example_count, snapshot.direct_pair_count) == (1, 1), "textures are no examples of their own"
        assert snapshot.counts["textures"] == {"exported": 1, "kept": 1, "direct_pairs": 1, "inferred_pairs": 0}
        (row,) = rows(snapshot, "index")
        assert (row["texture_generator"], row["texture_rating"], row["texture_exported"]) == ("image_to_3d", 0.9, True)
        pairs = [(row["modality"], row["loser_generator"], row["exported"]) for row in rows(snapshot, "pairs")]
        assert sorted(pairs) == [("shape", "sam3d", True), ("texture", "palette", False), ("texture", "sam3d", True)]

    def test_a_texture_under_the_bar_stays_out_and_its_shape_in(self, texture) -> None:
        texture("image_to_3d", "sam3d", rating=0.2)
        snapshot = freeze_now()
        (example,) = examples(snapshot)
        assert example.texture is None
        assert not any("texture" in name for name in members(snapshot))
        assert snapshot.counts["textures"] == {"exported": 0, "kept": 1, "direct_pairs": 0, "inferred_pairs": 0}

    def test_a_shape_that_is_left_out_takes_its_texture_along(self, texture) -> None:
        texture("image_to_3d", "sam3d", shape_rating=0.2)
        snapshot = freeze_now()
        assert examples(snapshot) == []
        (row,) = rows(snapshot, "index")
        assert (row["exported"], row["texture_exported"]) == (False, False)
        assert {row["reason_dropped"] for row in rows(snapshot, "pairs")} == {"below_alpha"}


def test_a_pair_between_two_losers_is_exported_with_both_meshes(judge, collection) -> None:
    request = make_real_request(collection=collection)
    first, second, third = (make_real_candidate(request, "sam3d") for _ in range(3))
    selection = make.make_rated_selection(request=request, candidates=[first, second, third], compared=1)
    make.make_comparison(selection=selection, winner=second, loser=third)

    (example,) = examples(freeze_now())

    index = {candidate.candidate_id: candidate.index for candidate in example.candidates}
    assert example.candidates[example.chosen].candidate_id == str(first.id)
    assert set(example.direct_pairs) == {
        PreferencePair(winner=index[str(first.id)], loser=index[str(second.id)]),
        PreferencePair(winner=index[str(second.id)], loser=index[str(third.id)]),
    }


def test_the_last_pose_of_the_chosen_mesh_goes_along_with_its_own_point_map(judge) -> None:
    posed, unposed = judge("sam3d", "sam3d"), judge("sam3d", "sam3d")
    old_map = posed.target.image.point_maps.get()
    make.make_alignment(candidate=posed.winner, point_map=old_map)
    make.make_point_map(image=posed.target.image, content=b"newer", fx=99.0)
    make.make_alignment(candidate=unposed.winner, pose=None, not_alignable="bad_points")

    snapshot = freeze_now()
    by_id = {example.example_id: example for example in examples(snapshot)}

    assert snapshot.posed_count == 1
    assert by_id[str(posed.pk)].pose == make.POSE
    assert by_id[str(posed.pk)].intrinsics.fx == old_map.fx
    assert by_id[str(unposed.pk)].pose is None


def test_meshes_of_artists_follow_the_selections(judge, collection) -> None:
    judge("sam3d", "sam3d")
    request = make_real_request(collection=collection)
    mesh = make_real_candidate(request, "artist")
    make.make_artist_job(accepted=mesh)
    make.make_alignment(candidate=mesh)

    first, last = examples(freeze_now())

    assert (first.source, last.source) == (ExampleSource.MITL, ExampleSource.ART)
    assert (last.rating, last.iteration, last.pose) == (1.0, 1, make.POSE)
    assert last.candidates[last.chosen].generator == "artist"


def test_a_pose_that_the_artist_gave_keeps_the_point_map_that_the_artist_saw(judge, collection) -> None:
    request = make_real_request(collection=collection)
    seen = request.target.image.point_maps.get()
    job = make.make_artist_job(accepted=make_real_candidate(request, "artist"))
    ArtistJob.objects.filter(pk=job.pk).update(pose=to_json(make.POSE), submitted_at=timezone.now())
    make.make_point_map(image=request.target.image, content=b"newer", fx=99.0)

    (example,) = examples(freeze_now())
    assert (example.pose, example.intrinsics.fx) == (make.POSE, seen.fx)


def test_all_collections_so_far_are_in_and_later_ones_are_not(judge) -> None:
    for iteration in (2, 3):
        judge("sam3d", "sam3d", of=make.make_collection(iteration=iteration, closed=True))
    judge("sam3d", "sam3d")
    snapshot = freeze_now(iteration=2)

    assert sorted(example.iteration for example in examples(snapshot)) == [1, 2]


def test_the_same_data_gives_the_same_bytes(judge) -> None:
    for _ in range(5):
        judge("sam3d", "retrieval", "sam3d")
    first = freeze_now(options=FreezeOptions(shard_examples=2))
    names = [(shard.name, shard.blob_id, shard.row_count) for shard in first.shards.order_by("name")]
    again = _forget_and_freeze_again(first)

    assert again.manifest_id == first.manifest_id
    assert [(shard.name, shard.blob_id, shard.row_count) for shard in again.shards.order_by("name")] == names
    assert [name for name, *_ in names] == [
        "examples-000000.tar",
        "examples-000001.tar",
        "examples-000002.tar",
        "examples.parquet",
        "pairs.parquet",
    ]


def _forget_and_freeze_again(snapshot: Snapshot) -> Snapshot:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE datasets_snapshot DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE datasets_shard DISABLE TRIGGER USER")
        snapshot.shards.all().delete()
        snapshot.delete()
        cursor.execute("ALTER TABLE datasets_snapshot ENABLE TRIGGER USER")
        cursor.execute("ALTER TABLE datasets_shard ENABLE TRIGGER USER")
    return freeze(
        iteration=snapshot.iteration,
        alpha=snapshot.alpha,
        cutoff_at=snapshot.cutoff_at,
        options=from_json(FreezeOptions, snapshot.options),
    )


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("after_files", [0, 1, 2, 3, 4])
def test_a_killed_freeze_goes_on_where_it_was(judge, monkeypatch, after_files) -> None:
    for _ in range(5):
        judge("sam3d", "sam3d")
    options = FreezeOptions(shard_examples=2)
    real: Any = storage.put_blob
    stored: list[Any] = []

    def dies_later(**arguments: Any) -> Any:
        if len(stored) == after_files:
            raise Killed
        stored.append(real(**arguments))
        return stored[-1]

    monkeypatch.setattr(services, "put_blob", dies_later)
    with pytest.raises(Killed):
        freeze_now(options=options)
    monkeypatch.setattr(services, "put_blob", real)
    shards_before = set(Shard.objects.filter(kind=Shard.Kind.EXAMPLES).values_list("pk", flat=True))
    snapshot = freeze_now(options=options)

    assert snapshot.status == Snapshot.Status.FROZEN
    assert shards_before <= set(snapshot.shards.values_list("pk", flat=True))
    assert sum(snapshot.shards.filter(kind=Shard.Kind.EXAMPLES).values_list("row_count", flat=True)) == 5
    assert len({example.example_id for example in examples(snapshot)}) == 5
    assert _forget_and_freeze_again(snapshot).manifest_id == snapshot.manifest_id


def test_freezing_again_returns_the_same_snapshot(judge) -> None:
    judge("sam3d", "sam3d")
    first = freeze_now()
    judge("sam3d", "sam3d")

    assert freeze_now().manifest_id == first.manifest_id
    with pytest.raises(SnapshotDiffers, match=r"α = 0\.5"):
        freeze_now(alpha=0.6)


def test_two_processes_do_not_freeze_at_once(judge, monkeypatch) -> None:
    @contextmanager
    def taken(name: str):
        yield False

    monkeypatch.setattr(services, "session_lock", taken)
    with pytest.raises(FreezeRunning):
        freeze_now()


def test_a_frozen_snapshot_cannot_be_changed_or_deleted(judge) -> None:
    judge("sam3d", "sam3d")
    snapshot = freeze_now()
    shard = snapshot.shards.first()
    attempts = [
        lambda: Snapshot.objects.update(alpha=0.1),
        lambda: Snapshot.objects.all().delete(),
        lambda: Shard.objects.filter(pk=shard.pk).update(row_count=9),
        lambda: shard.delete(),
        lambda: Shard.objects.create(snapshot=snapshot, kind="index", number=7, name="x", blob=shard.blob, row_count=1),
    ]
    for attempt in attempts:
        with pytest.raises(IntegrityError, match="is frozen"), transaction.atomic():
            attempt()


def test_a_damaged_object_stops_the_freeze_with_its_name(judge) -> None:
    selection = judge("sam3d", "sam3d")
    mesh = selection.winner.mesh
    path = next(path for path in Path(_store_folder()).rglob("*") if path.name == mesh.sha256)
    path.chmod(0o600)
    path.write_bytes(b"x" * mesh.size_bytes)

    with pytest.raises(BlobCorrupt, match=mesh.sha256):
        freeze_now()
    snapshot = Snapshot.objects.get()
    assert snapshot.status == Snapshot.Status.FAILED
    assert mesh.sha256 in snapshot.error


def _store_folder() -> str:
    return settings.LATHE_STORAGE_URL.removeprefix("file://")


def test_an_export_is_a_folder_that_webdataset_reads(judge, tmp_path) -> None:
    selections = [judge("sam3d", "sam3d") for _ in range(3)]
    snapshot = freeze_now(options=FreezeOptions(shard_examples=2))

    paths = list(export_snapshot(iteration=1, to=tmp_path / "out"))

    assert [path.name for path in paths][-1] == "manifest.json"
    listed = json.loads(paths[-1].read_bytes())["files"]
    assert {file["name"] for file in listed} == {path.name for path in paths[:-1]}
    assert [(tmp_path / "out" / file["name"]).stat().st_size for file in listed] == [
        file["size_bytes"] for file in listed
    ]
    tars = sorted(str(path) for path in paths if path.suffix == ".tar")
    with ExitStack() as stack:  # webdataset leaves closing to whoever opened
        files = [{"url": name, "stream": stack.enter_context(Path(name).open("rb"))} for name in tars]
        samples = list(tariterators.group_by_keys(tariterators.tar_file_expander(files)))
    assert {sample["__key__"] for sample in samples} == {str(selection.pk) for selection in selections}
    for sample in samples:
        example = from_json(SnapshotExample, json.loads(sample["meta.json"]))
        assert f"candidate_{example.chosen:02d}.glb" in sample
    assert snapshot_ref(snapshot).example_count == 3

    (tmp_path / "out" / "pairs.parquet").write_bytes(b"half")
    again = {path.name: path.read_bytes() for path in export_snapshot(iteration=1, to=tmp_path / "out")}
    assert again["pairs.parquet"] == store().get(snapshot.shards.get(kind="pairs").blob_id)


def test_exporting_what_is_not_frozen_says_so(db, tmp_path) -> None:
    with pytest.raises(NoSuchSnapshot, match="no frozen snapshot"):
        list(export_snapshot(iteration=7, to=tmp_path))


def test_session_locks_are_free_again_afterwards(db) -> None:
    for _ in range(2):
        with session_lock("one thing") as held:
            assert held
