"""What a finished selection says about pairs of candidates, from the rows that were stored."""

from collections.abc import Iterable
from uuid import UUID

from engine.selection import tournament as rules
from engine.selection.models import Comparison, Selection
from engine.selection.tournament import Answer, PreferencePairs


def preference_pairs(selection: Selection) -> PreferencePairs[UUID]:
    """Return direct and inferred (winner, loser) candidate ids of a rated selection.

    Costs no query where the selection comes from `Selection.objects.with_comparisons()`. Answers that were taken back,
    and tournaments of people who lost the lease, say nothing.
    """
    tournament = selection.tournament
    if tournament is None:
        return PreferencePairs(direct=(), inferred=())
    presentations = sorted(tournament.presentations.all(), key=lambda presentation: presentation.order)
    return rules.preference_pairs(
        candidates=[presentation.candidate_id for presentation in presentations],
        comparisons=standing_comparisons(tournament.comparisons.all()),
        winner=selection.winner_id,
    )


def standing_comparisons(log: Iterable[Comparison]) -> list[rules.Comparison[UUID]]:
    """Return the answers of a log that were not taken back, in order."""
    rows = sorted(log, key=lambda row: row.sequence)
    undone = {row.undoes_id for row in rows}
    return [
        rules.Comparison(
            left=row.left_id,
            right=row.right_id,
            answer=Answer(row.answer),
            stayed=row.stayed_id,
            coin_seed=row.coin_seed,
        )
        for row in rows
        if row.undoes_id is None
        and row.id not in undone
        and row.left_id is not None
        and row.right_id is not None
        and row.stayed_id is not None
    ]
