"""Which judgements are followed by a gold task or a second opinion: by a digest, so that a draw can be replayed."""

import hashlib
from uuid import UUID

SETTLE_TASK = "engine.workforce.tasks.settle_second_opinions"
_BITS = 53  # of a float


def draw(*, work_item_id: UUID, purpose: str) -> float:
    """A number in [0, 1) that depends on nothing but the arguments; uniform over items."""
    digest = hashlib.sha256(f"{work_item_id}/{purpose}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / 2.0**_BITS


def drawn(*, work_item_id: UUID, purpose: str, share: float) -> bool:
    """Whether the judgement of this item draws one of this purpose: true for `share` of all items, always the same.

    `statements.SUBMIT` compares in the same way.
    """
    return draw(work_item_id=work_item_id, purpose=purpose) < share
