import pytest

from engine.contracts.training import TrainingStage
from training_loop.recipes import RECIPES, RecipeError, find_recipe


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_is_complete(name):
    recipe = find_recipe(name)
    assert recipe.name == name
    assert recipe.stage in TrainingStage
    assert recipe.steps > 0 or recipe.epochs > 0


def test_the_full_recipes_carry_the_papers_figures():
    assert find_recipe("full_pretrain").optimiser.learning_rate == 1e-4
    assert find_recipe("full_sft").optimiser.learning_rate == 1e-5
    assert find_recipe("full_sft").weights == {"shape": 1.0, "rotation": 0.1, "translation": 1.0, "scale": 0.1}
    assert find_recipe("full_dpo").optimiser.learning_rate == 2.5e-6
    assert find_recipe("full_dpo").weights == {"shape": 1.0}
    assert find_recipe("full_distil").distil.consistency_share == 0.25
    assert {find_recipe(name).batch_size for name in RECIPES if name.startswith("full")} == {6}


def test_overrides_change_single_fields():
    recipe = find_recipe("mini_sft", {"steps": 7, "optimiser.learning_rate": 1e-6, "weights.shape": 2.0})
    assert (recipe.steps, recipe.optimiser.learning_rate, recipe.weights["shape"]) == (7, 1e-6, 2.0)
    assert recipe.batch_size == find_recipe("mini_sft").batch_size


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"learning_rate": 1.0}, "no field 'learning_rate'"),
        ({"optimiser.momentum": 1.0}, "fields there: betas, ema_decay"),
        ({"optimiser.betas.first.second": 1}, "no field"),
        ({"steps": "many"}, "expected int"),
        ({"preset": "medium"}, "unknown preset"),
        ({"steps": 0, "epochs": 0}, "needs steps or epochs"),
    ],
)
def test_wrong_overrides_are_named(overrides, message):
    with pytest.raises(RecipeError, match=message):
        find_recipe("mini_sft", overrides)


def test_an_unknown_recipe_lists_the_known():
    with pytest.raises(RecipeError, match="mini_dpo"):
        find_recipe("nano")
