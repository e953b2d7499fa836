"""SAM 2 and SAM 3 by transformers (extra `sam`), from a folder in the layout of `save_pretrained`.

    LATHE_SAM_WEIGHTS=/models/sam2.1-hiera-small

The embedding of a picture takes nearly all of the time; it is kept while a person works on that picture, so that only
the first click waits for it. On a GPU where there is one.

Source: A.5 (SAM as a tool to assist in segmentation).
"""

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engine.contracts.assist import Prompts
from model_workers.segmenters.protocol import SegmenterError

EMBEDDINGS_KEPT = 4
POINTS_OF_A_STROKE = 8
PRIOR_LOGIT = 8.0  # how sure the prior is taken to be of its pixels
PREPROCESSING = ("preprocessor_config.json", "processor_config.json")


class Sam:
    """A promptable segmenter with learned notions of objects."""

    def __init__(self, weights: Path) -> None:
        """Load from a folder.

        Raises:
            SegmenterError: transformers is missing, or the folder holds no SAM 2 or SAM 3.
        """
        config = _read_json(weights / "config.json")
        if config is None:
            raise SegmenterError(f"{weights} holds no config.json: give the folder that `save_pretrained` wrote.")
        self.name, model_class = _model_class(str(config.get("model_type", "")))
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model_class.from_pretrained(weights, local_files_only=True).eval().to(self._device)
        side = self._model.config.prompt_encoder_config.image_size
        self._side = int(side if isinstance(side, int) else side[0])
        self._mean, self._std = _normalisation(weights, sam3=self.name == "sam3")
        self._embeddings: OrderedDict[int, tuple[NDArray[np.uint8], list[torch.Tensor]]] = OrderedDict()

    @torch.inference_mode()
    def segment(
        self, image: NDArray[np.uint8], prompts: Prompts, *, prior: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        """Mark the object.

        Raises:
            SegmenterError: nothing says where the object is.
        """
        prior = prior if prior is not None and prior.any() else None
        points = _points(prompts)
        if prior is None and prompts.box is None and not any(positive for _, _, positive in points):
            raise SegmenterError("Nothing says where the object is: click on it, or draw a box around it.")
        height, width = image.shape[:2]
        scale = torch.tensor([self._side / width, self._side / height])
        inputs: dict[str, Any] = {}
        if points:
            places = torch.tensor([(x, y) for x, y, _ in points], dtype=torch.float32) * scale
            inputs["input_points"] = places[None, None].to(self._device)
            labels = torch.tensor([int(positive) for *_, positive in points], dtype=torch.int32)
            inputs["input_labels"] = labels[None, None].to(self._device)
        if prompts.box is not None:
            corners = torch.tensor([[prompts.box.left, prompts.box.top], [prompts.box.right, prompts.box.bottom]])
            inputs["input_boxes"] = (corners * scale).reshape(1, 1, 4).to(self._device)
        if prior is not None:
            logits = (torch.from_numpy(prior.astype(np.float32)) * 2 - 1) * PRIOR_LOGIT
            inputs["input_masks"] = logits[None, None].to(self._device)
        one_click = len(points) == 1 and prompts.box is None and prior is None
        output = self._model(image_embeddings=self._embedding(image), multimask_output=one_click, **inputs)
        best = int(output.iou_scores.flatten().argmax())
        logits = output.pred_masks.flatten(0, 2)[best]
        full = torch.nn.functional.interpolate(
            logits[None, None].float(), size=(height, width), mode="bilinear", align_corners=False
        )
        return np.asarray((full[0, 0] > 0).cpu().numpy())

    def _embedding(self, image: NDArray[np.uint8]) -> list[torch.Tensor]:
        """What the vision encoder makes of a picture; remembered by the picture itself."""
        kept = self._embeddings.get(id(image))
        if kept is not None:
            self._embeddings.move_to_end(id(image))
            return kept[1]
        resized = cv2.resize(image, (self._side, self._side), interpolation=cv2.INTER_LINEAR)
        pixels = (np.asarray(resized, dtype=np.float32) / 255.0 - self._mean) / self._std
        tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float().to(self._device)
        embedding: list[torch.Tensor] = self._model.get_image_embeddings(tensor)
        self._embeddings[id(image)] = (image, embedding)  # the picture is held, so that its id stays its own
        while len(self._embeddings) > EMBEDDINGS_KEPT:
            self._embeddings.popitem(last=False)
        return embedding


def _points(prompts: Prompts) -> list[tuple[float, float, bool]]:
    points = [(click.x, click.y, click.positive) for click in prompts.clicks]
    for stroke in prompts.strokes:
        chosen = np.linspace(0, len(stroke.points) - 1, min(POINTS_OF_A_STROKE, len(stroke.points))).round().astype(int)
        points += [(*stroke.points[index], stroke.positive) for index in chosen]
    return points


def _model_class(model_type: str) -> tuple[str, Any]:
    try:
        import transformers
    except ImportError as error:
        raise SegmenterError(
            "SAM needs transformers: install requirements/sam.in, or unset LATHE_SAM_WEIGHTS."
        ) from error
    if model_type.startswith("sam2"):
        return "sam2", transformers.Sam2Model
    if model_type.startswith("sam3"):
        return "sam3", transformers.Sam3TrackerModel
    raise SegmenterError(f"The weights are of a {model_type or 'model without model_type'}, not of SAM 2 or SAM 3.")


def _normalisation(weights: Path, *, sam3: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of the pixels that the model was trained on, as the folder says them."""
    mean, std = ([0.5] * 3, [0.5] * 3) if sam3 else ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    for name in PREPROCESSING:
        said = _read_json(weights / name) or {}
        said = said.get("image_processor", said)
        mean, std = said.get("image_mean", mean), said.get("image_std", std)
    return np.asarray(mean, dtype=np.float32), np.asarray(std, dtype=np.float32)


def _read_json(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
