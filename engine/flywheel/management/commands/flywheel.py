"""`manage.py flywheel start|status|resume|stop-collecting|promote|register|pretrain|report`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from engine.errors import LatheError
from engine.flywheel import services
from engine.flywheel.console import print_status
from engine.flywheel.models import Iteration, ModelVersion, TrainingRun
from engine.flywheel.registering import SHIPPED


class Command(BaseCommand):
    help = "Start an iteration of the flywheel, see where it stands, resume it, promote a model version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON for machines")
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        start = actions.add_parser("start", help="start the next iteration")
        start.add_argument("--alpha", type=float, required=True, help="the bar α_k in [0, 1]")
        _add_settings(start)

        actions.add_parser("status", help="where the flywheel stands")
        actions.add_parser("report", help="totals of everything so far (always JSON)")

        resume = actions.add_parser("resume", help="go on with a failed iteration")
        resume.add_argument("--iteration", type=int, help="its number (default: the last one)")
        resume.add_argument("--skip", action="store_true", help="leave out the step that failed")
        _add_settings(resume)

        stop = actions.add_parser("stop-collecting", help="go on with what was collected so far")
        stop.add_argument("--iteration", type=int, help="its number (default: the last one)")

        promote = actions.add_parser("promote", help="promote a model version by hand")
        promote.add_argument("version", help="its name or id")

        register = actions.add_parser("register", help="take in a checkpoint from a file, as a first model version")
        register.add_argument("file", type=Path, nargs="?", default=SHIPPED, help="default: the one that ships")
        register.add_argument("--name", help="of the model version (default: the file's stem)")

        pretrain = actions.add_parser("pretrain", help="train a first checkpoint where there is none")
        _add_settings(pretrain)
        for action in actions.choices.values():
            action.add_argument("--json", action="store_true", default=False, dest="json_after", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._act(**options)
        except LatheError as error:
            raise CommandError(str(error)) from error
        if options["action"] == "report":
            self.stdout.write(json.dumps(services.report(), indent=2))
        elif options["json"] or options["json_after"]:
            self.stdout.write(json.dumps(services.status(), indent=2))
        else:
            print_status(Console(file=self.stdout, highlight=False))  # type: ignore[arg-type]

    def _act(self, *, action: str, **options: Any) -> None:
        if action == "start":
            services.start(alpha=options["alpha"], settings=_settings(options["settings"]))
        elif action == "resume":
            services.resume(
                number=_number(options["iteration"]), settings=_settings(options["settings"]), skip=options["skip"]
            )
        elif action == "stop-collecting":
            services.stop_collecting(number=_number(options["iteration"]))
        elif action == "promote":
            services.promote(model_version_id=_version_id(options["version"]), actor=None)
        elif action == "register":
            services.register(path=options["file"], name=options["name"] or options["file"].stem)
        elif action == "pretrain":
            made = services.pretrain(settings=_settings(options["settings"]))
            if isinstance(made, TrainingRun):
                self.stderr.write(f"pretraining is {made.status}: it is done by a model worker of the queue `train`")


def _add_settings(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--settings", default="{}", metavar="JSON", help="settings as JSON, or @file.json (see docs/data_format.md)"
    )


def _settings(text: str) -> dict[str, Any]:
    try:
        value = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        raise CommandError(f"--settings: {error}") from error
    if not isinstance(value, dict):
        raise CommandError("--settings: give a JSON object, such as '{\"target_limit\": 100}'")
    return value


def _number(given: int | None) -> int:
    if given is not None:
        return given
    last = Iteration.objects.order_by("-number").values_list("number", flat=True).first()
    if last is None:
        raise CommandError("There is no iteration yet: `manage.py flywheel start --alpha 0.5`.")
    return last


def _version_id(given: str) -> UUID:
    found = ModelVersion.objects.filter(name=given).values_list("id", flat=True).first()
    if found is not None:
        return found
    try:
        return UUID(given)
    except ValueError as error:
        known = ", ".join(ModelVersion.objects.order_by("-created_at").values_list("name", flat=True)[:10])
        raise CommandError(f"There is no model version {given!r}. The last ones: {known or 'none'}.") from error
