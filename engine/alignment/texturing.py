"""The second time through Stage 2: textures for the shape that was chosen and posed (paper A.2).

It comes after the pose, so that a photograph can be laid on the shape from where it was taken.
"""

from uuid import UUID

import structlog
from django.db import transaction

from engine.alignment.models import Alignment
from engine.alignment.services import shape_to_pose
from engine.artistry import services as artistry
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json
from engine.errors import Conflict, LatheError
from engine.generation import services as generation
from engine.generation.models import Candidate, GenerationRequest
from engine.lifecycle import Move
from engine.sourcing import services as sourcing
from engine.sourcing.models import PointMap

# Asked for in one call; the timetable goes on with the rest.
MOST_AT_ONCE = 500

log = structlog.get_logger(__name__)


class NotPosed(Conflict):
    """The chosen shape has no pose: nobody knows where the photograph sees it from."""

    code = "not_posed"


def ask_for_textures(*, limit: int = MOST_AT_ONCE) -> int:
    """Have textures made for shapes that were posed in the open collection, if it wants any; return for how many.

    Each in its own transaction; any number of processes may do this at once. One that cannot be textured is logged,
    stays done, and holds no other up.
    """
    collection = generation.current_collection()
    if collection is None or not collection.texture_suite:
        return 0
    asked = 0
    for target_id in generation.targets_to_texture(collection=collection).order_by("id").values_list("id", flat=True):
        if asked == limit:
            break
        try:
            sourcing.move_target(target_id=target_id, move=Move.TEXTURE, iteration=collection.iteration)
        except sourcing.InvalidMove:
            continue  # another process asked for it first
        except LatheError as refusal:
            log.warning("not_textured", target_id=str(target_id), reason=str(refusal))
            continue
        asked += 1
    return asked


@transaction.atomic
def open_texture_request(*, target_id: UUID) -> GenerationRequest:
    """Ask the texture suite for textures of the target's posed shape (`lifecycle.ON_MOVE`).

    Raises:
        NotPosed: nobody posed it.
        NothingToPose: no shape of the target was accepted.
    """
    shape = shape_to_pose(target_id=target_id)
    pose, point_map = _placed(shape)
    return generation.open_texture_request(
        target_id=target_id, shape=shape, pose=pose, intrinsics=sourcing.intrinsics_of(point_map)
    )


def _placed(shape: Candidate) -> tuple[Pose, PointMap]:
    """The last pose of a shape, an annotator's or else the artist's own, and the point map in whose camera it is."""
    posed = Alignment.objects.counting().filter(candidate=shape, pose__isnull=False).select_related("point_map__image")
    alignment = posed.order_by("-submitted_at").first()
    if alignment is not None and alignment.point_map is not None:
        return from_json(Pose, alignment.pose), alignment.point_map
    job = artistry.accepted(target_id=shape.target_id).filter(accepted=shape, pose__isnull=False).first()
    point_map = PointMap.objects.newest(image_id=shape.target.image_id) if job else None
    if job is None or point_map is None:
        raise NotPosed("The chosen shape has no pose.", what_to_do="Have it posed first.", candidate=str(shape.id))
    return from_json(Pose, job.pose), point_map
