"""What a room tells the workforce, so that its stage can be judged twice, compared and taken back.

`lifecycle.SECOND_LOOKS` says which room does so for which stage; workforce itself knows none of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast
from uuid import UUID

from django.utils.module_loading import import_string

from engine.errors import Conflict
from engine.lifecycle import SECOND_LOOKS
from engine.workforce.models import Judgement, User, WorkItem


class NothingToCompare(Conflict):
    """The judgement cannot be a reference, or its stage knows no second opinions."""

    code = "nothing_to_compare"


class NotTakenBack(Conflict):
    """The judgement cannot be sent back as things stand."""

    code = "not_taken_back"


@dataclass(frozen=True)
class Agreement:
    """Whether two judgements agree, and all that was measured (None where a measure has no sense)."""

    agrees: bool
    measures: Mapping[str, float | bool | None] = field(default_factory=dict)


class AskAgain(Protocol):
    """Give `work_item`, new and not open to anybody yet, the very same question as `reference` had.

    Raises:
        NothingToCompare: that question cannot be asked again.
    """

    def __call__(self, *, reference: WorkItem, work_item: WorkItem) -> None: ...


class OpenItem(Protocol):
    """Open the work item that wants a judgement again; who may claim it is settled by whoever sends it back."""

    def __call__(self, *, subject_id: UUID) -> WorkItem: ...


class TakeBack(Protocol):
    """Move the target back to where `judgement` was wanted, open that item, and give it its question.

    Raises:
        NotTakenBack, InvalidMove: the target stands where it cannot be taken back from.
    """

    def __call__(self, *, judgement: Judgement, actor: User, by_others: bool, open_item: OpenItem) -> WorkItem: ...


@dataclass(frozen=True)
class SecondLook:
    """A stage's part in second opinions and reviews.

    Attributes:
        ask_again: see `AskAgain`.
        compare: (judged item, reference item) → how far they agree. Neither order of the two is special.
        take_back: see `TakeBack`.
    """

    ask_again: AskAgain
    compare: Callable[[WorkItem, WorkItem], Agreement]
    take_back: TakeBack


def second_look(stage: str) -> SecondLook:
    """The one of a stage.

    Raises:
        NothingToCompare: the stage has none.
    """
    path = SECOND_LOOKS.get(stage)
    if path is None:
        raise NothingToCompare(
            f"Judgements of the stage {stage} are not judged twice.",
            what_to_do=f"Stages that are: {', '.join(SECOND_LOOKS)}.",
        )
    return cast(SecondLook, import_string(path))
