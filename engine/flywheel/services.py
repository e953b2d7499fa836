"""The flywheel: iterations that collect, freeze, train, evaluate and promote (paper 3.2, A.6 Algorithm 1).

An iteration is a row. `advance` looks at what is stored and does the next thing; it may be called at any time, by
anybody, again and again: on every answer of a trainer, and every few seconds by the timetable.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from engine.contracts.training import EvaluateReply, TrainProgress, TrainReply
from engine.datasets import services as datasets
from engine.datasets.models import Snapshot
from engine.errors import Conflict, LatheError, NotFound
from engine.flywheel import replies, runs, steps, transitions
from engine.flywheel.models import Iteration, ModelVersion, TrainingRun
from engine.flywheel.plan import Plan, UnusableSettings, complete_settings, plan_from
from engine.flywheel.registering import register
from engine.flywheel.reporting import report, status
from engine.flywheel.versions import promote, promoted_version
from engine.sending import send_soon
from engine.session_lock import session_lock
from engine.workforce.models import User
from engine.workforce.services import audit

__all__ = [
    "advance",
    "advance_running",
    "freeze_iteration",
    "iteration_numbered",
    "pretrain",
    "promote",
    "record_evaluation_reply",
    "record_progress",
    "record_training_reply",
    "register",
    "report",
    "resume",
    "start",
    "status",
    "stop_collecting",
]

ADVANCE_TASK = "engine.flywheel.tasks.advance"

log = structlog.get_logger(__name__)


class IterationRunning(Conflict):
    """An iteration is under way; there is one at a time."""

    code = "iteration_running"


class NothingToResume(Conflict):
    """The iteration did not fail."""

    code = "nothing_to_resume"


class NotCollecting(Conflict):
    """The iteration has left its collection step."""

    code = "not_collecting"


class NoSuchIteration(NotFound):
    """There is no iteration of this number."""

    code = "no_such_iteration"


def start(*, alpha: float, settings: dict[str, Any] | None = None, actor: User | None = None) -> Iteration:
    """Start the next iteration with the bar α_k. It then runs by itself.

    Raises:
        IterationRunning: the last one is not done.
        UnusableSettings: see `plan_from`; also an α outside [0, 1].
    """
    if not 0 <= alpha <= 1:
        raise UnusableSettings(f"α must lie in [0, 1], got {alpha:g}.", alpha=alpha)
    complete = complete_settings(settings or {})
    last = Iteration.objects.order_by("-number").first()
    if last is not None and last.step != Iteration.Step.DONE:
        raise _running(last)
    try:
        with transaction.atomic():
            iteration = Iteration.objects.create(
                number=last.number + 1 if last else 1, alpha=alpha, settings=complete, started_by=actor
            )
            audit(
                actor=actor,
                subject_kind="iteration",
                subject_id=iteration.id,
                verb="start",
                to_state=iteration.step,
                number=iteration.number,
                alpha=alpha,
            )
            transaction.on_commit(lambda: send_soon(ADVANCE_TASK, iteration_id=str(iteration.id)))
    except IntegrityError as error:  # somebody else started at the same moment
        raise _running(Iteration.objects.order_by("-number").first()) from error
    return iteration


def advance(*, iteration_id: UUID) -> bool:
    """Do whatever can be done now for this iteration; True if anything changed. Harmless to repeat.

    Expected failures of a step stop the iteration with their reason; the incumbent stays promoted.
    """
    changed = False
    with session_lock(f"advance {iteration_id}") as held:
        while held:
            iteration = (
                Iteration.objects.select_related(
                    "base__checkpoint", "collection", "snapshot", "sft_version__checkpoint", "dpo_version__checkpoint"
                )
                .filter(id=iteration_id, failed=False)
                .exclude(step=Iteration.Step.DONE)
                .first()
            )
            if iteration is None or not _do_step(iteration):
                break
            changed = True
    return changed


def _do_step(iteration: Iteration) -> bool:
    try:
        return steps.STEPS[iteration.step](iteration, plan_from(iteration.settings))
    except LatheError as error:
        log.warning("iteration_failed", number=iteration.number, step=iteration.step, error=str(error))
        transitions.fail(iteration_id=iteration.id, reason=str(error))
        return False


def advance_running(*, now: datetime | None = None) -> bool:
    """The timetable's turn: look after silent runs, send what waits, and advance the iteration that is under way."""
    replies.give_up_or_send_again(now=now or timezone.now())
    runs.publish_waiting_runs(now=now)
    running = Iteration.objects.exclude(step=Iteration.Step.DONE).values_list("id", flat=True).first()
    return advance(iteration_id=running) if running else False


def resume(
    *, number: int, actor: User | None = None, settings: dict[str, Any] | None = None, skip: bool = False
) -> Iteration:
    """Go on with a failed iteration at the step where it stopped, with a new run.

    Args:
        settings: changes to the iteration's settings, such as a lower learning rate after a divergence.
        skip: leave out the step that failed (not the collection); what was trained so far still goes to the gate.

    Raises:
        NoSuchIteration, NothingToResume, UnusableSettings.
    """
    iteration = iteration_numbered(number)
    if not iteration.failed:
        raise NothingToResume(
            f"Iteration {number} did not fail; it is {iteration.step}.", what_to_do="It goes on by itself."
        )
    if skip and iteration.step == Iteration.Step.COLLECTING:
        raise UnusableSettings("The collection cannot be skipped.", what_to_do="Resume without skipping.")
    complete = complete_settings(iteration.settings | (settings or {}))
    with transaction.atomic(savepoint=False):
        if not transitions.unfail(iteration, actor=actor, settings=complete):
            raise NothingToResume(f"Iteration {number} was resumed by somebody else.")
        if iteration.snapshot_id is not None:
            datasets.retry_freeze(snapshot_id=iteration.snapshot_id)
        if skip:
            transitions.skip(iteration, reason="left out by hand")
        transaction.on_commit(lambda: send_soon(ADVANCE_TASK, iteration_id=str(iteration.id)))
    return iteration


def stop_collecting(*, number: int, actor: User | None = None) -> Iteration:
    """Go on with what was collected so far; targets under way finish and count in the next snapshot.

    Raises:
        NoSuchIteration, NotCollecting.
    """
    iteration = iteration_numbered(number)
    with transaction.atomic():
        told = Iteration.objects.filter(
            id=iteration.id, step=Iteration.Step.COLLECTING, collection__isnull=False
        ).update(stop_collecting=True)
        if not told:
            raise NotCollecting(f"Iteration {number} is {iteration.step} and has no open collection.")
        audit(
            actor=actor,
            subject_kind="iteration",
            subject_id=iteration.id,
            verb="stop_collecting",
            number=number,
        )
        transaction.on_commit(lambda: send_soon(ADVANCE_TASK, iteration_id=str(iteration.id)))
    return iteration


def pretrain(*, settings: dict[str, Any] | None = None) -> ModelVersion | TrainingRun:
    """Have a first checkpoint trained where there is none; return the promoted version, or the run that makes it."""
    version = promoted_version()
    if version is not None:
        return version
    with session_lock("pretrain"):
        steps.ask_for_first_checkpoint(plan_from(settings or {}))
    return TrainingRun.objects.filter(iteration=None, purpose=steps.PRETRAIN).latest("created_at")


def freeze_iteration(*, iteration_id: UUID) -> None:
    """Freeze the snapshot of an iteration and go on. A failure is kept on the snapshot and stops the iteration."""
    iteration = Iteration.objects.select_related("snapshot").get(id=iteration_id)
    snapshot = iteration.snapshot
    if snapshot is None or iteration.step != Iteration.Step.FREEZING:
        return
    plan: Plan = plan_from(iteration.settings)
    try:
        datasets.freeze(
            iteration=snapshot.iteration,
            alpha=snapshot.alpha,
            cutoff_at=snapshot.cutoff_at,
            options=plan.freeze_options(),
        )
    except datasets.FreezeRunning:
        return
    except Exception:
        # Whatever freezing kept on its snapshot stops the iteration with that reason; anything else goes on up.
        log.exception("freeze_failed", number=iteration.number)
        if not Snapshot.objects.filter(id=snapshot.id, status=Snapshot.Status.FAILED).exists():
            raise
    advance(iteration_id=iteration_id)


def record_training_reply(*, reply: TrainReply) -> bool:
    """Take a trainer's answer, once, and go on."""
    return replies.record_training(reply=reply) and _go_on_after(reply.run_id)


def record_evaluation_reply(*, reply: EvaluateReply) -> bool:
    """Take an evaluator's answer, once, and go on."""
    return replies.record_evaluation(reply=reply) and _go_on_after(reply.run_id)


def record_progress(*, progress: TrainProgress) -> bool:
    """Take a sign of life."""
    return runs.record_progress(progress=progress)


def iteration_numbered(number: int) -> Iteration:
    """The iteration k.

    Raises:
        NoSuchIteration: there is none.
    """
    iteration = (
        Iteration.objects.select_related("base", "sft_version", "dpo_version", "snapshot").filter(number=number).first()
    )
    if iteration is None:
        raise NoSuchIteration(f"There is no iteration {number}.", what_to_do="See `manage.py flywheel status`.")
    return iteration


def _go_on_after(run_id: str) -> bool:
    iteration_id = replies.iteration_of(run_id)
    if iteration_id is not None:
        advance(iteration_id=iteration_id)
    return True


def _running(iteration: Iteration | None) -> IterationRunning:
    number = iteration.number if iteration else 0
    state = "failed" if iteration and iteration.failed else iteration.step if iteration else "starting"
    return IterationRunning(
        f"Iteration {number} is not done ({state}).",
        what_to_do="Let it finish; if it failed, resume it: `manage.py flywheel resume`.",
        number=number,
    )
