"""How far two tournaments among the same candidates agree."""

from uuid import UUID

import pytest

from engine.selection.second_look import agreement_of

A, B, C, D = (UUID(int=number) for number in range(1, 5))


def pairs(*said: tuple[UUID, UUID, UUID | None]) -> dict[frozenset[UUID], UUID | None]:
    """(one, other, the better one or None)."""
    return {frozenset((one, other)): better for one, other, better in said}


def test_the_same_winner_agrees() -> None:
    found = agreement_of(
        winners=(A, A),
        ratings=(0.8, 0.55),
        alpha=0.6,
        preferences=(pairs((A, B, A), (A, C, A), (A, D, A)), pairs((B, C, C), (C, D, None), (A, C, A))),
    )
    assert found.agrees
    assert found.measures == {
        "same_winner": True,
        "pairs_met_by_both": 1,
        "pair_agreement": 1.0,
        "rating_difference": pytest.approx(0.25),
        "same_side_of_bar": False,
    }


def test_pairs_that_both_met_are_counted_among_themselves() -> None:
    found = agreement_of(
        winners=(A, C),
        ratings=(0.7, 0.7),
        alpha=0.7,
        preferences=(pairs((A, B, A), (A, C, A), (A, D, None)), pairs((A, B, A), (A, C, C), (A, D, D))),
    )
    assert not found.agrees
    assert found.measures["pairs_met_by_both"] == 3
    assert found.measures["pair_agreement"] == pytest.approx(1 / 3)
    assert found.measures["same_side_of_bar"] is True


@pytest.mark.parametrize("by_the_first", [True, False])
def test_two_winners_that_one_person_found_equal_agree(by_the_first: bool) -> None:
    equal, other = pairs((A, B, None), (B, C, B)), pairs((A, C, A), (A, B, A))
    said = (equal, other) if by_the_first else (other, equal)
    found = agreement_of(winners=(B, A), ratings=(0.5, 0.5), alpha=0.6, preferences=said)
    assert (found.agrees, found.measures["same_winner"]) == (True, False)


def test_without_a_common_pair_there_is_no_share() -> None:
    found = agreement_of(
        winners=(A, B), ratings=(0.2, 0.9), alpha=0.5, preferences=(pairs((A, C, A)), pairs((B, D, B)))
    )
    assert (found.agrees, found.measures["pairs_met_by_both"], found.measures["pair_agreement"]) == (False, 0, None)
