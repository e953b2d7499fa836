"""Imports photographs that lie in folders of their own, with numbered mask files."""

from argparse import ArgumentParser
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from engine.sourcing.importers.command import ImportCommand
from engine.sourcing.importers.folder import find_in_folder
from engine.sourcing.importers.intake import FoundCollection


class Command(ImportCommand):
    help = "Import folders that hold image.* and masks named 0.png, 1.png, … or mask_00_category.png."

    def add_source_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="One such folder, or a folder of them.")
        parser.add_argument("--name", help="Name of the collection in sources; the folder's own by default.")

    def open_collection(self, **options: Any) -> AbstractContextManager[FoundCollection]:
        folder: Path = options["folder"]
        images = list(find_in_folder(folder, name=options["name"] or folder.resolve().name))
        return nullcontext(FoundCollection(images=images, image_count=len(images)))
