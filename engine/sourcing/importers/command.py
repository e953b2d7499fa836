"""What the import commands share: options, a progress bar, the report at the end."""

from argparse import ArgumentParser
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.errors import LatheError
from engine.sourcing.importers.intake import FoundCollection, take_in
from engine.sourcing.importers.report import ImportReport

SHOWN = 20


class ImportCommand(BaseCommand):
    """A command that takes in what `open_collection` finds. Run again, it goes on where it stopped."""

    verified_by_default = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_source_arguments(parser)
        parser.add_argument("--limit", type=int, help="Stop after so many targets.")
        parser.add_argument("--report", type=Path, help="Write the report to this file, as JSON.")
        parser.add_argument("--strict", action="store_true", help="Exit with an error if anything was refused.")
        if not self.verified_by_default:
            parser.add_argument("--verified", action="store_true", help="The masks are good as they are: skip Stage 1.")

    def add_source_arguments(self, parser: ArgumentParser) -> None:
        """Arguments that say what to import."""

    def open_collection(self, **options: Any) -> AbstractContextManager[FoundCollection]:
        """Find what there is to import."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        report = ImportReport()
        try:
            with self.open_collection(**options) as collection:
                self._take_in(collection, report, options)
        except LatheError as error:
            raise CommandError(str(error)) from error
        finally:
            if options["report"]:
                report.write(options["report"])
        self._print(report)
        if options["strict"] and report.refusals:
            raise CommandError(f"{len(report.refusals)} items were refused.")

    def _take_in(self, collection: FoundCollection, report: ImportReport, options: dict[str, Any]) -> None:
        for item, problem in collection.problems:
            report.refuse(item, problem)
        verified = self.verified_by_default or options["verified"]
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True, quiet=not options["verbosity"])) as progress:
            bar = progress.add_task("Importing images", total=collection.image_count)
            for _ in take_in(collection.images, report=report, verified=verified, limit=options["limit"]):
                refused = f", {len(report.refusals)} refused" if report.refusals else ""
                progress.update(
                    bar, advance=1, description=f"Importing images ({report.target_count} targets{refused})"
                )

    def _print(self, report: ImportReport) -> None:
        self.stdout.write(
            f"images: {report.images_registered} new, {report.images_known} known; "
            f"targets: {report.targets_registered} new, {report.targets_known} known; "
            f"point maps: {report.point_maps_registered} new; refused: {len(report.refusals)}"
        )
        for refusal in report.refusals[:SHOWN]:
            self.stdout.write(f"  refused {refusal.item}: {refusal.reason} {refusal.what_to_do}".rstrip())
        for note in report.notes[:SHOWN]:
            self.stdout.write(f"  note {note.item}: {note.text}")
        hidden = max(0, len(report.refusals) - SHOWN) + max(0, len(report.notes) - SHOWN)
        if hidden:
            self.stdout.write(f"  … and {hidden} more; --report writes all of them to a file")
