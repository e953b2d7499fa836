"""What other rooms ask of Stage 2: to open a selection, and what came out of the earlier ones (paper A.2)."""

from uuid import UUID

from django.db import transaction

from engine.errors import Conflict
from engine.generation.models import Candidate, GenerationRequest
from engine.selection.models import Selection, SelectionQuerySet
from engine.workforce import services as workforce
from engine.workforce.models import Stage


class NothingToCompare(Conflict):
    """The target's last request left fewer than two candidates."""

    code = "nothing_to_compare"


@transaction.atomic
def open_selection(*, target_id: UUID) -> Selection:
    """Ask one person to choose among the candidates of the target's last request.

    Raises:
        NothingToCompare: that request left fewer than two candidates.
    """
    request = (
        GenerationRequest.objects.filter(target_id=target_id, status=GenerationRequest.Status.FILLED)
        .order_by("-closed_at", "-created_at")
        .first()
    )
    count = 0 if request is None else Candidate.objects.filter(run__request=request).count()
    if request is None or count < 2:
        raise NothingToCompare(
            f"The last request for target {target_id} left {count} candidates; a tournament needs two.",
            what_to_do="Ask for another round of candidates.",
            target_id=str(target_id),
        )
    item = workforce.create_work_item(stage=Stage.SELECTION, subject_id=target_id)
    return Selection.objects.create(work_item=item, target_id=target_id, request=request)


def accepted(*, target_id: UUID) -> SelectionQuerySet:
    """Selections of the target that chose a shape and whose rating met its bar, newest first."""
    return Selection.objects.of_shapes().collected(target_id).accepted().order_by("-rated_at")


def rejected(*, target_id: UUID) -> SelectionQuerySet:
    """Selections of the target that chose a shape, each with the reason why it was not good enough, newest first."""
    rated = Selection.objects.of_shapes().collected(target_id).rated()
    return rated.exclude(failure_reason="").order_by("-rated_at")
