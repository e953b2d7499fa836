"""Parametric shapes from words: for objects that a person can name although a picture shows little of them.

Source: paper A.2, text-to-3D generation.
"""

from collections.abc import Iterator

import numpy as np
import trimesh

from model_workers.generators.protocol import GenerationContext, GeneratorError, Proposal
from model_workers.generators.wording import Wish, category_named_in, nearest_category, sibling_category, understand
from training_loop.shape_library import CATEGORIES, build_shape
from training_loop.shape_library.materials import rgb


class TextTo3D:
    """Builds the shape of the category that the words name, varied by seed within what they leave open."""

    uses_checkpoint = False

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        """Yield one instance per seed.

        Raises:
            GeneratorError: there is neither a category nor a description.
        """
        text = f"{context.category or ''} {context.description}".strip()
        if not text:
            raise GeneratorError("text_to_3d needs a category or a description of the target, it has neither")
        category, how = category_for(context.category, context.description)
        for seed in context.seeds:
            wish = understand(category, context.description, seed=seed)
            instance = build_shape(category, seed, **wish.overrides)
            parameters = {
                "category": category,
                "matched_by": how,
                "description": instance.description,
                "overrides": wish.overrides,
                "stretch": list(wish.stretch),
                "tint": wish.tint,
            }
            yield Proposal(seed=seed, mesh=_adapted(instance.mesh, wish), parameters=parameters)


def category_for(category: str | None, description: str) -> tuple[str, str]:
    """The library's category for a target, and how it was found: `category`, `noun`, `group` or `similarity 0.31`."""
    if category:
        named = category if category in CATEGORIES else category_named_in(category)
        if named:
            return named, "category"
    named = category_named_in(description)
    if named:
        return named, "noun"
    sibling = sibling_category(category, description) if category else None
    if sibling:
        return sibling, "group"
    nearest, similarity = nearest_category(f"{category or ''} {description}")
    return nearest, f"similarity {similarity:.2f}"


def _adapted(mesh: trimesh.Trimesh, wish: Wish) -> trimesh.Trimesh:
    adapted = mesh.copy()
    adapted.vertices = np.asarray(adapted.vertices) * np.asarray(wish.stretch)
    if wish.tint:
        colors = np.asarray(adapted.visual.vertex_colors).copy()
        brightness = colors[:, :3].mean(axis=1, keepdims=True) / max(1.0, float(colors[:, :3].mean()))
        colors[:, :3] = np.clip(np.asarray(rgb(wish.tint)) * (0.5 + 0.5 * brightness), 0, 255).astype(np.uint8)
        adapted.visual.vertex_colors = colors
    return adapted
