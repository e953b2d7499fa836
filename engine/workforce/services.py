"""Judgements wanted and given: who may work on what, until when, and what proves it.

Lock order, for whoever combines these with rows of their own: work items first, then the target, then the rest.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from engine.errors import Conflict, NotFound
from engine.sending import send_soon
from engine.workforce import draws, statements
from engine.workforce.models import AuditEvent, SkipReason, Stage, User, WorkItem

LAST_BAND = 9
MOST_LEASES = 2  # of one person in one stage: the item in work and the one prefetched
EXPIRE_BATCH = 500
CLAIM_LOCKS = 0x1A7E  # first half of the advisory locks' keys; the second is the person


class LeaseSuperseded(Conflict):
    """Somebody else has claimed the item since, or it was given back: the token is no longer good."""

    code = "lease_superseded"


class WorkItemClosed(Conflict):
    """The item was answered or cancelled."""

    code = "work_item_closed"


class NoSuchWorkItem(NotFound):
    """There is no work item of this id."""

    code = "no_such_work_item"


@dataclass(frozen=True)
class Claim:
    """A work item given to a person, with its lease and fencing token in it."""

    work_item: WorkItem


def create_work_item(
    *,
    stage: str,
    subject_id: UUID,
    purpose: str = WorkItem.Purpose.COLLECT,
    priority_band: int = 1,
    barred_user_ids: Iterable[int] = (),
    reserved_for: User | None = None,
    note: str = "",
    prepared: bool = True,
    work_item_id: UUID | None = None,
    now: datetime | None = None,
) -> WorkItem:
    """Want one judgement of `stage` on the target `subject_id`. Band 0 is claimed first, band 9 last.

    One that is not `prepared` waits for `open_work_item` before anybody can claim it. `work_item_id` is for rows that
    were written before the item and name it. What is `reserved_for` somebody goes to nobody else, and to them before
    anything else; a reviewer's `note` is shown with the task.
    """
    (item,) = _rows(
        statements.CREATE,
        id=work_item_id or uuid4(),
        stage=Stage(stage).value,
        purpose=WorkItem.Purpose(purpose).value,
        subject=subject_id,
        state=(WorkItem.State.OPEN if prepared else WorkItem.State.PREPARING).value,
        band=priority_band,
        random_key=random.random(),
        barred=sorted(set(barred_user_ids)),
        reserved=reserved_for and reserved_for.pk,
        note=note,
        now=now or timezone.now(),
    )
    return item


@transaction.atomic
def open_work_item(*, work_item_id: UUID) -> bool:
    """Let people claim an item that was being prepared. Returns False where it was opened or cancelled before."""
    preparing = WorkItem.objects.filter(id=work_item_id, state=WorkItem.State.PREPARING)
    if not preparing.update(state=WorkItem.State.OPEN):
        return False
    audit(
        actor=None,
        subject_kind="work_item",
        subject_id=work_item_id,
        verb="prepare",
        from_state=WorkItem.State.PREPARING,
        to_state=WorkItem.State.OPEN,
    )
    return True


def claim(*, user: User, stage: str, prefetch: bool = False, now: datetime | None = None) -> Claim | None:
    """Give `user` one item of `stage` under lease, or None where none is open to them.

    Who already holds one gets that one again, with the same token: a page that was reloaded, or a person who comes
    back late and finds that nobody else took it. With `prefetch` a second one may be held, never on the same subject.
    """
    moment = now or timezone.now()
    item = _claim(user=user, stage=stage, prefetch=prefetch, now=moment)
    if item is None and expire_leases(now=moment):  # before saying "nothing left", look at what lies idle
        item = _claim(user=user, stage=stage, prefetch=prefetch, now=moment)
    return None if item is None else Claim(work_item=item)


@transaction.atomic(savepoint=False)
def _claim(*, user: User, stage: str, prefetch: bool, now: datetime) -> WorkItem | None:
    with connection.cursor() as cursor:
        # Two pages of one person that claim at once come one after the other; nobody else waits.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [CLAIM_LOCKS, user.pk & 0x7FFFFFFF])
    rows = _rows(
        statements.CLAIM,
        user=user.pk,
        stage=Stage(stage).value,
        leases=MOST_LEASES if prefetch else 1,
        entry=random.random(),
        expires=now + _lease_time(stage),
        now=now,
    )
    return rows[0] if rows else None


def check_lease(*, user: User, work_item_id: UUID, token: int, stage: str | None = None) -> WorkItem:
    """Compare the token, for writes that do not end the item. Inside a transaction the item stays locked to its end.

    Args:
        stage: of the room that asks: an item of another stage is none of its business.

    Raises:
        LeaseSuperseded, WorkItemClosed, NoSuchWorkItem.
    """
    return _of_stage(stage, _held(user=user, work_item_id=work_item_id, token=token))


def submit(
    *,
    user: User,
    work_item_id: UUID,
    token: int,
    duration_ms: int,
    guideline_version: str,
    stage: str | None = None,
    now: datetime | None = None,
) -> WorkItem:
    """End the item with a judgement by `user`. The stage's room calls it first, then writes its answer.

    A lease that ran out may still submit while nobody else has claimed the item. The draft is removed; on failure it
    is kept. A judgement that collects may draw second opinions (`draws`); a second opinion is compared soon after.

    Args:
        stage: of the room that asks: an item of another stage is none of its business.

    Raises:
        LeaseSuperseded, WorkItemClosed, NoSuchWorkItem.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("submit() must share a transaction with the answer: call it inside transaction.atomic().")
    done = _rows(
        statements.SUBMIT,
        id=work_item_id,
        user=user.pk,
        token=token,
        duration_ms=duration_ms,
        guideline_version=guideline_version,
        gold_draw=draws.draw(work_item_id=work_item_id, purpose=WorkItem.Purpose.GOLD.value),
        overlap_draw=draws.draw(work_item_id=work_item_id, purpose=WorkItem.Purpose.OVERLAP.value),
        now=now or timezone.now(),
    )
    if not done:
        held = _held(user=user, work_item_id=work_item_id, token=token)  # says what is wrong
        raise RuntimeError(f"{held} was held by {user} and could not be submitted")
    item = _of_stage(stage, done[0])
    if item.purpose != WorkItem.Purpose.COLLECT or vars(item)["opinions_wanted"]:
        transaction.on_commit(partial(send_soon, draws.SETTLE_TASK))
    return item


@transaction.atomic(savepoint=False)
def heartbeat(*, user: User, work_item_id: UUID, token: int, now: datetime | None = None) -> WorkItem:
    """Extend the lease. One that ran out is taken up again if nobody else has claimed the item since.

    Raises:
        LeaseSuperseded, WorkItemClosed, NoSuchWorkItem.
    """
    item = _held(user=user, work_item_id=work_item_id, token=token)
    return _move(
        item,
        actor=user,
        verb="take_up_again",
        state=WorkItem.State.LEASED,
        lease_expires_at=(now or timezone.now()) + _lease_time(item.stage),
    )


@transaction.atomic(savepoint=False)
def release(*, user: User, work_item_id: UUID, token: int) -> WorkItem:
    """Give the item back, to be claimed by anybody. The draft is kept.

    Raises:
        LeaseSuperseded, WorkItemClosed, NoSuchWorkItem.
    """
    item = _held(user=user, work_item_id=work_item_id, token=token)
    return _give_back(item, actor=user, verb="release")


@transaction.atomic(savepoint=False)
def skip(*, user: User, work_item_id: UUID, token: int, reason: str, note: str = "") -> WorkItem:
    """Give the item back for others: `user` will not meet it again. Skipped too often, it goes to the end of the queue.

    Args:
        reason: one of `SkipReason`; `note` says more in free words.

    Raises:
        LeaseSuperseded, WorkItemClosed, NoSuchWorkItem.
    """
    item = _held(user=user, work_item_id=work_item_id, token=token)
    skips = item.skip_count + 1
    changes: dict[str, Any] = {
        "skip_count": skips,
        "barred_user_ids": [*item.barred_user_ids, user.pk],
        "reserved_for": None,
    }
    if skips >= settings.LATHE_MAX_SKIPS:
        changes["priority_band"] = LAST_BAND
    return _give_back(
        item,
        actor=user,
        verb="skip",
        facts={"reason": SkipReason(reason).value, "note": note, "skip_count": skips},
        **changes,
    )


def withdraw(
    *, user: User, work_item_id: UUID, token: int, stage: str | None = None, now: datetime | None = None
) -> WorkItem:
    """End an item that `user` holds without a judgement, for everybody. The draft is kept.

    Args:
        stage: of the room that asks: an item of another stage is none of its business.

    Raises:
        LeaseSuperseded, WorkItemClosed, NoSuchWorkItem.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("withdraw() must share a transaction with its reason: call it inside transaction.atomic().")
    withdrawn = _rows(statements.WITHDRAW, id=work_item_id, user=user.pk, token=token, now=now or timezone.now())
    if not withdrawn:
        held = _held(user=user, work_item_id=work_item_id, token=token)  # says what is wrong
        raise RuntimeError(f"{held} was held by {user} and could not be withdrawn")
    return _of_stage(stage, withdrawn[0])


def expire_leases(*, now: datetime | None = None) -> int:
    """Reopen items whose lease has run out; returns how many. Until others claim, their last holders may submit."""
    return len(_rows(statements.EXPIRE, now=now or timezone.now(), limit=EXPIRE_BATCH))


def cancel_work_items(
    *, subject_id: UUID, stages: Iterable[str] = Stage.values, actor: User | None = None, now: datetime | None = None
) -> int:
    """Withdraw every open or leased item on a target (of some stages, if given); returns how many. Drafts are kept."""
    return cancel_work_items_of(subject_ids=[subject_id], stages=stages, actor=actor, now=now)


def cancel_work_items_of(
    *,
    subject_ids: Iterable[UUID],
    stages: Iterable[str] = Stage.values,
    actor: User | None = None,
    now: datetime | None = None,
) -> int:
    """As `cancel_work_items`, for many subjects in one statement."""
    rows = _rows(
        statements.CANCEL,
        subjects=list(subject_ids),
        stages=[Stage(stage).value for stage in stages],
        actor=actor.pk if actor else None,
        now=now or timezone.now(),
    )
    return len(rows)


def set_priority_bands(*, bands: Mapping[UUID, int]) -> int:
    """Move open items into these bands; returns how many were in another one.

    What was put first by hand (band 0) or last because many skipped it stays; what is being claimed right now too.
    """
    if not bands:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            statements.SET_BANDS, {"ids": list(bands), "bands": list(bands.values()), "last_band": LAST_BAND}
        )
        return int(cursor.rowcount)


def audit(
    *,
    actor: User | None,
    subject_kind: str,
    subject_id: UUID,
    verb: str,
    from_state: str = "",
    to_state: str = "",
    **facts: Any,
) -> AuditEvent:
    """Add one row to the audit log, in the caller's transaction. `facts` are JSON values."""
    return AuditEvent.objects.create(
        actor=actor,
        subject_kind=subject_kind,
        subject_id=subject_id,
        verb=verb,
        from_state=from_state,
        to_state=to_state,
        facts=facts,
    )


def _held(*, user: User, work_item_id: UUID, token: int) -> WorkItem:
    """The item, locked where a transaction is open, if `token` still proves that it is `user`'s."""
    items = WorkItem.objects.filter(id=work_item_id)
    if connection.in_atomic_block:
        items = items.select_for_update()
    item = items.first()
    if item is None:
        raise no_such_item(work_item_id)
    if item.holder_id != user.pk or item.fencing_token != token:
        raise LeaseSuperseded(
            "This work item is no longer yours: your lease ran out or was given back, and the token is not valid.",
            what_to_do="Your draft is kept. Claim the next work item.",
            work_item=str(work_item_id),
        )
    if item.state not in (WorkItem.State.OPEN, WorkItem.State.LEASED):
        raise WorkItemClosed(
            f"This work item is {item.state}.", what_to_do="Claim the next work item.", work_item=str(work_item_id)
        )
    return item


def _give_back(
    item: WorkItem, *, actor: User, verb: str, facts: Mapping[str, Any] | None = None, **changes: Any
) -> WorkItem:
    return _move(
        item,
        actor=actor,
        verb=verb,
        facts=facts,
        state=WorkItem.State.OPEN,
        holder=None,
        lease_expires_at=None,
        **changes,
    )


def _move(
    item: WorkItem, *, actor: User, verb: str, state: str, facts: Mapping[str, Any] | None = None, **changes: Any
) -> WorkItem:
    """Write `state` and `changes` of a locked item; audited where the state or the holder changes."""
    before = item.state
    changes |= {"state": state}
    for name, value in changes.items():
        setattr(item, name, value)
    item.save(update_fields=list(changes))
    if before != state or "holder" in changes:
        audit(
            actor=actor,
            subject_kind="work_item",
            subject_id=item.id,
            verb=verb,
            from_state=before,
            to_state=state,
            fencing_token=item.fencing_token,
            **(facts or {}),
        )
    return item


def _of_stage(stage: str | None, item: WorkItem) -> WorkItem:
    if stage is not None and item.stage != Stage(stage).value:
        raise no_such_item(item.id)
    return item


def _rows(statement: str, **parameters: Any) -> list[WorkItem]:
    return list(WorkItem.objects.raw(statement, parameters))


def _lease_time(stage: str) -> timedelta:
    return timedelta(seconds=settings.LATHE_LEASE_SECONDS[Stage(stage).value])


def no_such_item(work_item_id: UUID) -> NoSuchWorkItem:
    """What to raise where an id leads nowhere."""
    return NoSuchWorkItem(f"There is no work item {work_item_id}.")
