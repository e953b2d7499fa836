"""Stage 2, judged twice: the same candidates in another order, how far two choices agree, and back to the start.

The headline is the winner: it is the one answer that every selection gives, whatever order its candidates came in, and
the one that training imitates. Two winners that either person found equal count as the same: a coin kept one of them.
Beside it stand the pairs that both people met (two people agree on less than 75 % of such choices, paper E.7; two
random orders of N candidates share about two of them, sometimes none, so they make no headline), the ratings, and
whether both put the target on the same side of α.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from engine.lifecycle import Move
from engine.selection.models import Selection
from engine.selection.preferences import standing_comparisons
from engine.selection.tournament import Answer, Comparison
from engine.sourcing.services import move_target
from engine.workforce import services as workforce
from engine.workforce.models import Judgement, Stage, User, WorkItem
from engine.workforce.second_look import Agreement, NothingToCompare, NotTakenBack, OpenItem, SecondLook


def ask_again(*, reference: WorkItem, work_item: WorkItem) -> None:
    """Show the same candidates; whoever claims it starts a tournament of their own.

    Raises:
        NothingToCompare: it was not rated.
    """
    known = Selection.objects.rated().filter(work_item=reference).first()
    if known is None:
        raise NothingToCompare("This selection was not rated yet.", work_item=str(reference.id))
    Selection.objects.create(work_item=work_item, target_id=known.target_id, request_id=known.request_id)


def compare(item: WorkItem, reference: WorkItem) -> Agreement:
    """How far two people's tournaments among the same candidates agree."""
    both = Selection.objects.with_comparisons().in_bulk([item.id, reference.id])
    one, other = both[item.id], both[reference.id]
    if one.rating is None or other.rating is None or other.alpha is None or not (one.winner_id and other.winner_id):
        raise RuntimeError(f"{one} is compared with {other} before both were rated")
    said, said_before = (_preferences(_answers(selection)) for selection in (one, other))
    return agreement_of(
        winners=(one.winner_id, other.winner_id),
        ratings=(one.rating, other.rating),
        alpha=other.alpha,
        preferences=(said, said_before),
    )


def agreement_of(
    *,
    winners: tuple[UUID, UUID],
    ratings: tuple[float, float],
    alpha: float,
    preferences: tuple[dict[frozenset[UUID], UUID | None], dict[frozenset[UUID], UUID | None]],
) -> Agreement:
    """Compare two finished tournaments; `preferences` maps pairs that met to the better one, None for equal."""
    met = preferences[0].keys() & preferences[1].keys()
    same = sum(preferences[0][pair] == preferences[1][pair] for pair in met)
    top = frozenset(winners)
    tied = len(top) == 2 and any(pairs.get(top, top) is None for pairs in preferences)
    return Agreement(
        agrees=len(top) == 1 or tied,
        measures={
            "same_winner": len(top) == 1,
            "pairs_met_by_both": len(met),
            "pair_agreement": same / len(met) if met else None,
            "rating_difference": abs(ratings[0] - ratings[1]),
            "same_side_of_bar": (ratings[0] >= alpha) == (ratings[1] >= alpha),
        },
    )


def _answers(selection: Selection) -> list[Comparison[UUID]]:
    return [] if selection.tournament is None else standing_comparisons(selection.tournament.comparisons.all())


def _preferences(answers: Iterable[Comparison[UUID]]) -> dict[frozenset[UUID], UUID | None]:
    return {
        frozenset((answer.left, answer.right)): None if answer.answer is Answer.EQUAL else answer.stayed
        for answer in answers
    }


def take_back(*, judgement: Judgement, actor: User, by_others: bool, open_item: OpenItem) -> WorkItem:
    """Want the choice among the same candidates again.

    Raises:
        NotTakenBack: it was chosen again since.
        InvalidMove: machines, triage or an artist are at work on the target.
    """
    since = Selection.objects.rated().filter(
        target_id=OuterRef("target_id"),
        request__modality=OuterRef("request__modality"),
        rated_at__gt=OuterRef("rated_at"),
        work_item__purpose=WorkItem.Purpose.COLLECT,
    )
    counting = since.exclude(work_item__judgement__set_aside_at__isnull=False)
    selection: Any = Selection.objects.annotate(judged_since=Exists(counting)).get(work_item_id=judgement.pk)
    if selection.judged_since:
        raise NotTakenBack("The target was judged again since.", what_to_do="Look at the newer judgement.")
    workforce.cancel_work_items(subject_id=selection.target_id, stages=[Stage.ALIGNMENT], actor=actor)
    move_target(target_id=selection.target_id, move=Move.SELECT_AGAIN, actor=actor, work_item=str(judgement.pk))
    # What the worker opened meanwhile.
    workforce.cancel_work_items(subject_id=selection.target_id, stages=[Stage.ALIGNMENT], actor=actor)
    item = open_item(subject_id=selection.target_id)
    Selection.objects.create(work_item=item, target_id=selection.target_id, request_id=selection.request_id)
    return item


SECOND_LOOK = SecondLook(ask_again=ask_again, compare=compare, take_back=take_back)
