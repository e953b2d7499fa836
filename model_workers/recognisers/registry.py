"""Finds recogniser and grounder by the names in the environment, among ours and the entry points of other packages."""

import os
import tomllib
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from engine.embedded.places import CHECKOUT
from model_workers.recognisers.protocol import Grounder, Recogniser, RecognitionError

RECOGNISERS, GROUNDERS = "lathe.recognisers", "lathe.grounders"


def load_recogniser() -> Recogniser:
    """The one that `LATHE_RECOGNISER` names, else `openai_vision`.

    Raises:
        RecognitionError: there is none of that name.
    """
    return cast(Recogniser, _make(RECOGNISERS, os.environ.get("LATHE_RECOGNISER") or "openai_vision"))


def load_grounder() -> Grounder:
    """The one that `LATHE_GROUNDER` names, else `box`.

    Raises:
        RecognitionError: there is none of that name.
    """
    return cast(Grounder, _make(GROUNDERS, os.environ.get("LATHE_GROUNDER") or "box"))


def _make(group: str, name: str) -> Any:
    found = _entry_points_of_checkout(group) | {point.name: point for point in entry_points(group=group)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise RecognitionError(f"There is no {name!r} among {group} on this worker; there are {known}.")
    return found[name].load()()


def _entry_points_of_checkout(group: str) -> dict[str, EntryPoint]:
    """Our own when Lathe runs from a checkout that pip has not installed."""
    project = CHECKOUT / "pyproject.toml"
    if not project.exists():
        return {}
    declared = tomllib.loads(project.read_text())["project"].get("entry-points", {}).get(group, {})
    return {name: EntryPoint(name=name, value=value, group=group) for name, value in declared.items()}
