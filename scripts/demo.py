"""`make demo`: the flywheel turns twice on the built-in photographs, with scripted people who use the HTTP API alone.

A demo that was interrupted goes on where it stood: the first unfinished iteration is finished, nothing is made twice.
A demo after a finished one turns the flywheel two more times. The report is in `var/demo/report.json`.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from engine.embedded.places import CHECKOUT, var_folder
from engine.rehearsal.client import ApiClient
from engine.rehearsal.crowd import Crowd
from engine.rehearsal.people import Annotator, Artist, Person, Reviewer
from engine.rehearsal.temperament import Temperament
from engine.serve.background import BackgroundLathe
from scripts.demo_proposals import write_proposals
from scripts.demo_report import print_report
from scripts.demo_second_looks import leave_work, mark_gold, set_shares
from scripts.demo_vote import start_vote

TURNS = 2
# The bar rises with the turns, as in the cross-entropy method (paper 3.2.2).
ALPHAS = (0.8, 0.85)
PEOPLE = {
    "ada": "annotator",
    "ben": "annotator",
    "cleo": "annotator",
    "dan": "annotator",
    "rosa": "reviewer",
    "arti": "artist",
    "mel": "ml_engineer",
    "root": "admin",
}
# Scripted people think fast: short leases let a lapsed one return within the demo.
LEASE_SECONDS = "mask=8,selection=10,alignment=12,evaluation=10,artist=60"
SETTINGS: dict[str, Any] = {
    "suite": {"retrieval": 2, "text_to_3d": 1, "image_to_3d": 2, "sam3d": 3},
    # The checkpoint that ships is distilled: four steps are as good as twelve guided ones, in a fifth of the time.
    "generator_parameters": {"sam3d": {"steps": 4, "shortcut": True}},
    "max_rounds": 2,
    "target_limit": 8,
    "wait_for_artists": True,
    # Two cores and a few minutes: short runs on few library examples, from the checkpoint that ships.
    "sft": {
        "recipe": "mini_sft",
        "overrides": {"steps": 8, "library.count": 24, "batch_size": 12, "regression.count": 6},
    },
    # Every pair is another row to read: reading them takes longer than the steps.
    "dpo": {"recipe": "mini_dpo", "overrides": {"steps": 8, "batch_size": 8, "regression.count": 6}},
    "evaluation": {"heldout_count": 6, "real_targets": 2},
}
# Verified masks; the rest of a collection comes out of Stage 1, where people see these proposals first.
VERIFIED_TARGETS, PROPOSED_TARGETS = 8, 4
VOTED_TARGETS = 2
# In the last turn the chosen shapes get textures too.
TEXTURE_SUITE = {"image_to_3d": 2, "palette": 1}
POLL_SECONDS = 1.0
LINE_SECONDS = 10.0

console = Console(width=None if sys.stdout.isatty() else 140)


@dataclass
class Progressed:
    """What is kept between runs, so that an interrupted demo can go on."""

    first_iteration: int | None = None
    finished: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Progressed":
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)))
        part.replace(path)


def main() -> int:
    """Set the stage, turn the flywheel, report; on a terminal, go on serving."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__.split("\n\n")[0])
    parser.add_argument("--turns", type=int, default=TURNS, help="iterations to run (default %(default)s)")
    parser.add_argument("--targets", type=int, default=VERIFIED_TARGETS, help="verified targets (default %(default)s)")
    parser.add_argument("--proposals", type=int, default=PROPOSED_TARGETS, help="for Stage 1 (default %(default)s)")
    parser.add_argument("--voted", type=int, default=VOTED_TARGETS, help="targets voted on (default %(default)s)")
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON that changes the iterations' settings")
    options = parser.parse_args()
    stays = sys.stdout.isatty() and sys.stdin.isatty() and os.environ.get("CI") != "true"
    folder = var_folder() / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "progress.json"
    progressed = Progressed.load(kept)
    if progressed.finished:
        progressed = Progressed()
    password = _password(folder / "password")
    environment = {"LATHE_LEASE_SECONDS": LEASE_SECONDS}

    with BackgroundLathe(var=var_folder(), port=8000 if stays else 0, environment=environment) as lathe:
        console.print(f"Lathe serves at [bold]{lathe.url}[/] (log: {_shown(lathe.log_path)})")
        with _timed(progressed, "photographs, people and checkpoint"):
            write_proposals(folder / "proposals", count=options.proposals)
            people = [f"{name}={role}" for name, role in PEOPLE.items()]
            _manage(
                ["import_builtin", "--limit", str(options.targets)],
                ["import_folder", str(folder / "proposals"), "--name", "demo"],
                ["create_people", *people],
                ["flywheel", "register"],
                environment={**environment, "LATHE_PASSWORD": password},
            )
        engineer = ApiClient(base_url=lathe.url, username="mel", password=password)
        reviewer = ApiClient(base_url=lathe.url, username="rosa", password=password)
        set_shares(reviewer)
        crowd = Crowd(_people(lathe.url, password))
        with _working(crowd):
            for turn in range(options.turns):
                if turn == options.turns - 1:
                    mark_gold(reviewer)
                    start_vote(engineer, targets=options.voted)
                with _timed(progressed, f"turn {turn + 1}"):
                    _turn(
                        engineer,
                        settings=SETTINGS
                        | ({"texture_suite": TEXTURE_SUITE} if turn == options.turns - 1 else {})
                        | options.settings,
                        progressed=progressed,
                        kept=kept,
                        turn=turn,
                        crowd=crowd,
                    )
                if crowd.stop.is_set():
                    break  # somebody failed: the end of `_working` says who, and why
        left = leave_work(reviewer)
        report = {
            "demo": {"turns": options.turns, "seconds": progressed.seconds, "crowd": crowd.report()},
            **json.loads(_manage(["flywheel", "report"], environment=environment)),
        }
        (folder / "report.json").write_text(json.dumps(report, indent=2, sort_keys=True) + "\n")
        progressed.finished = True
        progressed.save(kept)
        print_report(report, console=console)
        console.print(f"Report for machines: {_shown(folder / 'report.json')}")
        if stays:
            _go_on_serving(lathe.url, password, left=left)
    return 0


def _turn(
    engineer: ApiClient, *, settings: dict[str, Any], progressed: Progressed, kept: Path, turn: int, crowd: Crowd
) -> None:
    """Start (or take up) one iteration and watch it to its end."""
    iteration = engineer.get("/flywheel/status/", label="status")["iteration"]
    if progressed.first_iteration is None:
        running = iteration is not None and iteration["step"] != "done"
        progressed.first_iteration = iteration["number"] if running else (iteration["number"] if iteration else 0) + 1
        progressed.save(kept)
    number = progressed.first_iteration + turn
    if iteration is None or iteration["number"] < number:
        body = {"alpha": ALPHAS[min(turn, len(ALPHAS) - 1)], "settings": settings}
        engineer.post("/flywheel/iterations/", body, label="start iteration")
    elif iteration["number"] == number and iteration["failed"]:
        console.print(f"Iteration {number} had stopped ({iteration['failure']}); resuming it.")
        engineer.post(f"/flywheel/iterations/{number}/resume", label="resume iteration")
    _watch(engineer, number=number, crowd=crowd)


def _watch(engineer: ApiClient, *, number: int, crowd: Crowd) -> None:
    """Show how far the iteration is until it is done; leave early where the crowd has failed."""
    with _progress_view() as show:
        while not crowd.stop.is_set():
            status = engineer.get(f"/flywheel/iterations/{number}/", label="status")
            show(status)
            if status["failed"]:
                raise SystemExit(
                    f"iteration {number} stopped at {status['step']}: {status['failure']}\n"
                    "What was collected is kept. Run `make demo` again to resume it."
                )
            if status["step"] == "done":
                return
            time.sleep(POLL_SECONDS)


@contextmanager
def _progress_view() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Bars on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        yield _Lines()
        return
    with Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[note]}"),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        bars: dict[str, TaskID] = {}

        def show(status: dict[str, Any]) -> None:
            for name, share in status["progress"].items():
                if name not in bars:
                    bars[name] = progress.add_task(f"iteration {status['number']} · {name}", total=None, note="")
                progress.update(bars[name], total=share["total"], completed=share["done"], note=share["note"])

        yield show


class _Lines:
    """Prints the step that moves, at most every few seconds, and every step's end."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[float, int]] = {}

    def __call__(self, status: dict[str, Any]) -> None:
        for name, share in status["progress"].items():
            at, done = self._said.get(name, (0.0, -1))
            ended = share["done"] >= share["total"]
            if share["done"] != done and (ended or time.monotonic() - at > LINE_SECONDS):
                self._said[name] = (time.monotonic(), share["done"])
                console.print(
                    f"iteration {status['number']} · {name:<13} {share['done']}/{share['total']} {share['note']}",
                    highlight=False,
                )


def _people(url: str, password: str) -> list[Person]:
    kinds: dict[str, type[Person]] = {"annotator": Annotator, "reviewer": Reviewer, "artist": Artist}
    return [
        kinds[role](
            client=ApiClient(base_url=url, username=name, password=password),
            seed=number,
            temperament=Temperament(),
        )
        for number, (name, role) in enumerate(PEOPLE.items())
        if role in kinds
    ]


@contextmanager
def _working(crowd: Crowd) -> Iterator[None]:
    """The crowd works in a thread of its own meanwhile; what made a person fail ends the demo."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        life = pool.submit(crowd.run)
        try:
            yield
        finally:
            crowd.stop.set()
        life.result()


@contextmanager
def _timed(progressed: Progressed, name: str) -> Iterator[None]:
    """Add the seconds spent to the kept progress, over interruptions too."""
    started = time.monotonic()
    try:
        yield
    finally:
        spent = time.monotonic() - started
        progressed.seconds[name] = round(progressed.seconds.get(name, 0.0) + spent, 1)


def _shown(path: Path) -> str:
    """The path as people find it from the checkout."""
    return os.path.relpath(path, CHECKOUT) if path.is_relative_to(CHECKOUT) else str(path)


def _password(path: Path) -> str:
    """One password for all demo people, made once and kept for the next run."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(9))
    return path.read_text()


def _manage(*commands: list[str], environment: dict[str, str]) -> str:
    """Run management commands one after the other in a process of their own; their output where they succeed, the
    demo's end with their words where one does not.
    """
    result = subprocess.run(
        [sys.executable, "-m", "scripts.commands", json.dumps(commands)],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise SystemExit(result.stderr)
    return result.stdout


def _go_on_serving(url: str, password: str, *, left: dict[str, int]) -> None:
    console.print(f"\nGoing on serving at [bold]{url}[/]; sign in as any of these with [bold]{password}[/]:")
    for name, role in PEOPLE.items():
        console.print(f"  {name:<6} {role}")
    waiting = ", ".join(f"{count} of stage {stage}" for stage, count in left.items())
    console.print(f"Tasks wait for annotators ({waiting}), judgements for reviewers, results for engineers.")
    console.print("Ctrl-C ends it; `make serve` starts it again, `make stop` stops the databases too.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("\nStopped.")


if __name__ == "__main__":
    sys.exit(main())
