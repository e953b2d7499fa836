"""Turn the miniature flywheel and write `report.json`, `report.md`, `elo.svg` and `iou.svg`."""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from scripts.miniature import __doc__ as about
from scripts.miniature.report import elo_plot, iou_plot, markdown, with_elo
from scripts.miniature.runs import (
    Work,
    measuring_processes,
    one_run,
    read_photographs,
    run_work,
    side_by_side,
    write_json,
)
from scripts.miniature.samples import FILE
from scripts.miniature.settings import FULL, Settings, pilots, tiny, variants
from scripts.miniature.world import load_banks, make_banks, save_banks
from training_loop.api import load_generator
from training_loop.shipped import SHIPPED_CHECKPOINT

A_DAY = 86_400.0


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, run what is not in the report yet, report."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.miniature", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path, help="folder of the report; runs that it holds are not run again")
    parser.add_argument("--tiny", action="store_true", help="two small turns, for a CPU")
    parser.add_argument("--ablations", action="store_true", help="also with one thing changed at a time")
    parser.add_argument("--pilots", action="store_true", help="instead: three turns each of settings to choose from")
    parser.add_argument("--variants", nargs="+", help=f"some of: {', '.join(variants(Settings()))}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED_CHECKPOINT, help="the base (default: what ships)")
    parser.add_argument("--photographs", type=Path, help="folder of pictures to paste into")
    parser.add_argument("--unseen-photographs", type=Path, help="folder of other pictures, to measure on")
    parser.add_argument("--banks", type=Path, help="folder to keep the shapes in, for another call with as many")
    parser.add_argument("--processes", type=int, default=1, help="that make shapes, and compare surfaces afterwards")
    parser.add_argument("--at-once", type=int, default=1, help="flywheels side by side")
    parser.add_argument("--minutes", type=float, help="start nothing that would not end by then")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a setting (JSON)")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.work:
        run_work(options.output)
        return 0
    started = time.monotonic()
    changed = {name: json.loads(value) for name, _, value in (text.partition("=") for text in options.set)}
    settings = Settings(**(asdict(tiny() if options.tiny else Settings()) | changed))
    # Lists of a command line or of JSON are tuples here.
    settings = replace(settings, strengths=tuple(settings.strengths))
    chosen = pilots(settings) if options.pilots else variants(settings)
    names = options.variants or (list(chosen) if options.ablations or options.pilots else [FULL])
    if unknown := sorted(set(names) - set(chosen)):
        parser.error(f"unknown variant {unknown[0]!r}; known: {', '.join(chosen)}")
    options.output.mkdir(parents=True, exist_ok=True)
    checkpoint, here = options.checkpoint.resolve(), Path.cwd()
    base_name = checkpoint.relative_to(here) if checkpoint.is_relative_to(here) else checkpoint.name
    report = Report(options.output, base=str(base_name))
    # First the whole; then every other's first seed before any's second, so that a cut leaves something to compare.
    order = sorted(((name, seed) for seed in options.seeds for name in names), key=lambda one: one[0] != names[0])
    todo = [(name, seed) for name, seed in order if not report.has(name, chosen[name], seed)]
    if not todo:
        report.write()
        return 0
    base = load_generator(options.checkpoint, device=options.device)
    sizes = f"{settings.shapes}_{settings.collected}_{settings.evaluated}"
    kept = None if options.banks is None else options.banks / sizes
    if kept is not None and kept.exists():
        banks = load_banks(kept, base.device)
    else:
        banks = make_banks(settings, device=base.device, processes=options.processes)
        if kept is not None:
            save_banks(banks, kept)
    print(f"{sum(map(len, banks.values()))} shapes after {time.monotonic() - started:.0f} s", flush=True)
    if options.at_once == 1 and options.minutes is None:
        photographs = read_photographs(options.photographs, base.device)
        unseen = read_photographs(options.unseen_photographs, base.device)
        with measuring_processes(1) as measuring:
            for name, seed in todo:
                run, samples = one_run(
                    chosen[name],
                    base,
                    banks,
                    variant=name,
                    seed=seed,
                    photographs=photographs,
                    unseen_photographs=unseen,
                    measuring=measuring,
                )
                report.add(name, chosen[name], run)
                if (name, seed) == order[0]:
                    samples.save(options.output / FILE)
        report.write()
        return 0
    with tempfile.TemporaryDirectory(prefix="miniature_") as folder:
        if kept is None:
            kept = Path(folder) / "banks"
            save_banks(banks, kept)
        del base, banks
        works = [
            Work(
                name,
                seed,
                asdict(chosen[name]),
                str(options.checkpoint.resolve()),
                str(kept.resolve()),
                None if options.photographs is None else str(options.photographs),
                None if options.unseen_photographs is None else str(options.unseen_photographs),
                options.device,
                # More than there are cores: they are nice to the runs, and those that end late have them all.
                max(1, 2 * options.processes // min(options.at_once, len(todo))),
                str(Path(folder) / f"run-{number}.json"),
                # Of one run: they end at about the same time.
                str(options.output / FILE if (name, seed) == order[0] else Path(folder) / f"samples-{number}.npz"),
            )
            for number, (name, seed) in enumerate(todo)
        ]
        undone, failed = side_by_side(
            works,
            Path(folder),
            at_once=options.at_once,
            deadline=started + (A_DAY if options.minutes is None else 60 * options.minutes),
            on_run=lambda work, run: report.add(work.variant, chosen[work.variant], run),
            on_cut=lambda work, turns: report.add_cut(work.variant, chosen[work.variant], work.seed, turns),
        )
    report.write()
    if undone or failed:
        print(f"{undone + len(failed)} of {len(works)} runs left: the same command goes on with them", flush=True)
    return 1 if failed else 0


class Report:
    """The runs so far, in `report.json`, saved after every one, so that a call that is cut off keeps them."""

    def __init__(self, folder: Path, *, base: str) -> None:
        self.folder, self.path = folder, folder / "report.json"
        self.values: dict[str, Any] = {"base": base, "device": _device(), "settings": {}, "runs": {}, "cut": {}}
        if self.path.exists():
            self.values |= json.loads(self.path.read_text())

    def has(self, name: str, settings: Settings, seed: int) -> bool:
        """Whether this run is there.

        Raises:
            SystemExit: it is there with other settings.
        """
        known = self.values["settings"].get(name)
        if known is not None and known != json.loads(json.dumps(asdict(settings))):
            raise SystemExit(f"{self.path} holds {name!r} with other settings; choose another folder")
        return any(run["seed"] == seed for run in self.values["runs"].get(name, []))

    def add(self, name: str, settings: Settings, run: dict[str, Any]) -> None:
        """Keep a run."""
        self._keep("runs", name, settings, run)
        # It was cut in an earlier call.
        cut = self.values["cut"]
        cut[name] = [one for one in cut.get(name, []) if one["seed"] != run["seed"]]
        self.values["cut"] = {variant: left for variant, left in cut.items() if left}
        self._save()
        print(f"{name}, seed {run['seed']}: {run['seconds']:.0f} s", flush=True)

    def add_cut(self, name: str, settings: Settings, seed: int, turns: list[dict[str, Any]]) -> None:
        """Keep the turns of a run that was cut; it is to be run again."""
        self._keep("cut", name, settings, {"seed": seed, "turns": turns})
        self._save()
        print(f"{name}, seed {seed}: cut after {len(turns)} turns", flush=True)

    def _keep(self, what: str, name: str, settings: Settings, run: dict[str, Any]) -> None:
        self.values["settings"][name] = json.loads(json.dumps(asdict(settings)))
        others = [one for one in self.values[what].get(name, []) if one["seed"] != run["seed"]]
        self.values[what][name] = sorted([*others, run], key=lambda one: one["seed"])

    def write(self) -> None:
        """Report on what there is; nothing is written before the first run."""
        if not self.values["runs"]:
            return
        self.values = with_elo(self.values)
        self._save()
        (self.folder / "report.md").write_text(markdown(self.values))
        (self.folder / "elo.svg").write_text(elo_plot(self.values))
        (self.folder / "iou.svg").write_text(iou_plot(self.values))

    def _save(self) -> None:
        write_json(self.path, self.values)


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    # So that what it has started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(main())
