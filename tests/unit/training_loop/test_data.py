import io
import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from safetensors.torch import save as save_safetensors

from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from engine.contracts.snapshots import ExampleSource, PreferencePair, SnapshotCandidate, SnapshotExample
from training_loop.data import DamagedSample, TooManyDamaged, decode_sample, load_mesh, read_snapshot
from training_loop.recipes import DPOConfig
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


def test_examples_and_pairs_come_out_of_a_shard(tiny_model, shape, tmp_path):
    shard = write_shard(tmp_path / "a.tar", [(key, sample_parts(key, shape, seed=i)) for i, key in enumerate("xy")])
    data = read_snapshot([shard], tiny_model, DPOConfig(), max_damaged_share=0.01)
    assert len(data.examples) == 2
    assert data.examples.has_layout.all()
    assert not data.examples.has_points.any()
    # The negative of the retrieval generator is left out by default (paper C.3).
    assert len(data.pairs) == 2
    assert data.report.filtered_pairs == 2
    assert data.pairs.example.tolist() == [0, 1]
    stored = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(data.examples.shape_latents[0], stored)
    assert torch.equal(data.pairs.winner[0], stored)


def test_candidates_without_a_fitting_latent_go_through_the_encoder(tiny_model, shape, tmp_path):
    parts = sample_parts("x", shape, pairs=((2, 1),))
    parts["candidate_01.latent.safetensors"] = save_safetensors({"shape": torch.zeros(3, 3)})
    dpo = DPOConfig(only_sam3d_negatives=False)
    data = read_snapshot([write_shard(tmp_path / "a.tar", [("x", parts)])], tiny_model, dpo, max_damaged_share=0.01)
    for side, latent in ((SIDES[2], data.pairs.winner[0]), (SIDES[1], data.pairs.loser[0])):
        occupancy = voxelise(trimesh.creation.box((side, 1.0, side)))
        with torch.no_grad():
            expected = tiny_model.vae.encode(torch.from_numpy(occupancy)[None])[0]
        assert torch.allclose(latent, expected, atol=1e-5)


def test_identical_sides_are_dropped_and_counted(tiny_model, shape, tmp_path):
    parts = sample_parts("x", shape, pairs=((0, 1),))
    parts["candidate_01.latent.safetensors"] = parts["candidate_00.latent.safetensors"]
    data = read_snapshot(
        [write_shard(tmp_path / "a.tar", [("x", parts)])], tiny_model, DPOConfig(), max_damaged_share=0
    )
    assert len(data.pairs) == 0
    assert data.report.identical_pairs == 1


def test_a_damaged_sample_is_named_skipped_and_counted(tiny_model, shape, tmp_path):
    good = [(f"good{i}", sample_parts(f"good{i}", shape, seed=i)) for i in range(3)]
    bad = ("bad", {**sample_parts("bad", shape), "image.png": b"not a picture"})
    shard = write_shard(tmp_path / "a.tar", [*good[:2], bad, good[2]])
    data = read_snapshot([shard], tiny_model, DPOConfig(), max_damaged_share=0.5)
    assert len(data.examples) == 3
    assert list(data.report.damaged) == ["sample bad"]
    with pytest.raises(TooManyDamaged, match=r"1 of 4 samples are damaged.*sample bad"):
        read_snapshot([shard], tiny_model, DPOConfig(), max_damaged_share=0.01)


def test_a_truncated_shard_gives_what_came_before(tiny_model, shape, tmp_path):
    whole = write_shard(tmp_path / "a.tar", [(key, sample_parts(key, shape)) for key in ("first", "second")])
    broken = tmp_path / "b.tar"
    broken.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.8)])
    garbage = tmp_path / "c.tar"
    garbage.write_bytes(b"\x01garbage" * 200)
    data = read_snapshot([broken, garbage, whole], tiny_model, DPOConfig(), max_damaged_share=0.9)
    assert len(data.examples) == 3
    assert set(data.report.damaged) == {"shard b.tar", "shard c.tar"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda parts: parts.pop("mask.png"), "mask.png is missing"),
        (lambda parts: parts.pop("candidate_00.glb"), "candidate_00.glb is missing"),
        (lambda parts: parts.update({"meta.json": b"{}"}), "meta.json.*missing"),
        (lambda parts: parts.update({"meta.json": b"{"}), "meta.json"),
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
    with pytest.raises(TooManyDamaged, match="the mask must be boolean of shape"):
        read_snapshot([write_shard(tmp_path / "a.tar", [("x", parts)])], tiny_model, DPOConfig(), max_damaged_share=0.1)


def test_inferred_pairs_join_on_request(tiny_model, shape, tmp_path):
    parts = sample_parts("x", shape, pairs=())
    record = json.loads(parts["meta.json"])
    record["inferred_pairs"] = [{"winner": 0, "loser": 1}]
    parts["meta.json"] = json.dumps(record).encode()
    shard = write_shard(tmp_path / "a.tar", [("x", parts)])
    counts = [
        len(read_snapshot([shard], tiny_model, replace(DPOConfig(), inferred_pairs=on), max_damaged_share=0).pairs)
        for on in (False, True)
    ]
    assert counts == [0, 1]


def test_meshes_that_are_no_meshes_are_damage():
    with pytest.raises(DamagedSample, match="a mesh cannot be read"):
        load_mesh(b"glTF nonsense")
    flat = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, np.nan]], [[0, 1, 2]], process=False).export(file_type="glb")
    with pytest.raises(DamagedSample, match="NaN"):
        load_mesh(flat)
