"""`manage.py evaluation freeze-set|register|start|close|withdraw|list|results`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from engine.errors import LatheError
from engine.flywheel.voting import advancing, registering
from engine.flywheel.voting.console import print_evaluations, print_results
from engine.flywheel.voting.registering import ContenderPlan
from engine.flywheel.voting.results import results


class Command(BaseCommand):
    help = "Compare models by blind votes: freeze a set, register, start, read the results (docs/voting.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        freeze = actions.add_parser("freeze-set", help="targets with photograph and mask as they are now")
        freeze.add_argument("name")
        which = freeze.add_mutually_exclusive_group(required=True)
        which.add_argument("--targets", nargs="+", type=UUID, metavar="ID")
        which.add_argument("--newest", type=int, metavar="N", help="the newest with a verified mask")

        register = actions.add_parser("register", help="say what will be compared; it does not change afterwards")
        register.add_argument("name")
        register.add_argument("--set", required=True, dest="set_name", help="name of a frozen set")
        register.add_argument(
            "--contender",
            action="append",
            required=True,
            dest="contenders",
            metavar="NAME=GENERATOR[:MODEL_VERSION]",
            help="such as k1=sam3d:k1-dpo or library=retrieval; the first is the baseline",
        )
        register.add_argument("--baseline", help="name of the contender whose Elo is 0")
        register.add_argument("--seeds", nargs="+", type=int, default=[0])
        register.add_argument("--voters", type=int, default=1, dest="voters_per_item", help="people for each item")
        register.add_argument("--coloured", action="store_true", help="textures are judged, too")
        register.add_argument("--start", action="store_true", help="and start it")

        for action, says in (("start", "have the contenders generate"), ("close", "end the voting with what there is")):
            actions.add_parser(action, help=says).add_argument("name")
        withdraw = actions.add_parser("withdraw", help="say that an evaluation is not to be relied on")
        withdraw.add_argument("name")
        withdraw.add_argument("--reason", required=True)

        actions.add_parser("list", help="every evaluation that was ever registered")
        shown = actions.add_parser("results", help="Elo with intervals, wins, agreement")
        shown.add_argument("name")
        shown.add_argument("--json", action="store_true", help="print JSON for machines")
        shown.add_argument("--output", type=Path, help="write the JSON to this file, too")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._act(**options)
        except LatheError as error:
            raise CommandError(str(error)) from error

    def _act(self, *, action: str, **options: Any) -> None:
        console = Console(file=self.stdout, highlight=False, width=120)  # type: ignore[arg-type]
        if action == "list":
            print_evaluations(console)
            return
        if action == "freeze-set":
            ids = options["targets"] or registering.newest_verified(options["newest"])
            made = registering.freeze_set(name=options["name"], target_ids=ids)
            console.print(f"{made} is frozen with {made.targets.count()} targets.")
            return
        if action == "register":
            evaluation = registering.register(
                name=options["name"],
                set_name=options["set_name"],
                contenders=[_contender(text) for text in options["contenders"]],
                baseline=options["baseline"],
                seeds=options["seeds"],
                voters_per_item=options["voters_per_item"],
                coloured=options["coloured"],
            )
            if options["start"]:
                evaluation = advancing.start(evaluation_id=evaluation.id)
            console.print(f"{evaluation} is {evaluation.state}.")
            return
        evaluation = advancing.evaluation_named(options["name"])
        if action == "results":
            found = results(evaluation)
            if options["output"]:
                options["output"].write_text(json.dumps(found, indent=2) + "\n")
            if options["json"]:
                self.stdout.write(json.dumps(found, indent=2))
            else:
                print_results(console, evaluation, found)
            return
        if action == "start":
            evaluation = advancing.start(evaluation_id=evaluation.id)
        elif action == "close":
            evaluation = advancing.close(evaluation_id=evaluation.id)
        elif action == "withdraw":
            evaluation = advancing.withdraw(evaluation_id=evaluation.id, reason=options["reason"])
        console.print(f"{evaluation} is {evaluation.state}.")


def _contender(text: str) -> ContenderPlan:
    name, equals, made_by = text.partition("=")
    generator, _, version = made_by.partition(":")
    if not equals or not name or not generator:
        raise CommandError(f"--contender {text!r}: give NAME=GENERATOR, or NAME=sam3d:MODEL_VERSION")
    return ContenderPlan(name=name, generator=generator, model_version=version or None)
