"""The catalogue of categories: a builder function, its parameters and how to draw an instance by seed."""

import difflib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh

from engine.contracts.taxonomy import Complexity, find_category
from training_loop.shape_library.parameters import InvalidParameterError, Parameter, Range, compose_description
from training_loop.shape_library.parts import Part, assemble

Builder = Callable[..., list[Part]]


class UnknownCategoryError(LookupError):
    """The shape library has no category of this name."""


@dataclass(frozen=True)
class ShapeCategory:
    """One kind of object: `name` is a leaf of the taxonomy, `noun` what descriptions call it."""

    name: str
    noun: str
    complexity: Complexity
    parameters: dict[str, Parameter]
    builder: Builder


@dataclass(frozen=True)
class ShapeInstance:
    """One object. `mesh` is watertight, coloured by vertex, Y up, fitted to [-0.5, 0.5]³; its parts may overlap."""

    mesh: trimesh.Trimesh
    category: str
    description: str
    complexity: Complexity
    parameters: dict[str, Any]
    seed: int


_REGISTRY: dict[str, ShapeCategory] = {}


def shape(name: str, *, noun: str | None = None, **parameters: Parameter) -> Callable[[Builder], Builder]:
    """Register a builder under a leaf of the taxonomy; the parameters are the builder's keyword arguments."""

    def register(builder: Builder) -> Builder:
        if name in _REGISTRY:
            raise ValueError(f"the category {name} is registered twice")
        leaf = find_category(name)
        if leaf is None or leaf.id != name:
            raise ValueError(f"{name} is not a leaf of the taxonomy")
        _REGISTRY[name] = ShapeCategory(name, noun or name.replace("_", " "), leaf.complexity, parameters, builder)
        return builder

    return register


def registered_names() -> tuple[str, ...]:
    """All categories, sorted."""
    return tuple(sorted(_REGISTRY))


def describe(category: str) -> ShapeCategory:
    """Return a category with its parameters.

    Raises:
        UnknownCategoryError: with the nearest names.
    """
    found = _REGISTRY.get(category)
    if found is None:
        near = difflib.get_close_matches(category.lower().replace(" ", "_"), _REGISTRY, n=5, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(registered_names())}"
        raise UnknownCategoryError(f"the shape library has no category {category!r}; {hint}")
    return found


def build_shape(category: str, seed: int, **overrides: Any) -> ShapeInstance:
    """Build the instance that (category, seed) stands for; overrides replace single drawn parameters.

    The same arguments give the same mesh in every process.

    Raises:
        UnknownCategoryError: no such category.
        InvalidParameterError: an override has an unknown name or a value outside its range.
        ValueError: the seed is negative.
    """
    entry = describe(category)
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    rng = np.random.default_rng([zlib.crc32(category.encode()), seed])
    values: dict[str, Any] = {name: parameter.sample(rng) for name, parameter in entry.parameters.items()}
    for name, value in overrides.items():
        if name not in entry.parameters:
            raise InvalidParameterError(
                f"{category} has no parameter {name!r}; it has {', '.join(entry.parameters) or 'none'}"
            )
        values[name] = entry.parameters[name].check(name, value)
    # Sizes go before colours and kinds: "a tall red floor lamp".
    ordered = sorted(entry.parameters, key=lambda name: not isinstance(entry.parameters[name], Range))
    words = [entry.parameters[name].word(values[name]) for name in ordered]
    return ShapeInstance(
        mesh=assemble(entry.builder(**values)),
        category=category,
        description=compose_description(entry.noun, words),
        complexity=entry.complexity,
        parameters=values,
        seed=seed,
    )
