"""Point maps that a model worker estimates, where none came with the photograph."""

from django.conf import settings

from engine.asking import ask
from engine.contracts.point_maps import ESTIMATE_TASK, EstimateReply, EstimateRequest, unpack_point_map
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.targets import PointMapSource
from engine.errors import Unprocessable
from engine.sourcing import services
from engine.sourcing.models import Image, PointMap
from engine.storage.services import blob_ref, read_blob, record_blob


class NoEstimate(Unprocessable):
    """The estimator has no point map for this photograph."""

    code = "no_estimate"


def wants_estimate(*, image: Image) -> bool:
    """Whether an estimator runs, and nothing better than the prior is known of this photograph."""
    if not settings.LATHE_DEPTH:
        return False
    newest = PointMap.objects.newest(image_id=image.pk)
    return newest is None or newest.source == PointMapSource.PRIOR


def estimate_point_map(*, image: Image) -> PointMap:
    """Have the point map of a photograph estimated, wait for it, and keep it as `predicted`.

    Raises:
        NobodyAnswers: no estimator is running, or it took too long.
        NoEstimate: the estimator cannot do it; the message is its own.
        PointMapRefused: what it made does not fall on the photograph.
    """
    request = EstimateRequest(image=blob_ref(image.blob))
    answer = ask(ESTIMATE_TASK, timeout_seconds=settings.LATHE_DEPTH_SECONDS, message=to_json(request))
    reply = from_json(EstimateReply, answer)
    if reply.points is None or reply.intrinsics is None:
        raise NoEstimate(reply.failure or f"{reply.estimator} sent no point map.")
    return services.register_point_map(
        image_id=image.pk,
        points=unpack_point_map(read_blob(blob=record_blob(ref=reply.points))),
        intrinsics=reply.intrinsics,
        scale=reply.scale,
        source=PointMapSource.PREDICTED,
    )
