from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.unit.training_loop.tiny import tiny_config
from training_loop.checkpoints import (
    CheckpointError,
    CheckpointInfo,
    load_model,
    load_vae,
    read_header,
    save_model,
)
from training_loop.models.generator import GeometryModel, LatentSpaceError
from training_loop.models.shape_vae import ShapeVAE


@pytest.fixture
def saved(tiny_model, tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, tiny_model, CheckpointInfo(stage="sft", steps=3, metrics={"loss": 0.5}))
    return path


def rewrite(path, change):
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(tensors, metadata)
    save_file(tensors, path, metadata=metadata)


def test_a_checkpoint_rebuilds_its_model(saved, tiny_model):
    model = load_model(saved)
    assert model.config == tiny_model.config
    assert all(torch.equal(value, tiny_model.state_dict()[name]) for name, value in model.state_dict().items())
    assert read_header(saved).info.metrics == {"loss": 0.5}
    assert not model.training


def test_bf16_halves_the_file_and_stays_close(saved, tiny_model, tmp_path):
    small = tmp_path / "small.safetensors"
    save_model(small, tiny_model, CheckpointInfo(), dtype=torch.bfloat16)
    assert small.stat().st_size < 0.8 * saved.stat().st_size
    model = load_model(small)
    for name, weight in tiny_model.named_parameters():
        assert torch.allclose(dict(model.named_parameters())[name], weight, rtol=0.01, atol=1e-6)


def test_missing_unknown_and_mis_shaped_keys_are_named(saved):
    def change(tensors, metadata):
        del tensors["flow.t_embedder.mlp.0.bias"]
        tensors["flow.extra"] = torch.zeros(1)
        tensors["flow.t_embedder.mlp.2.bias"] = torch.zeros(7)

    rewrite(saved, change)
    with pytest.raises(CheckpointError) as caught:
        load_model(saved)
    message = str(caught.value)
    assert "1 missing: flow.t_embedder.mlp.0.bias" in message
    assert "1 unknown: flow.extra" in message
    assert "flow.t_embedder.mlp.2.bias is (7,), not (48,)" in message


def test_files_of_another_kind_are_refused(tmp_path):
    text = tmp_path / "text.safetensors"
    text.write_text("no tensors here")
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        load_model(text)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(1)}, foreign)
    with pytest.raises(CheckpointError, match="not written by this training loop"):
        load_model(foreign)


def test_a_configuration_with_unknown_fields_is_refused(saved):
    def change(tensors, metadata):
        metadata["config"] = metadata["config"].replace('"preset"', '"pre_set"')

    rewrite(saved, change)
    with pytest.raises(CheckpointError, match="pre_set"):
        load_model(saved)


def test_a_failed_write_leaves_the_old_file(saved, tiny_model, monkeypatch):
    before = saved.read_bytes()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("training_loop.checkpoints.save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        save_model(saved, tiny_model, CheckpointInfo())
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_statistics_survive_the_round_trip(tmp_path):
    config = tiny_config()
    config = replace(config, layout_mean={"rotation": (0.1,) * 6}, layout_std={"rotation": (2.0,) * 6})
    model = GeometryModel(replace(config, vae=replace(config.vae, latent_std=(2.0,) * 4, surface_logit=-1.5)))
    save_model(tmp_path / "m.safetensors", model, CheckpointInfo())
    loaded = load_model(tmp_path / "m.safetensors")
    assert loaded.config == model.config
    x = {"rotation": torch.randn(2, 1, 6)}
    assert torch.allclose(loaded.denormalise_layout(loaded.normalise_layout(x))["rotation"], x["rotation"], atol=1e-6)


def test_a_flow_is_never_decoded_with_another_vae(saved, tiny_model):
    def change(tensors, metadata):
        tensors["vae.decoder.input_layer.weight"] += 1.0

    assert read_header(saved).latent_space == tiny_model.vae.fingerprint()
    rewrite(saved, change)
    with pytest.raises(CheckpointError, match="the two come from different models"):
        load_model(saved)


def test_a_vae_that_was_trained_on_is_not_saved_with_the_old_flow(saved, tmp_path):
    model = load_model(saved)
    save_model(tmp_path / "same.safetensors", model, CheckpointInfo())
    with torch.no_grad():
        model.vae.decoder.input_layer.bias.add_(1.0)
    with pytest.raises(CheckpointError, match="the VAE has changed"):
        save_model(tmp_path / "other.safetensors", model, CheckpointInfo())


def test_a_vae_is_exchanged_for_one_of_the_same_latent_space_alone(saved):
    model = load_model(saved)
    better_encoder = load_vae(saved)
    with torch.no_grad():
        better_encoder.encoder.input_layer.bias.add_(1.0)
    model.adopt_vae(better_encoder)
    assert model.vae is better_encoder
    with pytest.raises(LatentSpaceError, match="Use the VAE that the flow was trained with"):
        model.adopt_vae(ShapeVAE(model.config.vae))
    other_scale = load_vae(saved)
    other_scale.config = replace(other_scale.config, latent_std=(3.0,) * 4)
    with pytest.raises(LatentSpaceError):
        model.adopt_vae(other_scale)


def test_the_fingerprint_does_not_depend_on_the_precision_of_the_file(saved, tiny_model, tmp_path):
    small = tmp_path / "small.safetensors"
    save_model(small, tiny_model, CheckpointInfo(), dtype=torch.bfloat16)
    assert read_header(small).latent_space == read_header(saved).latent_space
    save_model(tmp_path / "again.safetensors", load_model(small), CheckpointInfo())
