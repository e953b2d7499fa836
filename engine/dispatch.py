"""Hands a target over to the room that works on it next."""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils.module_loading import import_string

from engine.lifecycle import MOVES, ON_ENTRY, ON_MOVE, ByTheWorker, InTheMove, Move
from engine.sending import send_soon


def hand_over(*, move: Move, target_id: UUID) -> None:
    """Do what `lifecycle` says follows `move`: in the caller's transaction, or by the worker once it commits."""
    _, destination = MOVES[move]
    match ON_MOVE.get(move) or ON_ENTRY.get(destination):
        case InTheMove(service):
            import_string(service)(target_id=target_id)
        case ByTheWorker(task):
            transaction.on_commit(partial(send_soon, task))
