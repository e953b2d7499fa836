"""Which candidates a person may look at, and how often a page could not show one."""

from uuid import UUID

from django.db.models import F

from engine.errors import NotFound
from engine.selection.models import Presentation
from engine.workforce.models import Role, User
from engine.workforce.permissions import has_role


class NoSuchPresentation(NotFound):
    """There is no such presentation, or it was shown to somebody else."""

    code = "no_such_presentation"


def shown_mesh(*, user: User, presentation_id: UUID) -> Presentation:
    """Return a presentation with candidate and mesh, for the person it was made for, or for a reviewer.

    Raises:
        NoSuchPresentation: it does not exist, or the user holds the selection no more.
    """
    presentation = (
        Presentation.objects.select_related(
            "candidate__mesh",
            "candidate__view",
            "candidate__splat",
            "candidate__run__request",
            "tournament__selection__work_item",
        )
        .filter(id=presentation_id)
        .first()
    )
    if presentation is not None:
        item = presentation.tournament.selection.work_item
        theirs = presentation.tournament.annotator_id == user.id and item.holder_id == user.id
        if theirs or has_role(user, Role.REVIEWER):
            return presentation
    raise NoSuchPresentation(
        "There is no such mesh for you.", what_to_do="Claim a selection and use the URLs that it gives."
    )


def record_load_failure(*, user: User, presentation_id: UUID) -> None:
    """Count that a page could not show a candidate. The person may vote it down all the same.

    Raises:
        NoSuchPresentation: it does not exist, or it was shown to somebody else.
    """
    theirs = Presentation.objects.filter(id=presentation_id, tournament__annotator=user)
    if not theirs.update(load_failures=F("load_failures") + 1):
        raise NoSuchPresentation("There is no such mesh for you.", what_to_do="Report what your own task shows.")
