"""The only writers of an iteration's step and of its failure; each is a compare-and-set with an audit row."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from engine.flywheel.models import Iteration
from engine.workforce.models import User
from engine.workforce.services import audit

Step = Iteration.Step
ORDER = (Step.COLLECTING, Step.FREEZING, Step.SFT, Step.DPO, Step.EVALUATING, Step.PROMOTING, Step.DONE)


@transaction.atomic(savepoint=False)
def enter_next(iteration: Iteration, **fields: Any) -> bool:
    """Move from the step that was read to the next one; False if somebody else did, or the iteration failed.

    `fields` change along with the step. The seconds spent in the step that ends are added up.
    """
    found = Step(iteration.step)
    following = ORDER[ORDER.index(found) + 1]
    now = timezone.now()
    spent = iteration.step_seconds.get(found.value, 0.0) + (now - iteration.step_entered_at).total_seconds()
    moved = _change(
        iteration,
        failed=False,
        to=fields
        | {
            "step": following,
            "step_entered_at": now,
            "step_seconds": iteration.step_seconds | {found.value: round(spent, 3)},
            "ended_at": now if following == Step.DONE else None,
        },
    )
    if moved:
        audit(
            actor=None,
            subject_kind="iteration",
            subject_id=iteration.id,
            verb="advance",
            from_state=found.value,
            to_state=following.value,
            number=iteration.number,
            skipped=(fields.get("skipped") or {}).get(found.value, ""),
        )
    return moved


def skip(iteration: Iteration, *, reason: str) -> bool:
    """Go on without doing this step, and keep why."""
    return enter_next(iteration, skipped=iteration.skipped | {iteration.step: reason})


@transaction.atomic(savepoint=False)
def fail(*, iteration_id: UUID, reason: str) -> bool:
    """Stop at the present step; `resume` goes on there. False if it has failed already or is done."""
    iteration = Iteration.objects.select_for_update().get(id=iteration_id)
    if iteration.failed or iteration.step == Step.DONE:
        return False
    Iteration.objects.filter(id=iteration_id).update(failed=True, failure=reason or "no reason was given")
    audit(
        actor=None,
        subject_kind="iteration",
        subject_id=iteration_id,
        verb="fail",
        from_state=iteration.step,
        to_state="failed",
        number=iteration.number,
        reason=reason,
    )
    return True


@transaction.atomic(savepoint=False)
def unfail(iteration: Iteration, *, actor: User | None, **fields: Any) -> bool:
    """Go on at the step that failed; False if it is not failed any more."""
    after = iteration.failure
    changed = _change(iteration, failed=True, to=fields | {"failed": False, "failure": ""})
    if changed:
        audit(
            actor=actor,
            subject_kind="iteration",
            subject_id=iteration.id,
            verb="resume",
            from_state="failed",
            to_state=iteration.step,
            number=iteration.number,
            after=after,
        )
    return changed


def _change(iteration: Iteration, *, failed: bool, to: dict[str, Any]) -> bool:
    """Compare-and-set on step and failure; the instance follows the row."""
    if not Iteration.objects.filter(id=iteration.id, step=iteration.step, failed=failed).update(**to):
        return False
    for name, value in to.items():
        setattr(iteration, name, value)
    return True
