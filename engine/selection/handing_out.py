"""The selection that a person holds: claimed, and found again as it stands."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q

from engine.contracts.generation import Modality
from engine.errors import NotFound
from engine.generation.models import Candidate
from engine.selection.models import Selection, SelectionQuerySet
from engine.selection.progress import Progress, progress_of, start
from engine.sourcing.models import TargetObject
from engine.workforce import services as workforce
from engine.workforce.models import Stage, User, WorkItem


class NoSuchSelection(NotFound):
    """There is no such selection, or the caller does not hold it."""

    code = "no_such_selection"


@dataclass(frozen=True)
class SelectionTask:
    """A selection as its holder sees it.

    Attributes:
        bar: α of its collection; a rating under it needs a reason.
        as_splats: show splats instead of meshes. All or none: a mesh beside a splat would be judged by its looks.
    """

    selection: Selection
    work_item: WorkItem
    progress: Progress
    bar: float
    as_splats: bool

    @property
    def target(self) -> TargetObject:
        """The object in the photograph."""
        return self.selection.target


@transaction.atomic
def claim(*, user: User, prefetch: bool = False) -> SelectionTask | None:
    """Lease the next selection to `user` and return it; None where none waits. `prefetch` allows a second one."""
    claimed = workforce.claim(user=user, stage=Stage.SELECTION, prefetch=prefetch)
    if claimed is None:
        return None
    selection = _selections_for(user).get(work_item_id=claimed.work_item.id)
    return _task(selection=selection, work_item=claimed.work_item, user=user)


def task_of(*, user: User, work_item_id: UUID) -> SelectionTask:
    """Return the selection that `user` holds (or held last, while nobody else claimed it), as it stands.

    Raises:
        NoSuchSelection: the user does not hold it.
    """
    selection = (
        _selections_for(user)
        .select_related("work_item")
        .filter(work_item_id=work_item_id, work_item__holder=user)
        .filter(work_item__state__in=[WorkItem.State.OPEN, WorkItem.State.LEASED])
        .first()
    )
    if selection is None:
        raise NoSuchSelection(
            "You hold no selection of this id.", what_to_do="Claim the next one.", work_item=str(work_item_id)
        )
    return _task(selection=selection, work_item=selection.work_item, user=user)


def judged(*, work_item_id: UUID) -> SelectionTask:
    """A selection that was rated, as the person who rated it saw it in the end.

    Raises:
        NoSuchSelection: there is none of this id, or nobody rated it.
    """
    rated = Selection.objects.rated().select_related("tournament__annotator").filter(work_item_id=work_item_id).first()
    if rated is None or rated.tournament is None:
        raise NoSuchSelection("No selection was rated under this id.", what_to_do="Load the queue again.")
    author = rated.tournament.annotator
    selection = _selections_for(author).select_related("work_item").get(work_item_id=work_item_id)
    return _task(selection=selection, work_item=selection.work_item, user=author)


def _selections_for(user: User) -> SelectionQuerySet:
    """Everything that a claim needs in one query: candidates, and the user's own tournament if there is one."""
    candidates = Candidate.objects.filter(run__request_id=OuterRef("request_id"))
    return Selection.objects.select_related("target__image__blob", "request__collection").annotate(
        candidate_ids=ArraySubquery(candidates.values("id")),
        lacks_splats=Exists(candidates.filter(splat=None)),
        own=FilteredRelation("tournaments", condition=Q(tournaments__annotator=user)),
        own_tournament_id=F("own__id"),
    )


def _task(*, selection: Any, work_item: WorkItem, user: User) -> SelectionTask:
    """Wants a selection of `_selections_for`; starts the user's tournament where there is none yet."""
    if selection.own_tournament_id is None:
        progress = start(selection, user, candidate_ids=selection.candidate_ids)
    else:
        progress = progress_of(work_item_id=selection.pk, user=user)
    bar = selection.request.collection.alpha
    as_splats = selection.modality is Modality.TEXTURE and not selection.lacks_splats
    return SelectionTask(selection=selection, work_item=work_item, progress=progress, bar=bar, as_splats=as_splats)
