"""The converter, on random weights of the released structure with few blocks: the real ones are not ours to ship."""

import pickle
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from training_loop import released_weights
from training_loop.__main__ import main
from training_loop.checkpoints import CheckpointInfo, load_model, save_model
from training_loop.models.config import full, mini
from training_loop.models.dinov2 import DinoV2
from training_loop.models.generator import GeometryModel
from training_loop.models.shape_vae import MissingEncoder
from training_loop.released_weights import (
    DECODER,
    ENCODER,
    GENERATOR,
    ConversionError,
    from_released,
    load_dinov2,
    read_weights,
    released_name,
    to_released,
    write_released,
)

FLOW = "_base_models.generator.reverse_fn.backbone."
CONDITION = "_base_models.condition_embedder."


def few_blocks(**changes):
    """`full` in width and tokens, with one block everywhere and a slim VAE."""
    config = full()
    return replace(
        config,
        vae=replace(config.vae, channels=(32, 16, 8), blocks_per_level=1, middle_blocks=1, **changes),
        conditioning=replace(config.conditioning, backbone_blocks=1),
        flow=replace(config.flow, blocks=1),
    )


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return GeometryModel(few_blocks()).eval()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("released")
    write_released(model, folder)
    return folder


@pytest.fixture(scope="module")
def places():
    """(File, released key) of everything in the full preset → shape."""
    with torch.device("meta"):
        state = GeometryModel(full()).state_dict()
    places = {released_name(ours): tuple(value.shape) for ours, value in state.items()}
    assert len(places) == len(state)
    return places


def files_in(folder, *names):
    return {name: folder / f"{name}.safetensors" for name in names}


def same_weights(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("file", "key", "shape"),
    [
        (GENERATOR, FLOW + "t_embedder.mlp.0.weight", (1024, 256)),
        (GENERATOR, FLOW + "d_embedder.mlp.2.bias", (1024,)),
        (GENERATOR, FLOW + "latent_mapping.shape.pos_emb", (4096, 1024)),
        (GENERATOR, FLOW + "latent_mapping.6drotation_normalized.input_layer.weight", (1024, 6)),
        (GENERATOR, FLOW + "latent_mapping.translation_scale.out_layer.bias", (1,)),
        (GENERATOR, FLOW + "blocks.23.norm2.6drotation_normalized.weight", (1024,)),
        (GENERATOR, FLOW + "blocks.23.self_attn.to_qkv.shape.weight", (3072, 1024)),
        (GENERATOR, FLOW + "blocks.0.self_attn.k_rms_norm.6drotation_normalized.gamma", (16, 64)),
        (GENERATOR, FLOW + "blocks.0.cross_attn.shape.to_kv.weight", (2048, 1024)),
        (GENERATOR, FLOW + "blocks.0.mlp.6drotation_normalized.mlp.2.weight", (1024, 4096)),
        (GENERATOR, FLOW + "blocks.0.adaLN_modulation.1.weight", (6144, 1024)),
        (GENERATOR, CONDITION + "module_list.0.backbone.register_tokens", (1, 4, 1024)),
        (GENERATOR, CONDITION + "module_list.1.backbone.blocks.23.ls2.gamma", (1024,)),
        (GENERATOR, CONDITION + "module_list.1.backbone.pos_embed", (1, 1370, 1024)),
        (GENERATOR, CONDITION + "module_list.2.pos_embed_window", (1, 65, 512)),
        (GENERATOR, CONDITION + "module_list.2.blocks.0.mlp.fc1.weight", (1024, 512)),
        (GENERATOR, CONDITION + "projection_nets.2.0.weight", (512,)),
        (GENERATOR, CONDITION + "projection_nets.0.1.w2.weight", (1024, 2816)),
        (GENERATOR, CONDITION + "idx_emb", (3, 1024)),
        (DECODER, "input_layer.weight", (512, 8, 3, 3, 3)),
        (DECODER, "middle_block.1.conv2.bias", (512,)),
        (DECODER, "blocks.2.conv.weight", (1024, 512, 3, 3, 3)),
        (DECODER, "blocks.7.norm1.weight", (32,)),
        (DECODER, "out_layer.2.weight", (1, 32, 3, 3, 3)),
        (ENCODER, "blocks.2.conv.weight", (128, 32, 2, 2, 2)),
    ],
)
def test_the_full_preset_has_the_released_keys_and_shapes(places, file, key, shape):
    """Read off the release's model code and configurations; see docs/released_weights.md."""
    assert places[file, key] == shape


def test_there_and_back_is_the_same_model(model, folder):
    back = from_released(files_in(folder, GENERATOR, DECODER, ENCODER), few_blocks())
    assert back.config == model.config
    assert same_weights(back.state_dict(), model.state_dict())
    assert back.latent_space == model.vae.fingerprint()


def test_back_and_there_are_the_same_files(folder):
    back = from_released(files_in(folder, GENERATOR, DECODER, ENCODER), few_blocks())
    for name, weights in to_released(back).items():
        assert same_weights(weights, load_file(folder / f"{name}.safetensors"))


def test_a_converted_model_is_a_checkpoint_like_any_other(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(released_weights, "full", few_blocks)
    generator, decoder = (folder / f"{name}.safetensors" for name in (GENERATOR, DECODER))
    output, again = tmp_path / "model.safetensors", tmp_path / "again"
    arguments = ["convert", "from-released", "--generator", str(generator), "--decoder", str(decoder)]
    assert main([*arguments, "--output", str(output)]) == 0
    assert main(["convert", "to-released", "--checkpoint", str(output), "--output", str(again), "--ckpt"]) == 0
    assert "ss_generator.ckpt" in capsys.readouterr().out
    assert sorted(path.name for path in again.iterdir()) == ["ss_decoder.ckpt", "ss_generator.ckpt"]
    assert same_weights(read_weights(again / "ss_decoder.ckpt"), load_file(decoder))
    assert set(torch.load(again / "ss_generator.ckpt", weights_only=True)) == {"state_dict"}
    loaded = load_model(output)
    with pytest.raises(MissingEncoder, match="convert with --encoder"):
        loaded.vae.encode(torch.zeros(1, 64, 64, 64))


def spoil(folder, tmp_path, name, change):
    weights = load_file(folder / f"{name}.safetensors")
    change(weights)
    save_file(weights, tmp_path / f"{name}.safetensors")
    return {**files_in(folder, GENERATOR, DECODER), name: tmp_path / f"{name}.safetensors"}


def test_missing_unknown_and_mis_shaped_keys_are_all_named(folder, tmp_path):
    def change(weights):
        del weights[FLOW + "t_embedder.mlp.0.bias"]
        del weights[FLOW + "blocks.0.mlp.shape.mlp.0.bias"]
        weights[FLOW + "blocks.1.adaLN_modulation.1.bias"] = torch.zeros(6144)
        weights[CONDITION + "idx_emb"] = torch.zeros(2, 1024)

    with pytest.raises(ConversionError) as caught:
        from_released(spoil(folder, tmp_path, GENERATOR, change), few_blocks())
    message = str(caught.value)
    assert message.startswith("ss_generator.safetensors")
    assert f"2 missing: {FLOW}blocks.0.mlp.shape.mlp.0.bias, {FLOW}t_embedder.mlp.0.bias" in message
    assert f"1 unknown: {FLOW}blocks.1.adaLN_modulation.1.bias" in message
    assert f"1 mis-shaped: {CONDITION}idx_emb is (2, 1024), not (3, 1024)" in message


def test_a_model_of_another_depth_is_named_by_patterns(folder):
    config = few_blocks()
    deeper = replace(config, flow=replace(config.flow, blocks=3))
    with pytest.raises(ConversionError, match=r"blocks\.\*\.adaLN_modulation\.\*\.bias \(2 keys\)"):
        from_released(files_in(folder, GENERATOR, DECODER), deeper)


def test_a_file_in_the_wrong_place_is_an_error(folder):
    swapped = {GENERATOR: folder / f"{DECODER}.safetensors", DECODER: folder / f"{DECODER}.safetensors"}
    with pytest.raises(ConversionError, match="missing"):
        from_released(swapped, few_blocks())
    with pytest.raises(ConversionError, match="needs the file ss_decoder"):
        from_released({GENERATOR: folder / f"{GENERATOR}.safetensors"}, few_blocks())


class Surprise:
    def __reduce__(self):
        return (print, ("this must never be printed",))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("surprise.ckpt", {"state_dict": {"a": Surprise()}}, "reading it could run code"),
        ("number.pt", {"a": 1}, "no dictionary of tensors"),
    ],
)
def test_pickles_of_anything_but_tensors_are_refused(tmp_path, capsys, name, content, message):
    path = tmp_path / name
    torch.save(content, path)
    with pytest.raises(ConversionError, match=message):
        read_weights(path)
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_of_both_formats_are_read(tmp_path, zipped):
    weights = {"a": torch.arange(3.0)}
    torch.save({"state_dict": weights, "epoch": 3}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert same_weights(read_weights(tmp_path / "a.pth"), weights)


def test_files_that_are_no_weights_are_named(tmp_path):
    for name, content in (("a.safetensors", b"nothing"), ("b.pt", b"nothing"), ("c.pt", pickle.dumps([1], protocol=2))):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ConversionError, match=name):
            read_weights(path)
    with pytest.raises(ConversionError, match="is no file"):
        read_weights(tmp_path / "absent.pt")


def test_what_the_release_cannot_express_is_named(model):
    with pytest.raises(ConversionError) as caught:
        to_released(GeometryModel(mini()))
    for reason in ("not DINOv2", "other frames", "Gaussian head start", "linear path", "rotation statistics"):
        assert reason in str(caught.value)
    shifted = replace(model.config, vae=replace(model.config.vae, latent_std=(2.0,) * 8))
    with torch.device("meta"):
        other = GeometryModel(shifted)
    with pytest.raises(ConversionError, match="normalises latents"):
        to_released(other)


def test_public_dinov2_weights_go_into_both_backbones(tmp_path):
    config = few_blocks()
    small = replace(
        config,
        conditioning=replace(config.conditioning, image_px=28, backbone_width=32, backbone_heads=2, point_map_px=16),
        flow=replace(config.flow, width=32, heads=2),
    )
    model = GeometryModel(small)
    public = DinoV2(image_px=28, width=32, blocks=1, heads=2)
    path = tmp_path / "dinov2.pth"
    torch.save(public.state_dict(), path)
    load_dinov2(model, path)
    for backbone in (model.conditioner.rgb, model.conditioner.mask):
        assert same_weights(backbone.state_dict(), public.state_dict())
    torch.save({**public.state_dict(), "head.weight": torch.zeros(1)}, path)
    with pytest.raises(ConversionError, match=r"1 unknown: head\.weight"):
        load_dinov2(model, path)
    with pytest.raises(ConversionError, match="no DINOv2 backbone"):
        load_dinov2(GeometryModel(mini()), path)


def test_the_command_line_ends_with_one_line(tmp_path, capsys):
    arguments = ["--generator", "no.ckpt", "--decoder", "no.ckpt", "--output", str(tmp_path / "x")]
    assert main(["convert", "from-released", *arguments]) == 1
    assert capsys.readouterr().err == "error: no.ckpt is no file\n"
    checkpoint = tmp_path / "mini.safetensors"
    save_model(checkpoint, GeometryModel(mini()), CheckpointInfo())
    assert main(["convert", "to-released", "--checkpoint", str(checkpoint), "--output", str(tmp_path / "out")]) == 1
    assert "has no released form" in capsys.readouterr().err
