"""`manage.py storage stats | verify`: what the object store holds, and whether it is whole."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from engine.storage import services

PROGRESS_EVERY = 1000


class Command(BaseCommand):
    """Look at the object store."""

    help = "Show what the object store holds (stats), or read every object and compare its digest (verify)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("stats", help="objects and bytes by media type")
        actions.add_parser("verify", help="read every object; exit 1 where one is missing or damaged")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "stats":
            self._stats()
        else:
            self._verify()

    def _stats(self) -> None:
        for kind in services.stored_by_media_type():
            self.stdout.write(f"{kind.count:>10,}  {kind.size_bytes:>18,} bytes  {kind.media_type}")

    def _verify(self) -> None:
        wrong = seen = 0
        for blob, problem in services.verified_blobs():
            seen += 1
            if problem is not None:
                wrong += 1
                self.stdout.write(f"{blob.sha256}  {problem.message}")
            if seen % PROGRESS_EVERY == 0:
                self.stderr.write(f"{seen:,} objects read …")
        if wrong:
            raise CommandError(f"{wrong} of {seen} objects are missing or damaged. Restore them from a backup.")
        self.stdout.write(f"{seen} objects, all whole.")
