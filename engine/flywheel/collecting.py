"""The collection step of an iteration: which targets are asked for, and when it is over (paper 3.2.1)."""

from uuid import UUID

from engine.flywheel.models import Iteration
from engine.flywheel.plan import Plan
from engine.generation import services as generation
from engine.generation.models import Collection, GenerationRequest
from engine.lifecycle import AT_REST, Move, State
from engine.sourcing.models import TargetObject
from engine.sourcing.services import InvalidMove, move_target

ARTISTS_TURN = frozenset({State.TRIAGE, State.WITH_ARTIST})
REVISIT_CHUNK = 500


def ask_for_targets(*, collection: Collection, plan: Plan) -> None:
    """Ask for fresh targets first, then for those at rest since before this collection, up to the plan's limit.

    May be interrupted and repeated at any point: what was asked for already counts towards the limit.
    """
    ask_for_ready(collection=collection, plan=plan)
    states = [State(state) for state in plan.revisit]
    last: UUID | None = None
    while (left := _left(collection=collection, plan=plan)) is None or left > 0:
        at_rest = TargetObject.objects.filter(state__in=states, state_changed_at__lt=collection.opened_at)
        at_rest = at_rest.filter(id__gt=last) if last else at_rest
        page = list(at_rest.order_by("id").values_list("id", flat=True)[: min(left or REVISIT_CHUNK, REVISIT_CHUNK)])
        if not page:
            return
        for target_id in page:
            try:
                move_target(target_id=target_id, move=Move.REVISIT, iteration=collection.iteration)
            except InvalidMove:
                continue  # it moved on by itself meanwhile
        ask_for_ready(collection=collection, plan=plan)
        last = page[-1]


def ask_for_ready(*, collection: Collection, plan: Plan) -> int:
    """Ask for targets that are ready, up to the plan's limit."""
    left = _left(collection=collection, plan=plan)
    return 0 if left == 0 else generation.request_ready_targets(limit=left)


def is_over(*, iteration: Iteration, collection: Collection, plan: Plan) -> bool:
    """Whether it was told to end, or something was collected and no target of the collection is under way."""
    if iteration.stop_collecting:
        return True
    at_rest = AT_REST if plan.wait_for_artists else AT_REST | ARTISTS_TURN
    requests = GenerationRequest.objects.filter(collection=collection)
    under_way = requests.filter(target__state__in=[state for state in State if state not in at_rest])
    return not under_way.exists() and requests.exists()


def _left(*, collection: Collection, plan: Plan) -> int | None:
    if plan.target_limit is None:
        return None
    asked = GenerationRequest.objects.filter(collection=collection).values("target_id").distinct().count()
    return max(plan.target_limit - asked, 0)
