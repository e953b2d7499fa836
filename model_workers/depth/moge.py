"""MoGe (versions 1 and 2) by its own package and weights, as SAM 3D uses it for its point maps (paper 2.1).

`pip install` the package from its repository; weights are the published `model.pt`. Version 2 gives metres, version 1 a
map up to one factor.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.targets import PointMapScale
from model_workers.depth.protocol import Estimate, EstimatorError


class MoGe:
    """MoGe on the GPU where there is one.

    Args:
        weights: the published checkpoint file.

    Raises:
        EstimatorError: the package is not installed, or the file is no checkpoint of it.
    """

    name = "moge"

    def __init__(self, weights: Path) -> None:
        import torch

        if not weights.is_file():
            raise EstimatorError(f"There are no MoGe weights at {weights}: set LATHE_MOGE_WEIGHTS to its model.pt.")
        try:
            config = torch.load(weights, map_location="cpu", weights_only=True, mmap=True)["model_config"]
        except Exception as error:  # torch says in many ways that a file is none of its own
            raise EstimatorError(f"{weights} is no MoGe checkpoint: {error}") from error
        try:
            # The second version has a neck between encoder and heads.
            if "neck" in config:
                from moge.model.v2 import MoGeModel
            else:
                from moge.model.v1 import MoGeModel
        except ImportError as error:
            raise EstimatorError(
                f"The package moge is not installed ({error}): install it from github.com/microsoft/MoGe."
            ) from error
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._metric = bool(config.get("scale_head"))
        self._model: Any = MoGeModel.from_pretrained(str(weights)).to(self._device).eval()

    def estimate(self, pixels: NDArray[np.uint8]) -> Estimate:
        """Estimate the point map of a (height, width, 3) RGB photograph.

        Raises:
            EstimatorError: the model sees no surface anywhere.
        """
        import torch

        height, width = pixels.shape[:2]
        image = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device).permute(2, 0, 1).float() / 255
        output = self._model.infer(image, use_fp16=self._device == "cuda")
        points = output["points"].float().cpu().numpy()
        points[~np.isfinite(points).all(axis=-1) | ~output["mask"].cpu().numpy()] = np.nan
        if np.isnan(points).all():
            raise EstimatorError("MoGe sees no surface in this photograph.")
        matrix = output["intrinsics"].float().cpu().numpy()  # of an image that is one wide and one high
        return Estimate(
            points_camera=points,
            intrinsics=Intrinsics(
                fx=float(matrix[0, 0] * width),
                fy=float(matrix[1, 1] * height),
                cx=float(matrix[0, 2] * width),
                cy=float(matrix[1, 2] * height),
                width=width,
                height=height,
            ),
            scale=PointMapScale.METRIC if self._metric else PointMapScale.RELATIVE,
        )
