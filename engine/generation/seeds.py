"""Which seeds a generator gets: fresh in every round, and the same whenever the same round is asked for again."""

import hashlib
from uuid import UUID

MOST_SEEDS_PER_RUN = 50  # the paper's largest N (A.7.1)
_LARGEST_SEED = 2**31 - 1  # every random generator takes it


def fresh_seeds(*, target_id: UUID, iteration: int, round_number: int, generator: str, count: int) -> list[int]:
    """Return `count` distinct seeds in [0, 2³¹) that depend on nothing but the arguments."""
    seeds: dict[int, None] = {}
    index = 0
    while len(seeds) < count:
        name = f"{target_id}/{iteration}/{round_number}/{generator}/{index}"
        seeds[int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") & _LARGEST_SEED] = None
        index += 1
    return list(seeds)


def counts_of_round(*, suite: dict[str, int], widening: int, round_number: int) -> dict[str, int]:
    """Return how many candidates each generator of the suite makes in a round: N grows by `widening` every round.

    Source: paper A.7.1 (a larger N recovers targets that a small N lost).
    """
    factor = widening ** (round_number - 1)
    return {name: min(count * factor, MOST_SEEDS_PER_RUN) for name, count in suite.items() if count > 0}
