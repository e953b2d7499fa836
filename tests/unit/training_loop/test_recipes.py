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


def test_the_full_recipes_carry_the_papers_figures():
    assert find_recipe("full_pretrain").optimiser.learning_rate == 1e-4
    assert find_recipe("full_sft").optimiser.learning_rate == 1e-5
    assert find_recipe("full_sft").weights == {"shape": 1.0, "rotation": 0.1, "translation": 1.0, "scale": 0.1}
    assert find_recipe("full_dpo").optimiser.learning_rate == 2.5e-6
    assert find_recipe("full_dpo").weights == {"shape": 1.0}
    assert find_recipe("full_dpo").time.distribution == "uniform"
    assert find_recipe("full_distil").distil.consistency_share == 0.25
    # 6 samples on each of 512, 320, 128 and 256 GPUs; the texture model has 4, and 3 for DPO (C.7).
    batches = {name: find_recipe(name).batch_size for name in RECIPES if name.startswith("full")}
    assert batches == {
        "full_pretrain": 3072,
        "full_midtrain": 1920,
        "full_midtrain_further": 768,
        "full_midtrain_swap": 1536,
        "full_sft": 768,
        "full_sft_art": 768,
        "full_dpo": 768,
        "full_dpo_art": 768,
        "full_distil": 768,
        "full_texture_pretrain": 1024,
        "full_texture_midtrain": 1024,
        "full_texture_sft": 768,
        "full_texture_dpo": 384,
    }
    epochs = [find_recipe(name).epochs for name in RECIPES if name.startswith("full") and name != "full_distil"]
    assert epochs == [200, 50, 50, 12, 100, 100, 1, 1, 245, 80, 89, 2]
    assert find_recipe("full_texture_dpo").optimiser.learning_rate == 1e-6
    inputs = [find_recipe(f"full_{name}").condition for name in ("pretrain", "midtrain", "midtrain_swap")]
    assert inputs == [("crop",), ("crop", "full"), ("crop", "full", "point_map")]
    assert find_recipe("full_midtrain").weights == {"shape": 1.0, "rotation": 0.1}


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
