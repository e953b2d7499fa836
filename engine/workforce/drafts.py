"""Unsent work on an item, kept for the person who did it."""

import json
from typing import Any
from uuid import UUID

from engine.errors import NotFound, Unprocessable
from engine.workforce.models import AuditEvent, Draft, User
from engine.workforce.services import no_such_item

LARGEST_DRAFT = 4 * 1024**2  # characters of JSON


class DraftTooLarge(Unprocessable):
    """More than the engine keeps for one draft."""

    code = "draft_too_large"


class NoDraft(NotFound):
    """Nothing was saved."""

    code = "no_draft"


def save(*, user: User, work_item_id: UUID, content: Any) -> Draft:
    """Keep unsent work of `user` on an item they have claimed. A page that lost its lease meanwhile may still save.

    Raises:
        NoSuchWorkItem: there is no such item, or none that this person ever claimed.
        DraftTooLarge.
    """
    if len(json.dumps(content)) > LARGEST_DRAFT:
        raise DraftTooLarge(
            f"The draft is larger than {LARGEST_DRAFT // 1024**2} MB.", what_to_do="Submit, or save a simpler draft."
        )
    claims = AuditEvent.objects.filter(subject_kind="work_item", subject_id=work_item_id, verb="claim", actor=user)
    if not claims.exists():
        raise no_such_item(work_item_id)
    draft, _ = Draft.objects.update_or_create(work_item_id=work_item_id, user=user, defaults={"content": content})
    return draft


def load(*, user: User, work_item_id: UUID) -> Draft:
    """What `user` saved last on this item.

    Raises:
        NoDraft.
    """
    draft = Draft.objects.filter(work_item_id=work_item_id, user=user).first()
    if draft is None:
        raise NoDraft("You have saved no draft of this work item.", what_to_do="Start from the task itself.")
    return draft
