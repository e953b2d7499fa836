"""Hands a target over to the room that works in its new state."""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils.module_loading import import_string

from engine.lifecycle import ON_ENTRY, ByTheWorker, InTheMove, State
from engine.sending import send_soon


def enter(*, state: State, target_id: UUID) -> None:
    """Do what `lifecycle.ON_ENTRY` says for `state`: in the caller's transaction, or by the worker once it commits."""
    match ON_ENTRY.get(state):
        case InTheMove(service):
            import_string(service)(target_id=target_id)
        case ByTheWorker(task):
            transaction.on_commit(partial(send_soon, task))
