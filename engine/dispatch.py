"""Hands a target over to the room that works in its new state."""

from uuid import UUID

from django.utils.module_loading import import_string

from engine.lifecycle import ON_ENTRY, State


def enter(*, state: State, target_id: UUID) -> None:
    """Call the service that `lifecycle.ON_ENTRY` names for `state`, in the caller's transaction."""
    service = ON_ENTRY.get(state)
    if service is not None:
        import_string(service)(target_id=target_id)
