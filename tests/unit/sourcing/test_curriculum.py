"""The order of work: simple first, the long tail more and more, and never more than waits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts.taxonomy import Category, Complexity, categories
from engine.sourcing.curriculum import UNFILED, Course, plan, tier_counts

COURSE = Course(
    goal_objects=1000,
    simple=(0.8, 0.4),
    structured=(0.18, 0.35),
    flatness=(0.3, 0.9),
    unfiled_share=0.05,
    horizon=100,
)
LEAVES = (
    Category("ball", "Ball", "sports", Complexity.SIMPLE),
    Category("mug", "Mug", "kitchen", Complexity.SIMPLE),
    Category("chair", "Chair", "furniture", Complexity.STRUCTURED),
    Category("dog", "Dog", "animals", Complexity.DEFORMABLE),
)
MANY = {"ball": 500, "mug": 500, "chair": 500, "dog": 500}


def share(leaf_id: str, done: dict[str, int], waiting: dict[str, int] | None = None) -> float:
    planned = plan(categories=LEAVES, done=done, waiting=waiting or MANY, course=COURSE)
    return planned.planned_share(planned.leaves[leaf_id])


def test_the_way_begins_with_simple_geometry_and_ends_with_deformable_ones() -> None:
    begun = plan(categories=LEAVES, done={}, waiting=MANY, course=COURSE)
    assert tier_counts(begun)["simple"]["planned_share"] == pytest.approx(0.8, abs=0.02)
    assert share("dog", {}) <= 0.03
    at_goal = {"ball": 200, "mug": 200, "chair": 350, "dog": 250}
    assert share("dog", at_goal) == pytest.approx(0.25, abs=0.02)


def test_what_lies_behind_its_target_comes_first() -> None:
    done = {"ball": 0, "mug": 100, "chair": 60, "dog": 20}
    planned = plan(categories=LEAVES, done=done, waiting=MANY, course=COURSE)
    assert planned.bands("ball")[0] == 1
    assert planned.bands("mug")[0] == 7
    assert planned.planned_share(planned.leaves["ball"]) > 0.7


def test_the_long_tail_is_lifted_as_the_way_goes_on() -> None:
    rare = {"ball": 900, "mug": 9}

    def target_of_mug(goal: int) -> float:
        course = Course(goal, COURSE.simple, COURSE.structured, COURSE.flatness, COURSE.unfiled_share, COURSE.horizon)
        planned = plan(categories=LEAVES, done=rare, waiting=MANY, course=course)
        leaf = planned.leaves["mug"]
        return leaf.target_share / (leaf.target_share + planned.leaves["ball"].target_share)

    assert target_of_mug(goal=100_000) < target_of_mug(goal=2000) < target_of_mug(goal=909) < 0.5


def test_of_one_leaf_only_so_many_come_early() -> None:
    planned = plan(categories=LEAVES, done={}, waiting=MANY, course=COURSE)
    bands = planned.bands("chair")
    assert bands == sorted(bands)
    assert len(bands) == pytest.approx(18, abs=2)  # of 500; the rest is unplanned


def test_words_of_ones_own_get_their_share_and_no_more() -> None:
    planned = plan(categories=LEAVES, done={}, waiting=MANY | {"zyxglorp": 400}, course=COURSE)
    unfiled = planned.leaves[UNFILED]
    assert (unfiled.waiting, planned.planned_share(unfiled)) == (400, pytest.approx(0.05, abs=0.01))


counts = st.dictionaries(st.sampled_from(["ball", "mug", "chair", "dog", "other"]), st.integers(0, 300))


@settings(max_examples=60, deadline=None)
@given(done=counts, waiting=counts, horizon=st.integers(8, 200))
def test_any_counts_give_a_sound_plan(done: dict[str, int], waiting: dict[str, int], horizon: int) -> None:
    course = Course(500, COURSE.simple, COURSE.structured, COURSE.flatness, COURSE.unfiled_share, horizon)
    planned = plan(categories=LEAVES, done=done, waiting=waiting, course=course)
    slots = sorted(slot for leaf in planned.leaves.values() for slot in leaf.slots)
    assert slots == list(range(min(horizon, sum(waiting.values()))))
    assert all(len(leaf.slots) <= leaf.waiting for leaf in planned.leaves.values())
    assert sum(leaf.target_share for leaf in planned.leaves.values()) == pytest.approx(1)
    assert all(1 <= band <= 7 for leaf in planned.leaves for band in planned.bands(leaf))


def test_the_whole_taxonomy_is_planned_within_a_moment_and_to_the_share() -> None:
    waiting = {category.id: 40 for category in categories()}
    planned = plan(categories=categories(), done={}, waiting=waiting, course=COURSE)
    tiers = tier_counts(planned)
    assert sum(row["planned_share"] for row in tiers.values()) == pytest.approx(1)
    assert tiers["simple"]["planned_share"] == pytest.approx(0.8, abs=0.01)
