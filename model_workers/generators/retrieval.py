"""The nearest objects of the shape library, by how they look and by what they are called.

Nearly never the very object, but a clean mesh of the right kind where generation fails. Source: paper A.2, retrieval.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from model_workers.generators.descriptors import describe_view
from model_workers.generators.library_index import LibraryIndex, load_index
from model_workers.generators.protocol import GenerationContext, Proposal
from training_loop.shape_library import CATEGORIES, build_shape

IMAGE_WEIGHT = 1.0
TEXT_WEIGHT = 1.0
SAME_CATEGORY_BONUS = 0.5
# Spread of the ranking between requests, so that another round shows other objects that are about as near.
JITTER = 0.03


class Retrieval:
    """Ranks the library once per request; the n-th seed gets the n-th nearest object."""

    uses_checkpoint = False

    def __init__(self, categories: tuple[str, ...] = CATEGORIES) -> None:
        self._categories = categories
        self._index: LibraryIndex | None = None

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        """Yield one object per seed, the nearest first."""
        index = self._load(context.cache)
        image = index.image_similarity(describe_view(context.image, context.mask))
        text = index.text_similarity(f"{context.category or ''} {context.description}")
        same = np.array([entry.category == context.category for entry in index.entries])
        score = IMAGE_WEIGHT * image + TEXT_WEIGHT * text + SAME_CATEGORY_BONUS * same
        score += JITTER * np.random.default_rng(context.seeds[0]).standard_normal(len(score))
        for seed, place in zip(context.seeds, np.argsort(-score), strict=False):
            entry = index.entries[place]
            yield Proposal(
                seed=seed,
                mesh=build_shape(entry.category, entry.seed).mesh,
                parameters={
                    "category": entry.category,
                    "library_seed": entry.seed,
                    "image_similarity": round(float(image[place]), 4),
                    "text_similarity": round(float(text[place]), 4),
                },
            )

    def _load(self, cache: Path) -> LibraryIndex:
        if self._index is None:
            self._index = load_index(cache, categories=self._categories)
        return self._index
