"""What Stage 1 does: takes in photographs, point maps and masks, and moves targets through their life (paper A.1)."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from engine import dispatch
from engine.errors import Conflict, NotFound
from engine.lifecycle import MOVES, Move, State
from engine.sourcing.models import TargetObject
from engine.workforce import services as workforce
from engine.workforce.models import User


class InvalidMove(Conflict):
    """The target is not in a state from which this move is legal; nothing was changed."""

    code = "invalid_move"


class NoSuchTarget(NotFound):
    """There is no target object of this id."""

    code = "no_such_target"


@transaction.atomic
def move_target(*, target_id: UUID, move: Move, actor: User | None = None, **facts: Any) -> TargetObject:
    """Make one legal move of a target's life: the only writer of `TargetObject.state`.

    The change is a compare-and-set, its audit row and the service of the next room share the transaction: whatever
    fails undoes all of them. `facts` (JSON values) go to the audit row.

    Raises:
        InvalidMove: the target is in a state from which `lifecycle.MOVES` does not allow the move.
        NoSuchTarget: there is no such target.
    """
    sources, destination = MOVES[move]
    target = TargetObject.objects.filter(id=target_id).first()
    if target is None:
        raise NoSuchTarget(f"There is no target object {target_id}.")
    found = State(target.state)
    now = timezone.now()
    # Compared with the very state that was read, not with any legal one: the audit row then names the true origin.
    moved = found in sources and TargetObject.objects.filter(id=target_id, state=found).update(
        state=destination, state_changed_at=now
    )
    if not moved:
        raise _invalid_move(target_id=target_id, move=move)
    target.state, target.state_changed_at = destination, now
    workforce.audit(
        actor=actor,
        subject_kind="target",
        subject_id=target_id,
        verb=move.value,
        from_state=found.value,
        to_state=destination.value,
        **facts,
    )
    dispatch.enter(state=destination, target_id=target_id)
    return target


def _invalid_move(*, target_id: UUID, move: Move) -> InvalidMove:
    state = State(TargetObject.objects.values_list("state", flat=True).get(id=target_id))
    possible = [other.value for other, (sources, _) in MOVES.items() if state in sources]
    return InvalidMove(
        f"The target is {state.value}; the move {move.value} needs "
        f"{' or '.join(sorted(source.value for source in MOVES[move][0]))}.",
        what_to_do=f"Moves possible from {state.value}: {', '.join(possible) or 'none'}.",
        target_id=str(target_id),
        state=state.value,
        possible_moves=possible,
    )
