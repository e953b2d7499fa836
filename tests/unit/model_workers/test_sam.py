"""SAM from a folder in the real layout, with a tiny model of random weights: it loads, answers, and remembers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.contracts.assist import Box, Click, Prompts, Stroke
from model_workers.segmenters.protocol import SegmenterError

SIDE = 64


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    transformers = pytest.importorskip("transformers", reason="the extra `sam` is not installed")
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 8,
        "image_size": [SIDE, SIDE],
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 2, 4, 8],
        "blocks_per_stage": [1, 1, 2, 1],
        "window_size_per_stage": [8, 4, 4, 2],
        "global_attention_blocks": [3],
    }
    config = transformers.Sam2Config(
        vision_config={
            "backbone_config": backbone,
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": SIDE},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
    )
    folder = tmp_path_factory.mktemp("sam2")
    transformers.Sam2Model(config).save_pretrained(folder)
    return folder


def test_any_prompt_gives_a_mask_of_the_picture_and_the_picture_is_embedded_once(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model_workers.segmenters.sam import Sam

    sam = Sam(weights)
    embedded: list[int] = []
    embed = sam._model.get_image_embeddings

    def counted(pixels: torch.Tensor) -> list[torch.Tensor]:
        embedded.append(1)
        return list(embed(pixels))

    monkeypatch.setattr(sam._model, "get_image_embeddings", counted)
    image = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    prior = np.zeros((40, 90), dtype=np.bool_)
    prior[10:20, 30:60] = True
    click = Click(x=45, y=20, positive=True)
    for prompts, given in [
        (Prompts(clicks=(click,)), None),
        (Prompts(clicks=(click, Click(x=5, y=5, positive=False))), prior),
        (Prompts(box=Box(left=20, top=5, right=70, bottom=35)), None),
        (Prompts(strokes=(Stroke(points=((20, 20), (60, 25)), radius=3, positive=True),)), None),
    ]:
        mask = sam.segment(image, prompts, prior=given)
        assert (mask.shape, mask.dtype) == ((40, 90), np.bool_)
    assert embedded == [1]
    assert sam.name == "sam2"


def test_it_must_be_told_where_the_object_is(weights: Path) -> None:
    from model_workers.segmenters.sam import Sam

    image = np.zeros((8, 8, 3), dtype=np.uint8)
    with pytest.raises(SegmenterError, match="click on it"):
        Sam(weights).segment(image, Prompts(clicks=(Click(1, 1, positive=False),)), prior=None)


def test_other_folders_are_refused_by_what_is_wrong_with_them(tmp_path: Path) -> None:
    from model_workers.segmenters.sam import Sam

    with pytest.raises(SegmenterError, match=r"no config\.json"):
        Sam(tmp_path)
    pytest.importorskip("transformers", reason="the extra `sam` is not installed")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(SegmenterError, match="bert, not of SAM"):
        Sam(tmp_path)
