"""How far one person's tournament is: started, read back and replayed from its log."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.utils import timezone

from engine.selection.models import Comparison, Presentation, Selection, Tournament
from engine.selection.statements import START
from engine.selection.tournament import SEED_BITS, Answer, Pair, RoundLayout, Standing, play, replay, round_layouts
from engine.workforce.models import User


@dataclass(frozen=True)
class Progress:
    """How far one person's tournament is, in terms of what this person was shown.

    Attributes:
        presentations: by candidate id, in order of appearance.
        taken_back: answers that can be given again as they were, the next one last.
        log: everything that was said, in order; None where an answer was taken back.
    """

    presentations: dict[UUID, Presentation]
    standing: Standing[UUID]
    taken_back: tuple[Answer, ...]
    log: tuple[Answer | None, ...]
    tournament: Tournament

    @property
    def pair(self) -> Pair[UUID] | None:
        """Presentation ids to compare now."""
        pair = self.standing.pair
        return pair and Pair(left=self.presentations[pair.left].id, right=self.presentations[pair.right].id)

    @property
    def winner(self) -> UUID | None:
        """Presentation id of the winner, once every candidate was shown."""
        return self.presentations[self.standing.winner].id if self.standing.winner else None

    @property
    def answers(self) -> list[Answer]:
        """What stands."""
        return [comparison.answer for comparison in self.standing.comparisons]

    @property
    def layouts(self) -> tuple[RoundLayout, ...]:
        """How each round is laid out."""
        return round_layouts(seed=self.tournament.seed, rounds=self.standing.rounds)

    @property
    def phase(self) -> str:
        """`compare`, then `rate`."""
        return "rate" if self.standing.winner else "compare"


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
    return progress_after(tournament, presentations, [])


def progress_of(*, work_item_id: UUID, user: User) -> Progress:
    """Read the user's tournament and its log in one query. Who means to write has locked the work item before."""
    said = Comparison.objects.filter(tournament=OuterRef("tournament")).order_by("sequence").values("answer")
    shown = list(
        Presentation.objects.filter(tournament__selection_id=work_item_id, tournament__annotator=user)
        .select_related("tournament__selection__request__collection")
        .annotate(log=ArraySubquery(said))
        .order_by("order")
    )
    log = [Answer(entry) if entry else None for entry in shown[0].log]
    return progress_after(shown[0].tournament, {presentation.candidate_id: presentation for presentation in shown}, log)


def progress_after(
    tournament: Tournament, presentations: dict[UUID, Presentation], log: Sequence[Answer | None]
) -> Progress:
    """Play what was said, in order; None where an answer was taken back."""
    said = replay(log)
    return Progress(
        presentations=presentations,
        standing=play(candidates=list(presentations), seed=tournament.seed, answers=said.standing),
        taken_back=said.taken_back,
        log=tuple(log),
        tournament=tournament,
    )
