"""Where an estimator runs, photographs without a point map get an estimated one before anybody poses in them."""

import numpy as np
import pytest

from engine.alignment import preparation
from engine.asking import NobodyAnswers
from engine.contracts.cameras import unproject
from engine.contracts.point_maps import EstimateReply, EstimateRequest
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.targets import PointMapScale
from engine.sourcing import estimates
from engine.sourcing.models import PointMap
from model_workers import point_maps
from model_workers.depth.protocol import Estimate, EstimatorError
from tests.integration.alignment.conftest import CAMERA

pytestmark = pytest.mark.django_db


class Plane:
    """Sees a plane two units away."""

    name = "plane"
    skew = 0.0

    def estimate(self, pixels):
        points = unproject(np.full(pixels.shape[:2], 2.0), CAMERA).astype(np.float32)
        points[..., 0] += self.skew
        return Estimate(points_camera=points, intrinsics=CAMERA, scale=PointMapScale.RELATIVE)


@pytest.fixture
def estimator(settings, monkeypatch):
    """A worker with an estimator, run here on the engine's own store."""
    from engine.storage.services import store

    settings.LATHE_DEPTH = True
    plane = Plane()
    monkeypatch.setattr(point_maps, "load_estimator", lambda: plane)
    monkeypatch.setattr(point_maps, "open_store", lambda *args, **kwargs: store())
    monkeypatch.setattr(
        estimates,
        "ask",
        lambda task, *, timeout_seconds, message: to_json(point_maps.estimate(from_json(EstimateRequest, message))),
    )
    return plane


@pytest.fixture
def unmapped(open_alignment):
    """An alignment whose photograph came without a point map."""
    alignment = open_alignment(prepared=False)
    PointMap.objects.all().delete()
    return alignment


def prepared(alignment):
    preparation.prepare(work_item_id=alignment.pk)
    alignment.refresh_from_db()
    return alignment


def test_the_estimate_is_what_people_pose_in(unmapped, estimator):
    point_map = prepared(unmapped).point_map
    assert (point_map.source, point_map.scale) == ("predicted", "relative")
    assert estimates.wants_estimate(image=unmapped.target.image) is False


def test_a_given_point_map_is_never_replaced(open_alignment, estimator):
    assert open_alignment().point_map.source == "given"


def test_without_an_estimator_it_is_the_prior(unmapped):
    assert prepared(unmapped).point_map.source == "prior"


def test_an_estimator_that_is_away_is_waited_for_some_times(unmapped, estimator, monkeypatch):
    def nobody(*args, **kwargs):
        raise NobodyAnswers("No worker answered in time.")

    monkeypatch.setattr(estimates, "ask", nobody)
    for _ in range(preparation.MAX_ATTEMPTS - 1):
        with pytest.raises(NobodyAnswers):
            preparation.prepare(work_item_id=unmapped.pk)
    assert prepared(unmapped).point_map.source == "prior"


def test_an_estimate_that_misses_its_pixels_is_refused(unmapped, estimator):
    estimator.skew = 0.5
    assert prepared(unmapped).point_map.source == "prior"


def test_an_estimator_that_fails_says_why(unmapped, estimator, monkeypatch):
    def fail(pixels):
        raise EstimatorError("MoGe sees no surface in this photograph.")

    monkeypatch.setattr(estimator, "estimate", fail)
    with pytest.raises(estimates.NoEstimate, match="no surface"):
        estimates.estimate_point_map(image=unmapped.target.image)
    monkeypatch.setattr(estimator, "estimate", lambda pixels: 1 / 0)
    with pytest.raises(estimates.NoEstimate, match="division"):
        estimates.estimate_point_map(image=unmapped.target.image)
    assert from_json(EstimateReply, to_json(EstimateReply(estimator="plane"))).points is None
