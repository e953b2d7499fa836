"""The `full` preset through the training loop, with everything in it small: DINOv2, released frames, plain VAE."""

from dataclasses import replace

import pytest
import torch

from tests.unit.training_loop.test_data import sample_parts, write_shard
from training_loop.api import load_generator, run_training
from training_loop.checkpoints import read_header
from training_loop.models.config import PRESETS, RELEASED_ROTATION_MEAN, full
from training_loop.models.dinov2 import DinoV2
from training_loop.released_weights import ConversionError

SHORT = {
    "steps": 1,
    "epochs": 0,
    "batch_size": 2,
    "micro_batch_size": 2,
    "precision": "fp32",
    "regression.count": 0,
    "read_processes": 0,
}
LIBRARY = {
    "library.count": 4,
    "library.image_px": 32,
    "library.processes": 1,
    "vae.steps": 1,
    "vae.batch_size": 2,
}


def small_full():
    config = full()
    return replace(
        config,
        vae=replace(config.vae, latent_resolution=8, channels=(8, 8, 4, 4), blocks_per_level=0, middle_blocks=0),
        conditioning=replace(
            config.conditioning,
            image_px=28,
            point_map_px=16,
            width=32,
            backbone_blocks=1,
            backbone_width=32,
            backbone_heads=2,
            point_width=32,
        ),
        flow=replace(config.flow, blocks=1, width=36, heads=2),
    )


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    before = PRESETS["full"]
    PRESETS["full"] = small_full
    folder = tmp_path_factory.mktemp("full")
    torch.manual_seed(3)
    backbone = DinoV2(image_px=28, width=32, blocks=1, heads=2)
    torch.save(backbone.state_dict(), folder / "dinov2.pth")
    overrides = {**SHORT, **LIBRARY, "backbone_weights": str(folder / "dinov2.pth"), "train_conditioner": False}
    try:
        result = run_training(
            stage="pretrain", recipe="full_pretrain", overrides=overrides, output_dir=folder / "run", seed=1
        )
        yield result, backbone
    finally:
        PRESETS["full"] = before


def test_pretraining_starts_from_public_backbone_weights_and_keeps_the_released_statistics(pretrained):
    result, backbone = pretrained
    model = load_generator(result.checkpoint)
    assert model.config.layout_mean == {"rotation": RELEASED_ROTATION_MEAN}
    for found in (model.conditioner.rgb, model.conditioner.mask):
        assert all(torch.equal(value, backbone.state_dict()[name]) for name, value in found.state_dict().items())


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_post_training_learns_from_a_snapshot(pretrained, tmp_path, stage):
    result, _ = pretrained
    shape = read_header(result.checkpoint).config.vae.latent_shape
    shard = write_shard(tmp_path / "s.tar", [(key, sample_parts(key, shape, seed=i)) for i, key in enumerate("ab")])
    trained = run_training(
        stage=stage,
        recipe=f"full_{stage}",
        overrides={**SHORT, "checkpoint_activations": True},
        parent_checkpoint=result.checkpoint,
        shards=[shard],
        output_dir=tmp_path / stage,
        seed=1,
    )
    before, after = load_generator(result.checkpoint), load_generator(trained.checkpoint)
    assert after.latent_space == before.latent_space
    moved = {
        name.split(".")[0]
        for (name, a), b in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(a, b)
    }
    assert moved == {"flow"}


def test_a_file_of_other_weights_is_refused_before_training(pretrained, tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "wrong.pth")
    overrides = {**SHORT, **LIBRARY, "backbone_weights": str(tmp_path / "wrong.pth")}
    with pytest.raises(ConversionError, match=r"wrong\.pth"):
        run_training(stage="pretrain", recipe="full_pretrain", overrides=overrides, output_dir=tmp_path, seed=1)
