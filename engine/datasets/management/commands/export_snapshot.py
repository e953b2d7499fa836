"""`manage.py export_snapshot --iteration K --to FOLDER`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from engine.datasets.services import export_snapshot
from engine.errors import LatheError


class Command(BaseCommand):
    help = "Write a frozen snapshot into a folder: shards, Parquet indices and manifest. Goes on where it was stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--iteration", type=int, required=True)
        parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")

    def handle(self, *args: Any, iteration: int, to: Path, **options: Any) -> None:
        try:
            for path in export_snapshot(iteration=iteration, to=to):
                self.stdout.write(f"{path.stat().st_size:>12,} bytes  {path}")
        except LatheError as error:
            raise CommandError(str(error)) from error
