from dataclasses import replace

import pytest
import torch

from tests.unit.training_loop.tiny import made_up_examples, tiny_config
from training_loop import shape_encoder
from training_loop.__main__ import main
from training_loop.checkpoints import CheckpointInfo, load_model, read_header, save_model
from training_loop.models.generator import GeometryModel
from training_loop.models.shape_vae import MissingEncoder, NoShapeEncoder
from training_loop.recipe import OptimiserConfig
from training_loop.shape_encoder import EncoderConfig, train_encoder

QUICK = EncoderConfig(
    steps=20,
    batch_size=2,
    kl_weight=0.0,
    heldout=4,
    shapes=12,
    optimiser=OptimiserConfig(learning_rate=5e-2, warmup_steps=2, schedule="cosine", ema_decay=0.5),
)


@pytest.fixture
def boxes(monkeypatch):
    def shapes(count, split, seed, output_dir):
        return made_up_examples(tiny_config(), count, seed=1 if split == "train" else 2)

    monkeypatch.setattr(shape_encoder, "_shapes", shapes)
    return shapes


@pytest.fixture
def decoder_only(boxes, tmp_path):
    """A checkpoint whose decoder knows boxes and whose encoder is gone, as in the release."""
    torch.manual_seed(0)
    model = GeometryModel(tiny_config()).eval()
    model.vae.start_from_principal_components(boxes(12, "train", 0, None).occupancy())
    model.config = replace(model.config, vae=replace(model.config.vae, encoder=False))
    model.vae.config, model.vae.encoder = model.config.vae, NoShapeEncoder()
    path = tmp_path / "released.safetensors"
    save_model(path, model, CheckpointInfo(stage="released"))
    return path


def test_an_encoder_learns_to_invert_a_decoder_that_stays_as_it_is(decoder_only, tmp_path):
    with pytest.raises(MissingEncoder, match="python -m training_loop encoder"):
        load_model(decoder_only).vae.encode(torch.zeros(1, 64, 64, 64))
    untrained = train_encoder(checkpoint=decoder_only, output_dir=tmp_path / "a", config=replace(QUICK, steps=1))
    trained = train_encoder(checkpoint=decoder_only, output_dir=tmp_path / "b", config=QUICK)
    assert trained.metrics["heldout_voxel_iou"] > max(0.75, untrained.metrics["heldout_voxel_iou"] + 0.1)
    before, after = load_model(decoder_only), load_model(trained.checkpoint)
    assert after.latent_space == before.latent_space
    assert read_header(trained.checkpoint).info.stage == "released"
    for name, value in before.vae.decoder.state_dict().items():
        assert torch.equal(after.vae.decoder.state_dict()[name], value)
    assert after.vae.encode(torch.zeros(1, 64, 64, 64)).shape == (1, *after.config.vae.latent_shape)


def test_the_command_tells_what_came_out(decoder_only, tmp_path, capsys):
    arguments = ["--checkpoint", str(decoder_only), "--output", str(tmp_path / "out")]
    assert main(["encoder", *arguments, "--steps", "2", "--shapes", "4", "--heldout", "2"]) == 0
    assert "heldout_voxel_iou" in capsys.readouterr().out
