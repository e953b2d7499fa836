"""What an estimator of point maps is."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.targets import PointMapScale


class EstimatorError(RuntimeError):
    """No point map can be estimated; the message says why and what to do."""


@dataclass(frozen=True)
class Estimate:
    """An estimated point map.

    Attributes:
        points_camera: (height, width, 3) float32 in the OpenCV camera frame, NaN where unknown (sky).
        intrinsics: of the photograph at its own size, such that every point falls on its pixel.
    """

    points_camera: NDArray[np.float32]
    intrinsics: Intrinsics
    scale: PointMapScale


class PointMapEstimator(Protocol):
    """Estimates point maps. Made once per process."""

    name: str

    def estimate(self, pixels: NDArray[np.uint8]) -> Estimate:
        """Estimate the point map of a (height, width, 3) RGB photograph.

        Raises:
            EstimatorError: it cannot be done.
        """
