"""Finds generators: remote ones by configuration, all others by entry points of the group `lathe.generators`."""

import tomllib
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from engine.embedded.places import CHECKOUT
from model_workers.generators.protocol import Generator, GeneratorError
from model_workers.generators.remote import RemoteGenerator, remote_settings

GROUP = "lathe.generators"


def load_generator(name: str) -> Generator:
    """Make the generator that a suite calls `name`.

    Raises:
        GeneratorError: no such generator, or it cannot be loaded.
    """
    remote = remote_settings()
    if name in remote:
        return RemoteGenerator(remote[name])
    found = _entry_points()
    if name not in found:
        known = ", ".join(sorted({*found, *remote})) or "none"
        raise GeneratorError(f"there is no generator {name!r} on this worker; there are {known}")
    return cast(Generator, found[name].load()())


def _entry_points() -> dict[str, EntryPoint]:
    installed = {point.name: point for point in entry_points(group=GROUP)}
    return _entry_points_of_checkout() | installed


def _entry_points_of_checkout() -> dict[str, EntryPoint]:
    """Our own generators when Lathe runs from a checkout that pip has not installed."""
    project = CHECKOUT / "pyproject.toml"
    if not project.exists():
        return {}
    declared = tomllib.loads(project.read_text())["project"].get("entry-points", {}).get(GROUP, {})
    return {name: EntryPoint(name=name, value=value, group=GROUP) for name, value in declared.items()}
