"""Imports the built-in photographs."""

from collections.abc import Iterable
from typing import Any

from engine.sourcing.importers.builtin import find_builtin
from engine.sourcing.importers.command import ImportCommand
from engine.sourcing.importers.intake import FoundImage


class Command(ImportCommand):
    help = "Import the built-in photographs, their point map and their verified masks."
    verified_by_default = True

    def find(self, **options: Any) -> tuple[Iterable[FoundImage], int | None]:
        found = list(find_builtin(limit=options["limit"]))
        return found, len(found)
