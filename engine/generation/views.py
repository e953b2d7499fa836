"""What people are shown of a candidate: the mesh as light as a browser likes it, and no more than is judged.

A shape is shown without its colours, in one piece: how a mesh is cut into parts and materials tells where it comes
from. A mesh of more than 200,000 faces is reduced, a large bare one is packed. The original stays as it is, for data.
"""

from datetime import timedelta
from uuid import UUID

import structlog
from django.utils import timezone

from engine.contracts.generation import Modality
from engine.contracts.glb import MEDIA_TYPE, GlbRefused, MeshPart, read_glb, write_glb
from engine.generation.models import Candidate
from engine.meshes.packing import NotPacked, can_be_packed, packed_glb
from engine.meshes.viewing import reduced, uncoloured
from engine.sending import send_soon
from engine.storage import services as storage
from engine.storage.models import Blob

MAKE_VIEWS_TASK = "engine.generation.tasks.make_views"
MOST_AT_ONCE = 200
# A candidate that has no view after so long was forgotten: the message got lost, or a worker died.
OVERDUE = timedelta(seconds=60)

log = structlog.get_logger(__name__)


def make_views_soon() -> None:
    """Ask a worker to make what is missing. To be called on commit."""
    send_soon(MAKE_VIEWS_TASK)


def make_missing_views() -> int:
    """Make the views of candidates that have none; returns how many. One that cannot be read holds no other up."""
    made = 0
    missing = Candidate.objects.filter(view=None).order_by("created_at").values_list("id", flat=True)
    for candidate_id in list(missing[:MOST_AT_ONCE]):
        try:
            made += _make_view(candidate_id)
        except GlbRefused as refusal:
            log.error("view_not_made", candidate_id=str(candidate_id), error=str(refusal))
    return made


def resend_missing_views() -> None:
    """Look after candidates that were forgotten."""
    if Candidate.objects.filter(view=None, created_at__lt=timezone.now() - OVERDUE).exists():
        make_views_soon()


def view_of(candidate: Candidate) -> bytes | None:
    """The bytes to show of a candidate whose view is not there yet: without colours, but with all faces.

    None where there is nothing to leave out. Wants the candidate with its mesh and request.
    """
    try:
        parts = read_glb(storage.read_blob(blob=candidate.mesh))
    except GlbRefused:
        return None
    return write_glb(parts if _shows_colours(candidate) else uncoloured(parts))


def _make_view(candidate_id: UUID) -> bool:
    candidate = Candidate.objects.select_related("mesh", "run__request").get(id=candidate_id)
    view = make_view(candidate.mesh, coloured=_shows_colours(candidate))
    return Candidate.objects.filter(id=candidate_id, view=None).update(view=view) == 1


def make_view(mesh: Blob, *, coloured: bool) -> Blob:
    """Store a canonical mesh as people are shown it, with or without its colours.

    Raises:
        GlbRefused: it cannot be read.
    """
    original = storage.read_blob(blob=mesh)
    parts = read_glb(original)
    view = _light_glb(reduced(parts if coloured else uncoloured(parts)))
    return mesh if view == original else storage.put_blob(data=view, media_type=MEDIA_TYPE)


def _light_glb(parts: list[MeshPart]) -> bytes:
    if can_be_packed(parts):
        try:
            return packed_glb(parts[0])
        except NotPacked as refusal:
            log.warning("view_not_packed", reason=str(refusal))
    return write_glb(parts)


def _shows_colours(candidate: Candidate) -> bool:
    """Textures are judged in a round of their own; an artist's mesh is shown as it was made."""
    return candidate.run is None or candidate.run.request.modality == Modality.TEXTURE
