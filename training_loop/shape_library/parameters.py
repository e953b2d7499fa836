"""What a shape may vary: declared once, used to draw instances, to check overrides and to word descriptions.

A word that starts with "with" follows the noun ("a tall mug with a handle"), any other goes before it.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


class InvalidParameterError(ValueError):
    """An override names no parameter of the category or lies outside its range."""


@dataclass(frozen=True)
class Range:
    """A number in [low, high]; `below` and `above` are words for its lowest and highest third."""

    low: float
    high: float
    below: str = ""
    above: str = ""

    def sample(self, rng: np.random.Generator) -> float:
        """Draw uniformly."""
        return float(rng.uniform(self.low, self.high))

    def check(self, name: str, value: Any) -> float:
        """Return the value as a float, or refuse it."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            raise InvalidParameterError(f"{name} must be a number from {self.low} to {self.high}, got {value!r}")
        return float(value)

    def word(self, value: Any) -> str:
        """The word for this value, or an empty string."""
        share = (float(value) - self.low) / (self.high - self.low)
        return self.below if share < 1 / 3 else self.above if share > 2 / 3 else ""


@dataclass(frozen=True)
class Count:
    """A whole number in [low, high]; `phrase` may hold one {} for it, `one` replaces it for the number 1."""

    low: int
    high: int
    phrase: str = ""
    one: str = ""

    def sample(self, rng: np.random.Generator) -> int:
        """Draw uniformly."""
        return int(rng.integers(self.low, self.high + 1))

    def check(self, name: str, value: Any) -> int:
        """Return the value as an int, or refuse it."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise InvalidParameterError(f"{name} must be a whole number from {self.low} to {self.high}, got {value!r}")
        return value

    def word(self, value: Any) -> str:
        """The phrase for this count, or an empty string."""
        return self.one if value == 1 and self.one else self.phrase.format(value)


@dataclass(frozen=True)
class Choice:
    """One of a few names, which are their own words unless `words` says otherwise."""

    options: tuple[str, ...]
    words: dict[str, str] = field(default_factory=dict)

    def sample(self, rng: np.random.Generator) -> str:
        """Draw uniformly."""
        return self.options[int(rng.integers(len(self.options)))]

    def check(self, name: str, value: Any) -> str:
        """Return the name, or refuse it."""
        if value not in self.options:
            raise InvalidParameterError(f"{name} must be one of {', '.join(self.options)}; got {value!r}")
        return str(value)

    def word(self, value: Any) -> str:
        """The word for this option."""
        return self.words.get(str(value), str(value))


@dataclass(frozen=True)
class Flag:
    """Yes or no; `share` is the share of yes."""

    yes: str = ""
    no: str = ""
    share: float = 0.5

    def sample(self, rng: np.random.Generator) -> bool:
        """Draw with probability `share`."""
        return bool(rng.random() < self.share)

    def check(self, name: str, value: Any) -> bool:
        """Return the flag, or refuse it."""
        if not isinstance(value, bool):
            raise InvalidParameterError(f"{name} must be true or false, got {value!r}")
        return value

    def word(self, value: Any) -> str:
        """The word for yes or for no."""
        return self.yes if value else self.no


Parameter = Range | Count | Choice | Flag


def compose_description(noun: str, words: list[str]) -> str:
    """Word an instance: adjectives, noun, then what it has.

    >>> compose_description("mug", ["tall", "red", "with a handle"])
    'a tall red mug with a handle'
    """
    before = [word for word in words if word and not word.startswith("with")]
    after = [word for word in words if word.startswith("with")]
    phrase = " ".join([*before, noun])
    if after:
        having = [word.removeprefix("with ") for word in after]
        phrase += " with " + (having[0] if len(having) == 1 else ", ".join(having[:-1]) + " and " + having[-1])
    return with_article(phrase)


def with_article(phrase: str) -> str:
    """Put "a" or "an" before a phrase."""
    return ("an " if phrase[0].lower() in "aeiou" else "a ") + phrase


def phrases(options: tuple[str, ...], noun: str) -> dict[str, str]:
    """Words for a choice that describes a piece: "with a red shade", "with an olive shade"."""
    return {option: f"with {with_article(option)} {noun}" for option in options}
