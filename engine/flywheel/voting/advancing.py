"""An evaluation is a row that is advanced: looked at again and again, it does whatever can be done now."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Count, Prefetch, Q
from django.utils import timezone

from engine.errors import LatheError, Unprocessable
from engine.flywheel.voting import generating
from engine.flywheel.voting.models import Ballot, Contender, Entry, Evaluation, EvaluationItem
from engine.flywheel.voting.states import IllegalMove, NoSuchEvaluation, enter
from engine.sending import send_soon
from engine.workforce import services as workforce
from engine.workforce.models import Stage, User, WorkItem

ADVANCE_TASK = "engine.flywheel.tasks.advance_evaluations"
ENOUGH_TO_COMPARE = 2
BATCH = 1000

State = Evaluation.State

log = structlog.get_logger(__name__)


class ReasonMissing(Unprocessable):
    """A withdrawal is published with its reason."""

    code = "reason_missing"


def evaluation_named(name: str) -> Evaluation:
    """The evaluation of this name.

    Raises:
        NoSuchEvaluation: there is none.
    """
    return _one(Q(name=name), name)


def evaluation_with(evaluation_id: UUID) -> Evaluation:
    """The evaluation of this id.

    Raises:
        NoSuchEvaluation: there is none.
    """
    return _one(Q(id=evaluation_id), str(evaluation_id))


@transaction.atomic
def start(*, evaluation_id: UUID, actor: User | None = None) -> Evaluation:
    """Have every contender make its candidate of every item; voting begins by itself once all have answered.

    Raises:
        NoSuchEvaluation, IllegalMove.
    """
    enter(evaluation_id=evaluation_id, state=State.GENERATING, source=State.REGISTERED, actor=actor)
    transaction.on_commit(lambda: send_soon(ADVANCE_TASK))
    return evaluation_with(evaluation_id)


def close(*, evaluation_id: UUID, actor: User | None = None, note: str = "ended by hand") -> Evaluation:
    """End the voting now; what was handed in counts, what is under way does not.

    Raises:
        NoSuchEvaluation, IllegalMove.
    """
    return _end(evaluation_id, state=State.CLOSED, source=State.VOTING, actor=actor, note=note)


def withdraw(*, evaluation_id: UUID, reason: str, actor: User | None = None) -> Evaluation:
    """Say that an evaluation is not to be relied on. It stays in the list, with its reason and what was voted.

    Raises:
        NoSuchEvaluation, IllegalMove.
        ReasonMissing: no reason is given.
    """
    if not reason.strip():
        raise ReasonMissing("A withdrawal needs its reason.", what_to_do="Say what is wrong with the evaluation.")
    return _end(evaluation_id, state=State.WITHDRAWN, source=None, actor=actor, note=reason.strip())


def advance_evaluations(*, now: datetime | None = None) -> int:
    """The timetable's turn: send, look after the silent, open the voting, close it; returns how many moved on."""
    now = now or timezone.now()
    for evaluation_id in Evaluation.objects.filter(state=State.GENERATING, items=None).values_list("id", flat=True):
        write_entries(evaluation_id)
    generating.sweep_overdue_entries(now=now)
    generating.publish_waiting_entries(now=now)
    moved = 0
    for evaluation_id, state in Evaluation.objects.filter(state__in=[State.GENERATING, State.VOTING]).values_list(
        "id", "state"
    ):
        try:
            moved += (open_voting if state == State.GENERATING else _close_when_done)(evaluation_id)
        except IllegalMove:
            continue  # another process was quicker
        except LatheError as error:
            log.error("evaluation_stuck", evaluation_id=str(evaluation_id), error=str(error))
    return moved


@transaction.atomic
def write_entries(evaluation_id: UUID) -> bool:
    """Write down what is to be generated: all of it, once. Harmless to repeat."""
    evaluation = Evaluation.objects.select_for_update().get(id=evaluation_id)
    if evaluation.state != State.GENERATING or evaluation.items.exists():
        return False
    contenders = list(evaluation.contenders.all())
    targets = list(evaluation.set.targets.order_by("id").values_list("id", flat=True))
    items = EvaluationItem.objects.bulk_create(
        [
            EvaluationItem(evaluation=evaluation, target_id=target, seed=seed)
            for target in targets
            for seed in evaluation.seeds
        ],
        batch_size=BATCH,
    )
    Entry.objects.bulk_create(
        [Entry(item=item, contender=contender) for item in items for contender in contenders], batch_size=BATCH
    )
    return True


def open_voting(evaluation_id: UUID) -> bool:
    """Once every entry has ended and has its view: ask people. Harmless to repeat; False where it is not time yet.

    Raises:
        IllegalMove: another process did it at the same moment.
    """
    entries = Entry.objects.filter(item__evaluation_id=evaluation_id)
    if entries.filter(status__in=Entry.OPEN).exists() or not entries.exists():
        return False
    if entries.filter(status=Entry.Status.SUCCEEDED, view=None).exists():
        send_soon(generating.MAKE_VIEWS_TASK)
        return False
    with transaction.atomic():
        evaluation = evaluation_with(evaluation_id)
        usable = EvaluationItem.objects.filter(evaluation_id=evaluation_id).annotate(
            usable=Count("entries", filter=Q(entries__status=Entry.Status.SUCCEEDED))
        )
        items = list(usable.filter(usable__gte=ENOUGH_TO_COMPARE).order_by("id"))
        if not items:
            note = "no item has two candidates to compare"
            enter(evaluation_id=evaluation_id, state=State.CLOSED, source=State.GENERATING, note=note)
            return True
        enter(evaluation_id=evaluation_id, state=State.VOTING, source=State.GENERATING)
        Ballot.objects.bulk_create(
            Ballot(
                work_item=workforce.create_work_item(
                    stage=Stage.EVALUATION, subject_id=item.id, purpose=WorkItem.Purpose.EVALUATE
                ),
                item=item,
            )
            for item in items
            for _ in range(evaluation.voters_per_item)
        )
    return True


def _close_when_done(evaluation_id: UUID) -> bool:
    waiting = Ballot.objects.filter(item__evaluation_id=evaluation_id, work_item__in=WorkItem.objects.live())
    if waiting.exists():
        return False
    enter(evaluation_id=evaluation_id, state=State.CLOSED, source=State.VOTING)
    return True


@transaction.atomic
def _end(evaluation_id: UUID, *, state: str, source: str | None, actor: User | None, note: str) -> Evaluation:
    # The state first: a voting that is being opened at this moment waits for it, or has its ballots cancelled here.
    enter(evaluation_id=evaluation_id, state=state, source=source, actor=actor, note=note)
    live = Ballot.objects.filter(item__evaluation_id=evaluation_id, work_item__in=WorkItem.objects.live())
    if found := set(live.values_list("item_id", flat=True)):
        workforce.cancel_work_items_of(subject_ids=found, stages=[Stage.EVALUATION], actor=actor)
    return evaluation_with(evaluation_id)


def _one(where: Q, called: str) -> Evaluation:
    contenders = Prefetch("contenders", Contender.objects.select_related("model_version"))
    found = Evaluation.objects.select_related("set", "registered_by").prefetch_related(contenders).filter(where).first()
    if found is None:
        known = ", ".join(Evaluation.objects.order_by("-registered_at").values_list("name", flat=True)[:10])
        raise NoSuchEvaluation(f"There is no evaluation {called!r}.", what_to_do=f"The last ones: {known or 'none'}.")
    return found
