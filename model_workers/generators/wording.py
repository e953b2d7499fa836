"""Words about objects, and what they mean in the shape library."""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from engine.contracts.taxonomy import categories, find_category
from training_loop.shape_library import CATEGORIES, Choice, Count, Flag, Range, describe
from training_loop.shape_library.materials import COLOURS

# What people write, and the word that the library uses for it.
SYNONYMS = {
    "big": "large",
    "gray": "grey",
    "high": "tall",
    "narrow": "thin",
    "slender": "thin",
    "slim": "thin",
    "wooden": "oak",
}
# Sizes as factors on (width x, height y, depth z), for categories that have no parameter of that word.
SIZES: dict[str, tuple[float, float, float]] = {
    "tall": (1.0, 1.35, 1.0),
    "short": (1.0, 0.75, 1.0),
    "low": (1.0, 0.75, 1.0),
    "flat": (1.0, 0.55, 1.0),
    "wide": (1.35, 1.0, 1.0),
    "thin": (0.7, 1.0, 0.7),
    "long": (1.4, 1.0, 1.0),
    "deep": (1.0, 1.0, 1.35),
}
_STOP_WORDS = frozenset(
    "a an and at by for from in is it its of on that the this to with without".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Wish:
    """What a description asks for beyond the category: parameters of the library, sizes and a colour."""

    overrides: dict[str, Any] = field(default_factory=dict)
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tint: str | None = None


def tokens(text: str) -> list[str]:
    """Lower-case words in the singular, synonyms replaced, without stop words.

    >>> tokens("Two big vases, and a gray mug")
    ['two', 'large', 'vase', 'grey', 'mug']
    """
    words = re.findall(r"[a-z]+|\d+", text.lower().replace("_", " "))
    return [SYNONYMS.get(word, word) for word in map(_singular, words) if word not in _STOP_WORDS]


def _singular(word: str) -> str:
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def category_named_in(text: str) -> str | None:
    """The library's category that a text names, by its noun or a synonym of the taxonomy; None where it names none.

    The object comes before the first preposition ("a mug on a table"), and at the end of what stands there.
    """
    head, *rest = re.split(r"\b(?:with|on|in|of|at|by|for|from|beside|near|under)\b", text.lower().replace("_", " "))
    for part in (head, " ".join([head, *rest])):
        words = re.findall(r"[a-z]+", part)
        for length in (3, 2, 1):
            for start in range(len(words) - length, -1, -1):
                found = find_category(" ".join(words[start : start + length]))
                if found is not None and found.id in CATEGORIES:
                    return found.id
    return None


def sibling_category(category: str, description: str) -> str | None:
    """The category of the library in the same group of the taxonomy whose words resemble the target's most."""
    known = find_category(category)
    if known is None:
        return None
    siblings = [other.id for other in categories() if other.group == known.group and other.id in CATEGORIES]
    return _most_similar(f"{known.name} {description}", siblings)[0] if siblings else None


def nearest_category(text: str) -> tuple[str, float]:
    """The category whose words resemble the text most, and how much, in [0, 1]: shared letter triples, cosine."""
    return _most_similar(text, list(CATEGORIES))


def _most_similar(text: str, candidates: list[str]) -> tuple[str, float]:
    query = _triples(" ".join(tokens(text)))
    scores = {category: _cosine(query, _triples_of_category(category)) for category in candidates}
    best = max(scores, key=lambda category: scores[category])
    return best, scores[best]


def understand(category: str, text: str, *, seed: int) -> Wish:
    """Turn words into parameters of `category`; what it has no parameter for becomes stretch or tint.

    Numbers vary by seed inside the third of their range that a word stands for.
    """
    words = set(tokens(text))
    phrase = f" {' '.join(tokens(text))} "
    rng = np.random.default_rng([seed, 7])
    overrides: dict[str, Any] = {}
    understood: set[str] = set()
    for name, parameter in describe(category).parameters.items():
        value, used = _value_of(parameter, words, phrase, rng)
        if used:
            overrides[name] = value
            understood |= used
    sizes = [SIZES[word] for word in sorted(words - understood) if word in SIZES]
    stretch = np.prod(np.array([(1.0, 1.0, 1.0), *sizes]), axis=0)
    tint = next((word for word in tokens(text) if word in COLOURS and word not in understood), None)
    return Wish(overrides, (float(stretch[0]), float(stretch[1]), float(stretch[2])), tint)


def _value_of(
    parameter: Range | Count | Choice | Flag, words: set[str], phrase: str, rng: np.random.Generator
) -> tuple[Any, set[str]]:
    if isinstance(parameter, Range):
        third = (parameter.high - parameter.low) / 3
        for word, low in ((parameter.below, parameter.low), (parameter.above, parameter.low + 2 * third)):
            if used := _found(word, phrase):
                return float(low + third * rng.uniform(0.1, 0.9)), used
    elif isinstance(parameter, Choice):
        for option in sorted(parameter.options, key=len, reverse=True):
            if used := _found(parameter.words.get(option, option), phrase):
                return option, used
    elif isinstance(parameter, Flag):
        for word, value in ((parameter.yes, True), (parameter.no, False)):
            if used := _found(word, phrase):
                return value, used
    else:
        for count in range(parameter.low, parameter.high + 1):
            if used := _found(parameter.phrase.format(count), phrase):
                return count, used
    return None, set()


def _found(wording: str, phrase: str) -> set[str]:
    """The words of `wording` if they stand together in the phrase."""
    wanted = tokens(wording)
    return set(wanted) if wanted and f" {' '.join(wanted)} " in phrase else set()


@cache
def _triples_of_category(category: str) -> dict[str, float]:
    return _triples(" ".join(tokens(f"{describe(category).noun} {category}")))


def _triples(text: str) -> dict[str, float]:
    counts: dict[str, float] = {}
    padded = f"  {text} "
    for start in range(len(padded) - 2):
        triple = padded[start : start + 3]
        counts[triple] = counts.get(triple, 0.0) + 1.0
    return counts


def _cosine(a: dict[str, float], b: dict[str, float]) -> float:
    product = sum(weight * b.get(triple, 0.0) for triple, weight in a.items())
    norms = (sum(w * w for w in a.values()) * sum(w * w for w in b.values())) ** 0.5
    return float(product / norms) if norms else 0.0
