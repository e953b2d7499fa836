"""Draws: a share of all items, decided by the item alone."""

from uuid import UUID, uuid5

import pytest

from engine.workforce.draws import drawn

DRAWN_OF_FORTY = [11, 14, 31, 37]  # the sha256 of "id/gold", by hand
ITEMS = [uuid5(UUID(int=7), str(number)) for number in range(10_000)]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_about_a_share_of_all_items_draws(share: float) -> None:
    count = sum(drawn(work_item_id=item, purpose="overlap", share=share) for item in ITEMS)
    assert count == pytest.approx(share * len(ITEMS), abs=4 * (len(ITEMS) * share * (1 - share)) ** 0.5)


def test_nothing_and_everything() -> None:
    assert not any(drawn(work_item_id=item, purpose="gold", share=0.0) for item in ITEMS)
    assert all(drawn(work_item_id=item, purpose="gold", share=1.0) for item in ITEMS)


def test_a_draw_can_be_replayed_on_any_machine() -> None:
    drawn_by = [number for number, item in enumerate(ITEMS[:40]) if drawn(work_item_id=item, purpose="gold", share=0.1)]
    assert drawn_by == DRAWN_OF_FORTY


def test_gold_and_overlap_are_drawn_apart() -> None:
    gold = {item for item in ITEMS if drawn(work_item_id=item, purpose="gold", share=0.5)}
    overlap = {item for item in ITEMS if drawn(work_item_id=item, purpose="overlap", share=0.5)}
    assert len(gold & overlap) == pytest.approx(2500, abs=200)


def test_who_draws_at_a_small_share_draws_at_a_larger_one() -> None:
    small = {item for item in ITEMS if drawn(work_item_id=item, purpose="gold", share=0.1)}
    assert all(drawn(work_item_id=item, purpose="gold", share=0.2) for item in small)
