"""Imports COCO and LVIS annotations."""

from argparse import ArgumentParser
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from engine.sourcing.importers.coco import find_in_coco
from engine.sourcing.importers.command import ImportCommand
from engine.sourcing.importers.intake import FoundCollection


class Command(ImportCommand):
    help = "Import a COCO or LVIS JSON file (polygons or run lengths) with its folder of images."

    def add_source_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("annotations", type=Path, help="The JSON file.")
        parser.add_argument("--images", type=Path, required=True, help="Folder that file names are relative to.")
        parser.add_argument("--name", help="Name of the collection in sources; the JSON file's by default.")

    def open_collection(self, **options: Any) -> AbstractContextManager[FoundCollection]:
        annotations: Path = options["annotations"]
        if not annotations.is_file():
            raise CommandError(f"There is no file {annotations}.")
        if options["verbosity"]:
            self.stderr.write(f"Indexing {annotations} ({annotations.stat().st_size / 1e6:.0f} MB)")
        return find_in_coco(annotations, images=options["images"], name=options["name"] or annotations.stem)
