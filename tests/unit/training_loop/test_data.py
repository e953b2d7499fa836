import io
import json
import tarfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from safetensors.torch import save as save_safetensors

from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from engine.contracts.snapshots import ExampleSource, PreferencePair, SnapshotCandidate, SnapshotExample
from training_loop import data
from training_loop.data import (
    ReadReport,
    SnapshotExamples,
    SnapshotPairs,
    SnapshotReader,
    TooManyDamaged,
    open_snapshot,
    read_raw_samples,
)
from training_loop.examples import unpack_occupancy
from training_loop.recipe import DPOConfig
from training_loop.recipes import RECIPES
from training_loop.samples import DamagedSample, decode_sample, load_mesh, load_shape, load_target
from training_loop.voxels import voxelise

SIDES = (0.9, 0.6, 0.4)


def box_glb(side):
    return trimesh.creation.box((side, 1.0, side)).export(file_type="glb")


def picture_bytes(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def sample_parts(key, latent_shape, *, generators=("sam3d", "sam3d", "retrieval"), pairs=((0, 1), (0, 2)), seed=0):
    mask = np.zeros((24, 32), dtype=np.uint8)
    mask[6:18, 10:22] = 255
    record = SnapshotExample(
        example_id=key,
        target_id=key,
        source=ExampleSource.MITL,
        iteration=1,
        category="box",
        rating=0.8,
        rubric_version="1",
        chosen=0,
        candidates=tuple(SnapshotCandidate(i, f"{key}-{i}", g, None, i) for i, g in enumerate(generators)),
        direct_pairs=tuple(PreferencePair(winner, loser) for winner, loser in pairs),
        pose=Pose((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 3.0), (1.0, 1.0, 1.0)),
    )
    parts = {
        "image.png": picture_bytes(np.random.default_rng(seed).integers(0, 255, (24, 32, 3), dtype=np.uint8)),
        "mask.png": picture_bytes(mask),
        "meta.json": json.dumps(to_json(record)).encode(),
    }
    for index, generator in enumerate(generators):
        parts[f"candidate_{index:02d}.glb"] = box_glb(SIDES[index])
        if generator == "sam3d":
            latent = torch.randn(latent_shape, generator=torch.Generator().manual_seed(10 * seed + index))
            parts[f"candidate_{index:02d}.latent.safetensors"] = save_safetensors({"shape": latent})
    return parts


def write_shard(path, samples):
    with tarfile.open(path, "w") as archive:
        for key, parts in samples:
            for extension, data in parts.items():
                member = tarfile.TarInfo(f"{key}.{extension}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def shape(tiny_model):
    return tiny_model.config.vae.latent_shape


class Opened:
    """Shards opened for a model, with a count of what its encoder was asked."""

    def __init__(self, shards, model, *, allowed=0.01, dpo=None, sources=(), cache_bytes=1 << 20, executor=None):
        self.model, self.encoded = model, 0
        self.report = ReadReport(allowed_share=allowed)
        self.entries = open_snapshot(shards, self.report, sources=sources)
        reader = SnapshotReader(
            model.config,
            self.encode,
            latent_space=model.vae.fingerprint(),
            executor=executor,
            cache_bytes=cache_bytes,
        )
        self.examples = SnapshotExamples(self.entries, reader, self.report)
        self.pairs = SnapshotPairs(self.entries, reader, self.report, dpo or DPOConfig())

    def encode(self, bits):
        self.encoded += len(bits)
        with torch.no_grad():
            return self.model.vae.encode(unpack_occupancy(bits))


def everything(source):
    return source.gather(torch.arange(len(source)))


def test_examples_and_pairs_come_out_of_a_shard(tiny_model, shape, tmp_path):
    shard = write_shard(tmp_path / "a.tar", [(key, sample_parts(key, shape, seed=i)) for i, key in enumerate("xy")])
    opened = Opened([shard], tiny_model)
    examples, pairs = everything(opened.examples), everything(opened.pairs)
    assert len(examples) == 2
    assert examples.has_placement.all()
    assert not examples.has_points.any()
    # The negative of the retrieval generator is left out by default (paper C.3).
    assert len(pairs) == 2
    assert opened.report.filtered_pairs == 2
    stored = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(examples.shape_latents[0], stored)
    assert torch.equal(pairs.winner[0], stored)
    assert torch.equal(pairs.views.crop, examples.crop)
    assert opened.encoded == 0


@pytest.mark.parametrize(("ours", "encoded"), [(True, 0), (False, 1)])
def test_a_latent_of_another_latent_space_is_never_used(tiny_model, shape, tmp_path, ours, encoded):
    parts = sample_parts("a", shape, generators=("sam3d", "sam3d"), pairs=((0, 1),))
    space = tiny_model.vae.fingerprint() if ours else "of another VAE"
    parts["candidate_01.latent.safetensors"] = save_safetensors(
        {"shape": torch.ones(shape)}, metadata={"latent_space": space}
    )
    opened = Opened([write_shard(tmp_path / "s.tar", [("a", parts)])], tiny_model)
    loser = everything(opened.pairs).loser[0]
    assert torch.equal(loser, torch.ones(shape)) == ours
    assert opened.encoded == encoded


def test_candidates_without_a_fitting_latent_go_through_the_encoder_once(tiny_model, shape, tmp_path):
    parts = sample_parts("x", shape, pairs=((2, 1),))
    parts["candidate_01.latent.safetensors"] = save_safetensors({"shape": torch.zeros(3, 3)})
    shard = write_shard(tmp_path / "a.tar", [("x", parts)])
    opened = Opened([shard], tiny_model, dpo=DPOConfig(only_sam3d_negatives=False))
    pairs = everything(opened.pairs)
    for side, latent in ((SIDES[2], pairs.winner[0]), (SIDES[1], pairs.loser[0])):
        occupancy = voxelise(trimesh.creation.box((side, 1.0, side)))
        with torch.no_grad():
            expected = tiny_model.vae.encode(torch.from_numpy(occupancy)[None])[0]
        assert torch.allclose(latent, expected, atol=1e-5)
    assert torch.equal(everything(opened.pairs).winner, pairs.winner)
    assert opened.encoded == 2


def test_a_target_and_a_candidate_are_read_once_however_many_pairs_they_are_in(
    tiny_model, shape, tmp_path, monkeypatch
):
    read = []

    def target(entry, config):
        read.append(None)
        return load_target(entry, config)

    def candidate(entry, index, config, latent_space):
        read.append(index)
        return load_shape(entry, index, config, latent_space)

    monkeypatch.setattr(data, "load_target", target)
    monkeypatch.setattr(data, "load_shape", candidate)
    shard = write_shard(tmp_path / "a.tar", [("x", sample_parts("x", shape, pairs=((2, 1), (2, 0))))])
    opened = Opened([shard], tiny_model, dpo=DPOConfig(only_sam3d_negatives=False))
    both = everything(opened.pairs)
    again = everything(opened.pairs)
    assert len(both.winner) == 2
    assert torch.equal(both.loser, again.loser)
    assert sorted(read, key=str) == [0, 1, 2, None]


def test_a_damaged_candidate_spoils_its_own_pairs_alone(tiny_model, shape, tmp_path):
    parts = sample_parts("x", shape, pairs=((2, 1), (2, 0)))
    parts["candidate_00.glb"] = b"no mesh"
    parts.pop("candidate_00.latent.safetensors", None)
    shard = write_shard(tmp_path / "a.tar", [("x", parts)])
    opened = Opened([shard], tiny_model, allowed=1.0, dpo=DPOConfig(only_sam3d_negatives=False))
    pairs = opened.pairs.gather(torch.tensor([0, 1]))
    # The second is replaced by the first, which is whole.
    assert torch.equal(pairs.loser[0], pairs.loser[1])
    assert "a mesh cannot be read" in opened.report.damaged["sample x"]


def test_memory_stays_bounded(tiny_model, shape, tmp_path):
    shard = write_shard(tmp_path / "a.tar", [(key, sample_parts(key, shape, seed=i)) for i, key in enumerate("wxyz")])
    roomy = Opened([shard], tiny_model)
    whole = everything(roomy.examples)
    row = roomy.examples.reader.used_bytes // 4
    tight = Opened([shard], tiny_model, cache_bytes=2 * row)
    assert torch.equal(everything(tight.examples).crop, whole.crop)
    # Two samples: a target and a latent of each.
    assert {key for _, key, _ in tight.examples.reader.cached} == {"y", "z"}
    assert len(tight.examples.reader.cached) == 4
    assert tight.examples.reader.used_bytes <= 2 * row
    assert torch.equal(tight.examples.gather(torch.tensor([3, 0])).crop, whole.crop[[3, 0]])


def test_other_processes_decode_the_same(tiny_model, shape, tmp_path):
    shard = write_shard(tmp_path / "a.tar", [(key, sample_parts(key, shape, seed=i)) for i, key in enumerate("xy")])
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        there = everything(Opened([shard], tiny_model, executor=executor).examples)
    here = everything(Opened([shard], tiny_model).examples)
    assert all(torch.equal(getattr(there, name), value) for name, value in vars(here).items())


def test_pairs_with_equal_sides_are_passed_over_and_counted(tiny_model, shape, tmp_path):
    same = sample_parts("same", shape, pairs=((0, 1),))
    same["candidate_01.latent.safetensors"] = same["candidate_00.latent.safetensors"]
    other = sample_parts("other", shape, pairs=((0, 1),), seed=1)
    opened = Opened([write_shard(tmp_path / "a.tar", [("same", same), ("other", other)])], tiny_model)
    pairs = everything(opened.pairs)
    assert torch.equal(pairs.winner[0], pairs.winner[1])
    assert not (pairs.winner == pairs.loser).all()
    everything(opened.pairs)
    assert opened.report.identical_pairs == {"same 0 1"}
    alone = Opened([write_shard(tmp_path / "b.tar", [("same", same)])], tiny_model)
    with pytest.raises(DamagedSample, match="none of the snapshot's samples"):
        everything(alone.pairs)


def test_a_damaged_sample_is_named_counted_and_replaced_by_the_next(tiny_model, shape, tmp_path):
    good = [(f"good{i}", sample_parts(f"good{i}", shape, seed=i)) for i in range(3)]
    bad = ("bad", {**sample_parts("bad", shape), "image.png": b"not a picture"})
    shard = write_shard(tmp_path / "a.tar", [*good[:2], bad, good[2]])
    opened = Opened([shard], tiny_model, allowed=0.5)
    examples = everything(opened.examples)
    assert torch.equal(examples.crop[2], examples.crop[3])
    assert list(opened.report.damaged) == ["sample bad"]
    with pytest.raises(TooManyDamaged, match=r"1 of 4 samples are damaged.*sample bad"):
        everything(Opened([shard], tiny_model).examples)


def test_one_corrupt_shard_among_many_is_passed_over(tiny_model, shape, tmp_path):
    parts = sample_parts("x", shape)
    shards = [write_shard(tmp_path / f"{i:03d}.tar", [(f"s{i}", parts)]) for i in range(101)]
    shards[7].write_bytes(b"\x01garbage" * 200)
    opened = Opened(shards, tiny_model)
    assert len(opened.examples) == 100
    assert list(opened.report.damaged) == ["shard 007.tar"]
    with pytest.raises(TooManyDamaged, match=r"shard 007\.tar"):
        Opened(shards[:50], tiny_model)


def test_more_than_one_percent_of_damage_stops_a_recipe():
    assert {recipe().max_damaged_share for recipe in RECIPES.values()} == {0.01}
    report = ReadReport(allowed_share=0.01, samples=100)
    report.skip("sample first", "not a picture")
    report.check()
    report.skip("sample second", "not a mesh")
    with pytest.raises(TooManyDamaged, match=r"2 of 100 samples are damaged \(2.0%, allowed 1.0%\): sample first"):
        report.check()


def test_a_truncated_shard_gives_what_came_before(tiny_model, shape, tmp_path):
    whole = write_shard(tmp_path / "a.tar", [(key, sample_parts(key, shape)) for key in ("first", "second")])
    broken = tmp_path / "b.tar"
    broken.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.8)])
    report = ReadReport()
    assert [key for key, _ in read_raw_samples([broken], report)] == ["first"]
    assert "shard b.tar" in report.damaged
    assert report.lost_in_shards == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda parts: parts.pop("mask.png"), "mask.png is missing"),
        (lambda parts: parts.pop("candidate_00.glb"), "candidate_00.glb is missing"),
        (lambda parts: parts.update({"meta.json": b"{}"}), "meta.json.*missing"),
        (lambda parts: parts.update({"meta.json": b"{"}), "meta.json"),
        (lambda parts: parts.update({"pointmap.npz": b"PK\x03\x04 torn"}), "BadZipFile"),
        (lambda parts: parts.update({"image.png": parts["image.png"][:200]}), "OSError|SyntaxError"),
    ],
)
def test_what_is_wrong_with_a_sample_is_said(shape, change, message):
    parts = sample_parts("x", shape)
    change(parts)
    with pytest.raises(DamagedSample, match=message):
        decode_sample(parts)


def test_a_mask_of_another_size_is_damage(tiny_model, shape, tmp_path):
    parts = sample_parts("x", shape)
    parts["mask.png"] = picture_bytes(np.full((5, 5), 255, dtype=np.uint8))
    opened = Opened([write_shard(tmp_path / "a.tar", [("x", parts)])], tiny_model)
    with pytest.raises(TooManyDamaged, match="the mask must be boolean of shape"):
        everything(opened.examples)


def test_inferred_pairs_and_artists_join_on_request(tiny_model, shape, tmp_path):
    parts = sample_parts("x", shape, pairs=())
    record = json.loads(parts["meta.json"])
    record |= {"inferred_pairs": [{"winner": 0, "loser": 1}], "source": "art"}
    parts["meta.json"] = json.dumps(record).encode()
    shard = write_shard(tmp_path / "a.tar", [("x", parts), ("y", sample_parts("y", shape, pairs=()))])
    assert [len(Opened([shard], tiny_model, dpo=DPOConfig(inferred_pairs=on)).pairs) for on in (False, True)] == [0, 1]
    kept = [Opened([shard], tiny_model, sources=sources).entries for sources in ((), ("art",), ("mitl",))]
    assert [[entry.parts.key for entry in entries] for entries in kept] == [["x", "y"], ["x"], ["y"]]


def test_what_was_skipped_is_remembered_over_an_interruption():
    report = ReadReport()
    report.skip("sample x", "torn")
    report.identical_pairs.add("y 0 1")
    again = ReadReport()
    again.restore([report.state(), {"damaged": {"sample z": "flat"}, "identical_pairs": []}])
    assert set(again.damaged) == {"sample x", "sample z"}
    assert again.identical_pairs == {"y 0 1"}


def test_meshes_that_are_no_meshes_are_damage():
    with pytest.raises(DamagedSample, match="a mesh cannot be read"):
        load_mesh(b"glTF nonsense")
    flat = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, np.nan]], [[0, 1, 2]], process=False).export(file_type="glb")
    with pytest.raises(DamagedSample, match="NaN"):
        load_mesh(flat)
