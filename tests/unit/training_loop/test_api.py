import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from engine.contracts.poses import Pose, transform_points
from tests.unit.training_loop.test_data import sample_parts, write_shard
from tests.unit.training_loop.tiny import tiny_config
from training_loop.__main__ import main
from training_loop.api import (
    evaluate_checkpoint,
    fit_to_unit_cube,
    implicit_rewards,
    load_generator,
    run_training,
    sample_candidates,
)
from training_loop.checkpoints import read_header
from training_loop.models.config import PRESETS
from training_loop.recipe import RecipeError
from training_loop.regression import HELD_OUT_OF_REPLAY
from training_loop.reward import RewardError
from training_loop.stages import NoTrainingData
from training_loop.train_command import parse_overrides
from training_loop.views import ViewError

SMALL = {
    "library.count": 6,
    "library.image_px": 48,
    "steps": 2,
    "batch_size": 2,
    "vae.steps": 2,
    "vae.batch_size": 2,
    "calibrate_surface": 2,
    "precision": "fp32",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A pretrained tiny model, made once for this module."""
    before = PRESETS["micro"]
    PRESETS["micro"] = lambda: replace(tiny_config(), preset="micro")
    try:
        folder = tmp_path_factory.mktemp("base")
        yield run_training(stage="pretrain", recipe="mini_pretrain", overrides=SMALL, output_dir=folder, seed=1)
    finally:
        PRESETS["micro"] = before


@pytest.fixture
def target():
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    mask = np.zeros((40, 50), dtype=bool)
    mask[10:30, 15:35] = True
    return image, mask


@pytest.fixture
def shard(base, tmp_path):
    shape = read_header(base.checkpoint).config.vae.latent_shape
    return write_shard(
        tmp_path / "snapshot.tar", [(key, sample_parts(key, shape, seed=i)) for i, key in enumerate("abc")]
    )


def test_pretraining_leaves_a_checkpoint_and_a_log(base):
    header = read_header(base.checkpoint)
    config, info = header.config, header.info
    assert info.stage == "pretrain"
    assert set(config.layout_mean) == {"rotation", "translation", "scale"}
    assert len(config.vae.latent_mean) == config.vae.latent_channels
    assert base.metrics["library_examples"] == 6
    lines = [json.loads(line) for line in base.log.read_text().splitlines()]
    assert lines[0]["started"]
    assert lines[-1]["finished"]
    assert [line["step"] for line in lines if line.get("stage") == "vae"] == [1, 2]


def test_running_again_in_the_same_folder_trains_nothing_twice(base):
    old = len(base.log.read_text().splitlines())
    before = read_header(base.checkpoint)
    again = run_training(
        stage="pretrain", recipe="mini_pretrain", overrides=SMALL, output_dir=base.checkpoint.parent, seed=1
    )
    events = [json.loads(line) for line in again.log.read_text().splitlines()[old:]]
    assert not [event for event in events if "step" in event]
    config, config_before = read_header(again.checkpoint).config, before.config
    # The latents' statistics are taken anew by several threads, whose order of summing is not fixed.
    assert config.vae.latent_mean == pytest.approx(config_before.vae.latent_mean, abs=1e-6)
    assert config.vae.latent_std == pytest.approx(config_before.vae.latent_std, rel=1e-5)
    same = {"latent_mean": config_before.vae.latent_mean, "latent_std": config_before.vae.latent_std}
    assert replace(config, vae=replace(config.vae, **same)) == config_before


def test_a_snapshot_trains_sft_then_dpo(base, shard, tmp_path):
    seen = []
    common = {"batch_size": 4, "steps": 2, "precision": "fp32"}
    sft = run_training(
        stage="sft",
        recipe="mini_sft",
        overrides={
            **common,
            "library.count": 4,
            "library.image_px": 48,
            "library_share": 0.5,
            "regression.count": 0,
        },
        parent_checkpoint=base.checkpoint,
        shards=[shard],
        output_dir=tmp_path / "sft",
        seed=2,
        on_progress=lambda step, total, metrics: seen.append((step, total)),
    )
    assert sft.metrics["snapshot_examples"] == 3
    assert seen == [(1, 2), (2, 2)]
    dpo = run_training(
        stage="dpo",
        recipe="mini_dpo",
        overrides={**common, "regression.count": 0},
        parent_checkpoint=sft.checkpoint,
        shards=[shard],
        output_dir=tmp_path / "dpo",
        seed=2,
    )
    assert dpo.metrics["preference_pairs"] == 3
    assert dpo.metrics["filtered_pairs"] == 3
    events = [json.loads(line) for line in dpo.log.read_text().splitlines()]
    first = next(event for event in events if event.get("step") == 1)
    assert first["loss"] == pytest.approx(np.log(2), abs=1e-4)
    before, after = load_generator(sft.checkpoint), load_generator(dpo.checkpoint)
    assert all(torch.equal(a, b) for a, b in zip(before.vae.parameters(), after.vae.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(before.flow.parameters(), after.flow.parameters(), strict=True))


def test_a_killed_run_ends_as_if_nothing_had_happened(base, tmp_path):
    """In the middle of an epoch of the snapshot, between two saved states, bit for bit."""
    shape = read_header(base.checkpoint).config.vae.latent_shape
    encoded = {"generators": ("retrieval", "sam3d"), "pairs": ((0, 1),)}
    samples = [(key, sample_parts(key, shape, seed=i, **encoded)) for i, key in enumerate("abcdefg")]
    shard = write_shard(tmp_path / "snapshot.tar", samples)

    class Killed(Exception):
        pass

    def kill_at_step_4(step, total, metrics):
        if step == 4:
            raise Killed

    def run(folder, on_progress=None):
        return run_training(
            stage="sft",
            recipe="mini_sft",
            overrides={
                "batch_size": 4,
                "steps": 5,
                "save_every_steps": 3,
                "precision": "fp32",
                "library.count": 4,
                "library.image_px": 48,
                "library_share": 0.5,
                "regression.count": 0,
            },
            parent_checkpoint=base.checkpoint,
            shards=[shard],
            output_dir=tmp_path / folder,
            seed=2,
            on_progress=on_progress,
        )

    with pytest.raises(Killed):
        run("killed", kill_at_step_4)
    resumed, whole = run("killed"), run("whole")
    steps = [json.loads(line).get("step") for line in resumed.log.read_text().splitlines()]
    assert [step for step in steps if step] == [1, 2, 3, 4, 4, 5]
    models = [load_generator(result.checkpoint) for result in (resumed, whole)]
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))


def test_older_snapshots_are_replayed_and_held_against_the_result(base, shard, tmp_path):
    shape = read_header(base.checkpoint).config.vae.latent_shape
    older = write_shard(tmp_path / "older.tar", [(f"o{i}", sample_parts(f"o{i}", shape, seed=i)) for i in range(40)])
    common = {"batch_size": 4, "steps": 2, "precision": "fp32", "library": None, "library_share": 0.0}
    result = run_training(
        stage="sft",
        recipe="mini_sft",
        overrides={**common, "replay_share": 0.5, "regression.count": 2, "regression.tolerance": 1.0},
        parent_checkpoint=base.checkpoint,
        shards=[shard],
        replay_shards=[older],
        output_dir=tmp_path / "sft",
        seed=0,
    )
    assert result.metrics["snapshot_examples"] == 43
    for name in ("library", "replay"):
        assert 0 <= result.metrics[f"regression_{name}_before"] <= 1
    assert result.metrics["regression_passed"] == 1.0
    assert read_header(result.checkpoint).info.metrics["regression_fall"] == result.metrics["regression_fall"]
    anchored = run_training(
        stage="dpo",
        recipe="mini_dpo",
        overrides={
            "batch_size": 4,
            "steps": 2,
            "precision": "fp32",
            "replay_share": 1.0,
            "dpo.flow_matching_weight": 0.5,
            "regression.count": 0,
        },
        parent_checkpoint=base.checkpoint,
        shards=[shard],
        replay_shards=[older],
        output_dir=tmp_path / "dpo",
        seed=0,
    )
    assert anchored.metrics["loss"] == pytest.approx(
        anchored.metrics["preference"] + 0.5 * anchored.metrics["flow_matching"], rel=1e-4
    )
    lines = [json.loads(line) for line in anchored.log.read_text().splitlines()]
    assert np.shape(next(line for line in lines if line.get("step") == 1)["implicit_reward"]) == (4, 2)


def test_what_is_held_out_of_older_snapshots_is_held_out_of_the_new_one(base, tmp_path):
    """A snapshot holds what the ones before it held; trained on, it would tell nothing of what was forgotten."""
    shape = read_header(base.checkpoint).config.vae.latent_shape
    keys = [f"o{i}" for i in range(40)]
    held_out = [key for key in keys if zlib.crc32(key.encode()) % HELD_OUT_OF_REPLAY == 0]
    assert held_out
    older, newer = (
        write_shard(tmp_path / name, [(key, sample_parts(key, shape)) for key in keys])
        for name in ("older.tar", "newer.tar")
    )
    result = run_training(
        stage="sft",
        recipe="mini_sft",
        overrides={
            "batch_size": 1,
            "steps": 0,
            "epochs": 1,
            "precision": "fp32",
            "library": None,
            "library_share": 0.0,
            "regression.count": 0,
        },
        parent_checkpoint=base.checkpoint,
        shards=[newer],
        replay_shards=[older, older],
        output_dir=tmp_path / "sft",
        seed=0,
    )
    assert read_header(result.checkpoint).info.steps == len(keys) - len(held_out)


def test_object_swaps_train_every_modality(base, tmp_path):
    result = run_training(
        stage="midtrain",
        recipe="mini_midtrain_swap",
        overrides={"batch_size": 2, "steps": 1, "library.count": 3, "precision": "fp32"},
        parent_checkpoint=base.checkpoint,
        output_dir=tmp_path,
        seed=0,
    )
    assert {"shape", "rotation", "translation", "scale"} <= set(result.metrics)


def test_layout_is_fine_tuned_and_shapes_stay_as_they_are(base, target, tmp_path):
    result = run_training(
        stage="midtrain",
        recipe="mini_midtrain_swap",
        overrides={
            "batch_size": 2,
            "steps": 2,
            "library.count": 3,
            "precision": "fp32",
            "weights": {"rotation": 0.1, "translation": 0.1, "scale": 0.1},
        },
        parent_checkpoint=base.checkpoint,
        output_dir=tmp_path,
        seed=0,
    )
    image, mask = target
    before, after = (
        sample_candidates(model=load_generator(run.checkpoint), image=image, mask=mask, seeds=[1], steps=2)[0]
        for run in (base, result)
    )
    assert np.array_equal(before.latent, after.latent)
    assert before.layout != after.layout


def test_flying_occlusions_train_shape_and_rotation_alone(base, tmp_path):
    result = run_training(
        stage="midtrain",
        recipe="mini_midtrain",
        overrides={"batch_size": 2, "steps": 1, "library.count": 2, "library.image_px": 64, "precision": "fp32"},
        parent_checkpoint=base.checkpoint,
        output_dir=tmp_path,
        seed=0,
    )
    assert {"shape", "rotation"} <= set(result.metrics)
    assert not {"translation", "scale"} & set(result.metrics)


def test_the_implicit_reward_ranks_what_preferences_ranked(base, shard, target, tmp_path):
    image, mask = target
    tuned = run_training(
        stage="dpo",
        recipe="mini_dpo",
        overrides={"batch_size": 2, "steps": 4, "optimiser.learning_rate": 1e-3, "regression.count": 0},
        parent_checkpoint=base.checkpoint,
        shards=[shard],
        output_dir=tmp_path,
        seed=0,
    )
    policy, reference = load_generator(tuned.checkpoint), load_generator(base.checkpoint)
    latents = [np.full(policy.config.vae.latent_shape, value, dtype=np.float32) for value in (0.0, 1.0, 0.0)]
    rewards = implicit_rewards(policy=policy, reference=reference, image=image, mask=mask, latents=latents)
    assert rewards[0] == pytest.approx(rewards[2], rel=1e-5)
    assert rewards[0] != pytest.approx(rewards[1], rel=1e-3)
    same = implicit_rewards(policy=reference, reference=reference, image=image, mask=mask, latents=latents)
    assert same.tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(RewardError, match="latents must be"):
        implicit_rewards(
            policy=policy, reference=reference, image=image, mask=mask, latents=[np.zeros((3, 3), np.float32)]
        )


def test_distillation_runs_and_teaches_the_step_size(base, tmp_path):
    result = run_training(
        stage="distil",
        recipe="mini_distil",
        overrides={"batch_size": 8, "steps": 3, "library.count": 4, "library.image_px": 48, "regression.count": 0},
        parent_checkpoint=base.checkpoint,
        output_dir=tmp_path,
        seed=0,
    )
    model = load_generator(result.checkpoint)
    assert model.flow.d_embedder.mlp[2].weight.abs().max() > 0
    assert "self_consistency" in result.metrics


def test_candidates_are_watertight_coloured_and_fitted(base, target):
    image, mask = target
    model = load_generator(base.checkpoint)
    samples = sample_candidates(model=model, image=image, mask=mask, seeds=[1, 2], steps=2, cfg=0.0)
    assert [sample.seed for sample in samples] == [1, 2]
    for sample in samples:
        assert sample.mesh.is_watertight
        assert (sample.mesh.bounds[1] - sample.mesh.bounds[0]).max() == pytest.approx(1.0)
        assert sample.mesh.bounds.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
        assert sample.mesh.visual.kind == "vertex"
        assert sample.latent.shape == model.config.vae.latent_shape
        assert sample.layout is not None


def test_layouts_are_refined_where_that_is_asked_for(base, target):
    image, mask = target
    model = load_generator(base.checkpoint)
    plain, refined = (
        sample_candidates(model=model, image=image, mask=mask, seeds=[1], refine_layouts=refine)[0]
        for refine in (False, True)
    )
    assert plain.refinement is None
    assert refined.layout == refined.refinement.pose
    assert refined.refinement.accepted == (refined.layout != plain.layout)
    assert not refined.refinement.accepted or refined.refinement.iou_after > refined.refinement.iou_before
    assert np.array_equal(plain.latent, refined.latent)


def test_sampling_refuses_what_is_no_target(base, target):
    image, mask = target
    model = load_generator(base.checkpoint)
    for wrong, message in ((mask & False, "empty"), (mask[:5], "shape"), (mask.astype(np.uint8), "boolean")):
        with pytest.raises(ViewError, match=message):
            sample_candidates(model=model, image=image, mask=wrong, seeds=[0])
    with pytest.raises(ViewError, match="point map"):
        sample_candidates(model=model, image=image, mask=mask, point_map=np.zeros((4, 4, 3), np.float32), seeds=[0])


def test_fitting_moves_nothing_in_the_camera():
    mesh = trimesh.creation.box((0.2, 0.4, 0.1))
    mesh.apply_translation((0.1, 0.0, -0.2))
    pose = Pose((0.6, 0.0, 0.8, 0.0), (0.1, 0.2, 3.0), (2.0, 2.0, 2.0))
    fitted, layout = fit_to_unit_cube(mesh, pose)
    assert np.allclose(transform_points(layout, fitted.vertices), transform_points(pose, mesh.vertices))


def test_evaluation_measures_heldout_shapes(base):
    metrics = evaluate_checkpoint(checkpoint=base.checkpoint, heldout_count=2, seed=0)
    assert set(metrics) == {"solid_iou", "f1_at_0p01", "voxel_iou", "chamfer_l2", "emd"}
    assert all(np.isfinite(estimate.mean) and estimate.count == 2 for estimate in metrics.values())


def test_what_cannot_be_trained_is_said(base, tmp_path):
    with pytest.raises(RecipeError, match="for the stage sft, not dpo"):
        run_training(stage="dpo", recipe="mini_sft", output_dir=tmp_path, seed=0)
    with pytest.raises(NoTrainingData, match="starts from a parent"):
        run_training(stage="sft", recipe="mini_sft", output_dir=tmp_path, seed=0)
    with pytest.raises(NoTrainingData, match="shards"):
        run_training(
            stage="dpo", recipe="mini_dpo", output_dir=tmp_path / "d", parent_checkpoint=base.checkpoint, seed=0
        )


def test_the_command_line_reports_errors_in_one_line(tmp_path, capsys):
    assert main(["evaluate", "--checkpoint", str(tmp_path / "none.safetensors")]) == 1
    assert capsys.readouterr().err.startswith("error: none.safetensors is not a readable safetensors file")
    assert parse_overrides(["a.b=1e-4", "c=text"]) == {"a.b": 1e-4, "c": "text"}
    with pytest.raises(ValueError, match="FIELD=VALUE"):
        parse_overrides(["nothing"])
