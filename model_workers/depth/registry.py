"""Which estimator this installation has: a third party's by entry point, or MoGe where its weights are configured."""

import os
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from model_workers.depth.moge import MoGe
from model_workers.depth.protocol import EstimatorError, PointMapEstimator

GROUP = "lathe.point_maps"
WEIGHTS_VARIABLE = "LATHE_MOGE_WEIGHTS"


@lru_cache(maxsize=1)
def load_estimator() -> PointMapEstimator:
    """Make the estimator of this process.

    Raises:
        EstimatorError: none is configured, or it cannot be loaded.
    """
    plugged = list(entry_points(group=GROUP))
    if len(plugged) > 1:
        names = ", ".join(sorted(point.name for point in plugged))
        raise EstimatorError(f"Several packages estimate point maps ({names}): uninstall all but one.")
    if plugged:
        estimator: PointMapEstimator = plugged[0].load()()
        return estimator
    weights = os.environ.get(WEIGHTS_VARIABLE, "").strip()
    if not weights:
        raise EstimatorError(f"No estimator of point maps is configured: set {WEIGHTS_VARIABLE}.")
    return MoGe(Path(weights))
