"""All recipes by name: functions that return the complete configuration of a training run.

The same recipe gives the same training on one process and on many: a batch is the global one.
"""

from collections.abc import Callable, Mapping
from typing import Any

from engine.contracts.serialisation import ContractError, from_json, to_json
from training_loop import full_recipes, mini_recipes
from training_loop.recipe import Recipe, RecipeError

RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (
        full_recipes.full_pretrain,
        full_recipes.full_midtrain,
        full_recipes.full_midtrain_further,
        full_recipes.full_midtrain_swap,
        full_recipes.full_sft,
        full_recipes.full_sft_art,
        full_recipes.full_dpo,
        full_recipes.full_dpo_art,
        full_recipes.full_distil,
        full_recipes.full_texture_pretrain,
        full_recipes.full_texture_midtrain,
        full_recipes.full_texture_sft,
        full_recipes.full_texture_dpo,
        mini_recipes.mini_pretrain,
        mini_recipes.mini_midtrain,
        mini_recipes.mini_midtrain_swap,
        mini_recipes.mini_sft,
        mini_recipes.mini_sft_art,
        mini_recipes.mini_dpo,
        mini_recipes.mini_dpo_art,
        mini_recipes.mini_distil,
        mini_recipes.mini_pretrain_gpu,
        mini_recipes.mini_midtrain_fo_gpu,
        mini_recipes.mini_midtrain_osr_gpu,
        mini_recipes.mini_distil_gpu,
    )
}


def find_recipe(name: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Return the named recipe with single fields changed by dotted path, e.g. {"optimiser.learning_rate": 1e-4}.

    Raises:
        RecipeError: unknown recipe or field, or a value of another type; known names are listed.
    """
    if name not in RECIPES:
        raise RecipeError(f"unknown recipe {name!r}; known: {', '.join(sorted(RECIPES))}")
    recipe = RECIPES[name]()
    if not overrides:
        return recipe
    data = to_json(recipe)
    for path, value in overrides.items():
        _set(data, path, value, name)
    try:
        return from_json(Recipe, data)
    except ContractError as error:
        raise RecipeError(f"overrides of {name}: {error}") from error


def _set(data: dict[str, Any], path: str, value: Any, name: str) -> None:
    *parents, last = path.split(".")
    node: Any = data
    for part in path.split("."):
        open_ended = parents == ["weights"] and part == last
        if not isinstance(node, dict) or (part not in node and not open_ended):
            known = f"fields there: {', '.join(sorted(node))}" if isinstance(node, dict) else "it has no fields"
            raise RecipeError(f"the recipe {name} has no field {path!r} (no {part!r}; {known})")
        parent, node = node, node.get(part)
    parent[last] = value
