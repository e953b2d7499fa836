"""Contracts to plain JSON values and back, strictly.

A contract is a frozen dataclass whose fields are JSON scalars, other contracts, tuples, dicts, enums or optional ones
of these. Unknown or missing fields are errors, so that a version mismatch is seen where it happens.
"""

import dataclasses
import types
import typing
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin

T = TypeVar("T")
PLAIN: frozenset[type] = frozenset({bool, int, float, str})  # themselves in JSON


class ContractError(ValueError):
    """A message does not have the shape of its contract."""


def to_json(value: Any) -> Any:
    """Return `value` (a contract, or a container of contracts) as JSON-ready values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return list(value) if PLAIN.issuperset(map(type, value)) else [to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ContractError(f"{type(value).__name__} cannot be part of a contract")


def from_json(contract: type[T], data: Any) -> T:
    """Build `contract` from JSON values.

    Raises:
        ContractError: a field is missing, unknown or of another type; the message carries its path.
    """
    return typing.cast(T, _build(contract, data, contract.__name__))


def _build(annotation: Any, data: Any, path: str) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        if data is None and type(None) in arguments:
            return None
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _build(inner, data, path)
    if dataclasses.is_dataclass(annotation):
        return _build_dataclass(annotation, data, path)
    if origin is tuple:
        return _build_tuple(arguments, data, path)
    if origin is dict:
        if not isinstance(data, dict):
            raise ContractError(f"{path}: expected an object, got {type(data).__name__}")
        return {str(key): _build(arguments[1], item, f"{path}.{key}") for key, item in data.items()}
    if annotation is Any:
        return data
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        try:
            return annotation(data)
        except ValueError as error:
            raise ContractError(f"{path}: {error}") from error
    if annotation is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if type(data) is not annotation:
        raise ContractError(f"{path}: expected {annotation.__name__}, got {type(data).__name__}")
    return data


def _build_tuple(arguments: tuple[Any, ...], data: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise ContractError(f"{path}: expected an array, got {type(data).__name__}")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        if arguments[0] in PLAIN and {arguments[0]}.issuperset(map(type, data)):
            return tuple(data)  # a mask has thousands of run lengths, and somebody may be waiting for it
        arguments = (arguments[0],) * len(data)
    if len(arguments) != len(data):
        raise ContractError(f"{path}: expected {len(arguments)} values, got {len(data)}")
    return tuple(
        _build(argument, item, f"{path}[{index}]")
        for index, (argument, item) in enumerate(zip(arguments, data, strict=True))
    )


def _build_dataclass(contract: Any, data: Any, path: str) -> Any:
    if not isinstance(data, dict):
        raise ContractError(f"{path}: expected an object, got {type(data).__name__}")
    hints = typing.get_type_hints(contract)
    fields = {field.name: field for field in dataclasses.fields(contract)}
    if unknown := sorted(set(data) - set(fields)):
        raise ContractError(f"{path}: unknown fields {', '.join(unknown)}")
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _build(hints[name], data[name], f"{path}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ContractError(f"{path}: the field {name} is missing")
    return contract(**values)
