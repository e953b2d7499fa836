"""Everyday objects by formula: infinitely many watertight, coloured instances of each category.

They are the library that retrieval searches, the vocabulary of text-to-3D and the synthetic training data.
Object frame: Y up, front +Z, fitted to [-0.5, 0.5]³. A mesh is a union of closed parts that may overlap.
"""

from training_loop.shape_library import (
    craft,
    creatures,
    devices,
    food,
    furniture,
    road_vehicles,
    things,
    tools,
    vessels,
    wearables,
)
from training_loop.shape_library.parameters import Choice, Count, Flag, InvalidParameterError, Parameter, Range
from training_loop.shape_library.registry import (
    ShapeCategory,
    ShapeInstance,
    UnknownCategoryError,
    build_shape,
    describe,
    registered_names,
)

_FAMILIES = (craft, creatures, devices, food, furniture, road_vehicles, things, tools, vessels, wearables)
CATEGORIES: tuple[str, ...] = registered_names()

__all__ = [
    "CATEGORIES",
    "Choice",
    "Count",
    "Flag",
    "InvalidParameterError",
    "Parameter",
    "Range",
    "ShapeCategory",
    "ShapeInstance",
    "UnknownCategoryError",
    "build_shape",
    "describe",
]
