import uuid

from hypothesis import given
from hypothesis import strategies as st

from engine.generation.seeds import MOST_SEEDS_PER_RUN, counts_of_round, fresh_seeds


@given(st.uuids(), st.integers(1, 99), st.integers(1, 9), st.integers(0, 50))
def test_seeds_are_distinct_small_and_the_same_again(
    target: uuid.UUID, iteration: int, round_: int, count: int
) -> None:
    arguments = {"target_id": target, "iteration": iteration, "round_number": round_, "generator": "sam3d"}
    seeds = fresh_seeds(**arguments, count=count)
    assert len(set(seeds)) == count
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert fresh_seeds(**arguments, count=50)[:count] == seeds


def test_each_round_widens() -> None:
    suite = {"retrieval": 2, "sam3d": 4, "remote": 0}
    assert counts_of_round(suite=suite, widening=2, round_number=1) == {"retrieval": 2, "sam3d": 4}
    assert counts_of_round(suite=suite, widening=2, round_number=3) == {"retrieval": 8, "sam3d": 16}
    assert counts_of_round(suite=suite, widening=1, round_number=3) == {"retrieval": 2, "sam3d": 4}


def test_n_does_not_grow_beyond_what_people_can_compare() -> None:
    assert counts_of_round(suite={"sam3d": 4}, widening=9, round_number=5) == {"sam3d": MOST_SEEDS_PER_RUN}
