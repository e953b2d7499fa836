"""The stock of targets that training on a GPU draws from."""

from dataclasses import fields

import torch

from training_loop.examples import Examples
from training_loop.target_pool import TargetPool


class NumberedScenes:
    """Targets whose category is their number."""

    def gather(self, indices: torch.Tensor) -> Examples:
        nothing = {field.name: torch.zeros(len(indices), 1) for field in fields(Examples)}
        return Examples(**(nothing | {"category": indices.clone()}))


def pool(seed: int = 0) -> TargetPool:
    return TargetPool(NumberedScenes, chunks=3, fresh_every=8, seed=seed, chunk=10)  # type: ignore[arg-type, return-value]


def numbers(stock: TargetPool, first: int) -> list[int]:
    return stock.gather(torch.arange(4) + first).category.tolist()


def test_targets_come_from_the_pieces_in_stock_and_old_ones_leave():
    stock = pool()
    early = {number for first in range(0, 8, 4) for number in numbers(stock, first)}
    assert early <= set(range(30))
    late = {number for first in range(80, 88, 4) for number in numbers(stock, first)}
    assert late <= set(range(100, 130))


def test_a_run_that_goes_on_draws_what_it_would_have_drawn():
    whole, resumed = pool(), pool()
    drawn = [numbers(whole, first) for first in range(0, 64, 4)]
    assert [numbers(resumed, first) for first in range(48, 64, 4)] == drawn[12:]


def test_processes_draw_differently():
    assert numbers(pool(seed=0), 0) != numbers(pool(seed=1000), 0)
