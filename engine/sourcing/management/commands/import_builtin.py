"""Imports the built-in photographs."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from engine.sourcing.importers.builtin import find_builtin
from engine.sourcing.importers.command import ImportCommand
from engine.sourcing.importers.intake import FoundCollection


class Command(ImportCommand):
    help = "Import the built-in photographs, their point map and their verified masks."
    verified_by_default = True

    def open_collection(self, **options: Any) -> AbstractContextManager[FoundCollection]:
        images = list(find_builtin(limit=options["limit"]))
        return nullcontext(FoundCollection(images=images, image_count=len(images)))
