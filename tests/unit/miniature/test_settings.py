"""Variants and pilots of the miniature: each trains by recipes that exist."""

import itertools
from dataclasses import asdict, replace

import pytest

from scripts.miniature.settings import FULL, Settings, pilots, tiny, variants
from training_loop.recipes import find_recipe


@pytest.mark.parametrize("name", [*variants(Settings()), *pilots(Settings())])
def test_every_run_trains_by_recipes_that_can_be_read(name):
    settings = (variants(Settings()) | pilots(Settings()))[name]
    sft, dpo = find_recipe("mini_sft", settings.sft), find_recipe("mini_dpo", settings.dpo)
    assert sft.batch_size >= round(sft.batch_size * sft.library_share) > 0
    assert {name: getattr(dpo, name) for name in ("steps", "batch_size")} == {
        name: settings.dpo[name] for name in ("steps", "batch_size")
    }


def test_pilots_differ_from_each_other_and_from_the_plan_and_are_measured_at_both_ends():
    planned, piloted = Settings(), list(pilots(Settings()).values())
    assert all(pilot.surfaces == "ends" and pilot.iterations == planned.iterations for pilot in piloted)
    told_apart = [planned, *(replace(pilot, surfaces=planned.surfaces) for pilot in piloted)]
    assert all(one != other for one, other in itertools.combinations(told_apart, 2))


def test_an_ablation_changes_little_and_the_whole_comes_first():
    whole, *others = (asdict(variant) for variant in variants(tiny()).values())
    assert next(iter(variants(tiny()))) == FULL
    assert all(1 <= sum(one[field] != whole[field] for field in whole) <= 3 for one in others)
