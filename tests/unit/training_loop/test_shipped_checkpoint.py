"""The checkpoint that ships with the project."""

import json

import numpy as np
import pytest
from PIL import Image

from training_loop.__main__ import main
from training_loop.api import load_generator, sample_candidates
from training_loop.checkpoints import read_header
from training_loop.models.config import mini
from training_loop.shipped import SHIPPED_CHECKPOINT

LARGEST_BYTES = 16_000_000


def test_it_is_small_and_says_where_it_comes_from():
    assert SHIPPED_CHECKPOINT.stat().st_size <= LARGEST_BYTES
    header = read_header(SHIPPED_CHECKPOINT)
    assert header.info.stage == "distil"
    assert header.info.recipe["name"] == "mini_distil_gpu"
    # Another shape of the same category would have 0.48 (`docs/experiments/mini_diagnosis.md`).
    assert header.info.metrics["heldout_isolated_steps12_strength1_iou"] > 0.6


def test_it_is_the_preset_of_its_name():
    config, preset = read_header(SHIPPED_CHECKPOINT).config, mini()
    assert (config.preset, config.flow, config.conditioning) == ("mini", preset.flow, preset.conditioning)
    assert (config.vae.latent_shape, config.vae.channels) == (preset.vae.latent_shape, preset.vae.channels)


@pytest.mark.parametrize("shortcut", [False, True])
def test_it_proposes_shapes(shortcut):
    image = np.full((60, 80, 3), 120, dtype=np.uint8)
    image[15:45, 30:50] = (180, 60, 40)
    mask = np.zeros((60, 80), dtype=bool)
    mask[15:45, 30:50] = True
    model = load_generator(SHIPPED_CHECKPOINT)
    samples = sample_candidates(model=model, image=image, mask=mask, seeds=[0, 1], steps=4, shortcut=shortcut)
    assert samples
    assert all(sample.mesh.is_watertight and sample.layout is not None for sample in samples)


def test_the_command_writes_what_an_evaluation_reads(tmp_path, capsys):
    """`sample`, then its own shapes and poses as predictions and as the truth."""
    picture = np.full((60, 80, 3), 120, dtype=np.uint8)
    mask = np.zeros((60, 80), dtype=np.uint8)
    mask[15:45, 30:50] = 255
    Image.fromarray(picture).save(tmp_path / "cup.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    pictures = ["--image", str(tmp_path / "cup.png"), "--mask", str(tmp_path / "mask.png")]
    output = str(tmp_path / "samples")
    checkpoint = ["--checkpoint", str(SHIPPED_CHECKPOINT), "--device", "cpu"]
    assert (
        main(["sample", *checkpoint, *pictures, "--steps", "2", "--shortcut", "--seeds", "3", "--output", output]) == 0
    )
    assert "seed_3.glb" in capsys.readouterr().out
    result = tmp_path / "result.json"
    folders = ["--predictions", output, "--ground-truth", output, "--points", "2000", "--no-emd", "--json", str(result)]
    assert main(["evaluate", *folders]) == 0
    (sample,) = json.loads(result.read_text())["samples"]
    assert sample["stem"] == "seed_3"
    assert sample["metrics"]["iou_3d"] == pytest.approx(1)
    assert sample["failed"] == []
