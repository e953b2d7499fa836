"""The life of an evaluation: every legal move, and the only writer of its state."""

from types import MappingProxyType
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from engine.errors import Conflict, NotFound
from engine.flywheel.voting.models import Evaluation
from engine.workforce.models import User
from engine.workforce.services import audit

State = Evaluation.State

MOVES: MappingProxyType[str, frozenset[str]] = MappingProxyType(
    {
        State.REGISTERED: frozenset({State.GENERATING, State.WITHDRAWN}),
        State.GENERATING: frozenset({State.VOTING, State.CLOSED, State.WITHDRAWN}),
        State.VOTING: frozenset({State.CLOSED, State.WITHDRAWN}),
        State.CLOSED: frozenset({State.WITHDRAWN}),  # what is wrong is often found afterwards
        State.WITHDRAWN: frozenset(),
    }
)
ENDED = frozenset({State.CLOSED, State.WITHDRAWN})


class NoSuchEvaluation(NotFound):
    """There is no evaluation of this name or id."""

    code = "no_such_evaluation"


class IllegalMove(Conflict):
    """The evaluation is not in a state from which this follows."""

    code = "illegal_evaluation_move"


@transaction.atomic(savepoint=False)
def enter(
    *, evaluation_id: UUID, state: str, source: str | None = None, actor: User | None = None, note: str = ""
) -> None:
    """Move an evaluation to `state` by compare-and-set, with an audit row.

    Args:
        source: the state that the caller saw; none: any from which the move is legal.

    Raises:
        NoSuchEvaluation: there is none of this id.
        IllegalMove: it is somewhere else by now.
    """
    evaluation = Evaluation.objects.select_for_update().filter(id=evaluation_id).first()
    if evaluation is None:
        raise NoSuchEvaluation(f"There is no evaluation {evaluation_id}.")
    before = evaluation.state
    if state not in MOVES[before] or source not in (None, before):
        raise IllegalMove(
            f"Evaluation {evaluation.name!r} is {before}; it cannot become {state}.",
            what_to_do="Look at it again.",
            state=before,
        )
    now = timezone.now()
    evaluation.state, evaluation.state_entered_at = state, now
    evaluation.note = note or evaluation.note
    evaluation.ended_at = now if state in ENDED else None
    evaluation.save(update_fields=["state", "state_entered_at", "note", "ended_at"])
    audit(
        actor=actor,
        subject_kind="evaluation",
        subject_id=evaluation_id,
        verb="enter",
        from_state=before,
        to_state=state,
        name=evaluation.name,
        note=note,
    )
