import pytest

from engine.contracts.training import TrainingStage
from training_loop.recipe import RecipeError
from training_loop.recipes import RECIPES, find_recipe


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_is_complete(name):
    recipe = find_recipe(name)
    assert recipe.name == name
    assert recipe.stage in TrainingStage
    assert recipe.steps > 0 or recipe.epochs > 0


SHAPE_ROTATION = {"shape": 1.0, "rotation": 0.1}
ALL = {"shape": 1.0, "rotation": 0.1, "translation": 1.0, "scale": 0.1}
CROP, IMAGE, POINTS = ("crop",), ("crop", "full"), ("crop", "full", "point_map")


@pytest.mark.parametrize(
    ("name", "rate", "weights", "condition", "epochs", "gpus"),
    [
        ("full_pretrain", 1e-4, SHAPE_ROTATION, CROP, 200, 512),
        ("full_midtrain", 1e-4, SHAPE_ROTATION, IMAGE, 50, 320),
        ("full_midtrain_further", 1e-4, SHAPE_ROTATION, IMAGE, 50, 128),
        ("full_midtrain_swap", 1e-4, ALL, POINTS, 12, 256),
        ("full_sft", 1e-5, ALL, POINTS, 100, 128),
        ("full_sft_art", 1e-5, ALL, POINTS, 100, 128),
        ("full_dpo", 2.5e-6, {"shape": 1.0}, POINTS, 1, 128),
    ],
)
def test_the_full_recipes_carry_table_5(name, rate, weights, condition, epochs, gpus):
    recipe = find_recipe(name)
    assert (recipe.optimiser.learning_rate, recipe.weights, recipe.condition) == (rate, weights, condition)
    assert (recipe.epochs, recipe.steps, recipe.batch_size) == (epochs, 0, 6 * gpus)
    assert recipe.preset == "full"


@pytest.mark.parametrize(
    ("name", "rate", "ema", "condition", "epochs", "per_gpu", "gpus"),
    [
        ("pretrain", 1e-4, 0.9999, CROP, 245, 4, 256),
        ("midtrain", 1e-4, 0.9999, IMAGE, 80, 4, 256),
        ("sft", 1e-5, 0.999, IMAGE, 89, 4, 192),
        ("dpo", 1e-6, 0.99, IMAGE, 2, 3, 128),
    ],
)
def test_the_texture_recipes_carry_table_6(name, rate, ema, condition, epochs, per_gpu, gpus):
    recipe = find_recipe(f"full_texture_{name}")
    assert (recipe.optimiser.learning_rate, recipe.optimiser.ema_decay, recipe.condition) == (rate, ema, condition)
    assert (recipe.epochs, recipe.batch_size, recipe.micro_batch_size) == (epochs, per_gpu * gpus, per_gpu)


def test_preferences_and_distillation_are_those_of_the_paper():
    dpo, distil = find_recipe("full_dpo"), find_recipe("full_distil")
    assert dpo.time.distribution == "uniform"  # Eq. 2
    assert dpo.dpo.only_sam3d_negatives  # C.3
    assert (distil.steps, distil.distil.consistency_share, distil.distil.w_cfg) == (4000, 0.25, 2.0)  # C.4


def test_overrides_change_single_fields():
    recipe = find_recipe("mini_sft", {"steps": 7, "optimiser.learning_rate": 1e-6, "weights.shape": 2.0})
    assert (recipe.steps, recipe.optimiser.learning_rate, recipe.weights["shape"]) == (7, 1e-6, 2.0)
    assert recipe.batch_size == find_recipe("mini_sft").batch_size


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"learning_rate": 1.0}, "no field 'learning_rate'"),
        ({"optimiser.momentum": 1.0}, "fields there: betas, ema_decay"),
        ({"optimiser.betas.first.second": 1}, "no 'first'; it has no fields"),
        ({"optimizer.learning_rate": 1.0}, "no 'optimizer'; fields there: .*batch_size, cache_mib"),
        ({"steps": "many"}, "expected int"),
        ({"preset": "medium"}, "unknown preset"),
        ({"steps": 0, "epochs": 0}, "needs steps or epochs"),
        ({"library_share": 0.7, "replay_share": 0.7}, "must be within 0 and 1"),
        ({"library_share": -0.5}, "must be within 0 and 1"),
        ({"sources": ["robots"]}, "'robots' is none of mitl, art"),
        ({"precision": "fp16"}, "'fp16' is none of auto, bf16, fp32"),
        ({"parallel": "zero"}, "'zero' is none of ddp, fsdp"),
        ({"optimiser.schedule": "linear"}, "'linear' is none of constant, cosine"),
        ({"weights.texture": 1.0}, "'texture' is none of shape, rotation"),
    ],
)
def test_wrong_overrides_are_named(overrides, message):
    with pytest.raises(RecipeError, match=message):
        find_recipe("mini_sft", overrides)


def test_an_unknown_recipe_lists_the_known():
    with pytest.raises(RecipeError, match="mini_dpo"):
        find_recipe("nano")
