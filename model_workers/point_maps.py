"""Answers the engine's question for a point map: reads the photograph, estimates, stores what came out."""

import io
import os

import numpy as np
import structlog
from PIL import Image

from engine.contracts.point_maps import MEDIA_TYPE, EstimateReply, EstimateRequest, pack_point_map
from engine.embedded.places import var_folder
from engine.storage.blobs import open_store
from model_workers.depth.protocol import EstimatorError
from model_workers.depth.registry import load_estimator

log = structlog.get_logger(__name__)


def estimate(request: EstimateRequest) -> EstimateReply:
    """Estimate; every way that can fail is an answer, since the engine has a prior to fall back on."""
    store = open_store(os.environ.get("LATHE_STORAGE_URL"), var=var_folder())
    name = "none"
    try:
        estimator = load_estimator()
        name = estimator.name
        with Image.open(io.BytesIO(store.get(request.image.sha256))) as photograph:
            pixels = np.asarray(photograph.convert("RGB"))
        made = estimator.estimate(pixels)
    except EstimatorError as refusal:
        return EstimateReply(estimator=name, failure=str(refusal))
    except Exception as error:  # foreign code fails in every possible way
        log.exception("estimate_failed", estimator=name)
        return EstimateReply(estimator=name, failure=f"The estimator failed: {error}")
    points = store.put(pack_point_map(made.points_camera), media_type=MEDIA_TYPE)
    return EstimateReply(estimator=name, points=points, intrinsics=made.intrinsics, scale=made.scale)
