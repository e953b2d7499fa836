"""What is held out never reaches training."""

from dataclasses import replace

import pytest

from training_loop.library_examples import draw_examples
from training_loop.models.config import micro
from training_loop.recipes import find_recipe
from training_loop.shape_bank import library_work
from training_loop.shape_library import CATEGORIES
from training_loop.split import CATEGORIES_OF, HELDOUT_CATEGORIES, SPLITS, TAIL_CATEGORIES, TRAIN_CATEGORIES, split_of


def test_every_category_is_in_one_set():
    assert sorted(TRAIN_CATEGORIES + HELDOUT_CATEGORIES + TAIL_CATEGORIES) == sorted(CATEGORIES)


def test_no_shape_that_measures_is_ever_trained_on():
    work = {split: set(library_work(split, first=0, count=2000)) for split in SPLITS}
    for split, shapes in work.items():
        assert {split_of(*shape) for shape in shapes} == {split}
        assert {category for category, _ in shapes} == set(CATEGORIES_OF[split])
    assert not any(work["train"] & work[split] for split in SPLITS[1:])


def test_categories_held_out_stay_so_whatever_the_seed():
    assert split_of("kettle", 2) == split_of("kettle", 3) == "unseen"
    assert split_of("guitar", 2) == "tail"
    assert (split_of("mug", 2), split_of("mug", 3)) == ("train", "heldout")


@pytest.mark.parametrize("name", ["mini_sft", "mini_midtrain", "mini_midtrain_swap"])
def test_no_recipe_draws_a_category_that_is_held_out(name: str):
    library = find_recipe(name).library
    assert library is not None
    drawn = draw_examples(replace(library, image_px=48), micro().conditioning, seed=3, start=0, count=24)
    assert {CATEGORIES[number] for number in drawn.category.tolist()} <= set(TRAIN_CATEGORIES)
