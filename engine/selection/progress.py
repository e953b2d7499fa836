"""How far one person's tournament is: started, read back and replayed from its log."""

import secrets
from typing import Any
from uuid import UUID, uuid4

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.utils import timezone

from engine.selection.models import Comparison, Presentation, Selection, Tournament
from engine.selection.played import Played, played_after
from engine.selection.statements import START
from engine.selection.tournament import SEED_BITS, Answer, play
from engine.workforce.models import User

Progress = Played[Presentation, Tournament]


def start(selection: Selection, user: User, candidate_ids: list[UUID]) -> Progress:
    """Draw seed and order for this person and store both."""
    seed = secrets.randbits(SEED_BITS)
    order = play(candidates=candidate_ids, seed=seed, answers=[]).order
    shown = Presentation.objects.raw(
        START,
        {
            "selection": selection.pk,
            "annotator": user.pk,
            "seed": seed,
            "now": timezone.now(),
            "ids": [uuid4() for _ in order],
            "candidates": list(order),
        },
    )
    by_candidate = {presentation.candidate_id: presentation for presentation in shown}
    presentations = {candidate_id: by_candidate[candidate_id] for candidate_id in order}
    tournament_id = presentations[order[0]].tournament_id
    tournament = Tournament(id=tournament_id, selection=selection, annotator=user, seed=seed)
    return played_after(tournament, presentations, [])


def progress_of(*, work_item_id: UUID, user: User) -> Progress:
    """Read the user's tournament and its log in one query. Who means to write has locked the work item before."""
    said = Comparison.objects.filter(tournament=OuterRef("tournament")).order_by("sequence").values("answer")
    shown: list[Any] = list(
        Presentation.objects.filter(tournament__selection_id=work_item_id, tournament__annotator=user)
        .select_related("tournament__selection__request__collection")
        .annotate(log=ArraySubquery(said))
        .order_by("order")
    )
    log = [Answer(entry) if entry else None for entry in shown[0].log]
    return played_after(shown[0].tournament, {presentation.candidate_id: presentation for presentation in shown}, log)
