"""One flywheel from a base, measured after every stage; and many of them side by side, for as long as there is time."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from scripts.miniature.samples import Samples
from scripts.miniature.settings import Settings
from scripts.miniature.turn import Flywheel
from scripts.miniature.world import MEASURED, Measured, World, load_banks
from training_loop.api import load_generator
from training_loop.backdrops import Photographs
from training_loop.models.generator import GeometryModel
from training_loop.shape_bank import ShapeBank

# What tells whether a stage learns.
LEARNT = ("shape", "accuracy", "reward_margin")
# Of each target, to test differences by; the others are kept as means.
TESTED_METRICS = ("f1_at_0p01", "chamfer_l2")

# What is told to end and still runs then is killed.
SECONDS_TO_END = 3.0


@dataclass(frozen=True)
class Work:
    """What a run needs, as a process reads it from a file."""

    variant: str
    seed: int
    settings: dict[str, Any]
    checkpoint: str
    banks: str
    photographs: str | None
    unseen_photographs: str | None
    device: str
    measuring: int
    output: str
    samples: str

    @property
    def turns(self) -> Path:
        """Where its turns stand as they end; of a run that is cut, nothing else is left."""
        return Path(self.output).with_suffix(".turns")


def one_run(
    settings: Settings,
    base: GeometryModel,
    banks: dict[str, ShapeBank],
    *,
    variant: str,
    seed: int,
    photographs: Photographs | None,
    unseen_photographs: Photographs | None,
    measuring: Executor,
    on_turn: Callable[[list[dict[str, Any]]], None] = lambda turns: None,
) -> tuple[dict[str, Any], Samples]:
    """One flywheel: its turns, its stages with metrics, how good its checkpoints are on each target; and samples.

    `on_turn` is told of all turns so far after each.
    """
    started = time.monotonic()
    world = World(
        settings,
        base,
        banks,
        photographs=photographs,
        unseen_photographs=unseen_photographs,
        seed=seed,
        measuring=measuring,
    )
    strength = world.calibrate(base)
    flywheel = Flywheel(world, base, settings, seed=seed)
    stages: list[tuple[str, bool, dict[str, Measured]]] = []

    def measure(name: str, model: GeometryModel, *, plays: bool, last: bool = False) -> None:
        ends = settings.more_meshes * (last or not stages)
        surfaces = {"every stage": ends or 1, "ends": ends, "last": ends * last}[settings.surfaces]
        measured = {split: world.measure(model, split, surfaces=surfaces) for split in MEASURED}
        stages.append((name, plays, measured))
        iou = " ".join(f"{split} {found.iou.mean():.4f}" for split, found in measured.items())
        mean = np.mean([found.iou.mean() for found in measured.values()])
        print(f"{variant}, {seed}, {name}: IoU {mean:.4f}; {iou}; {time.monotonic() - started:.0f} s", flush=True)

    measure("base", base, plays=True)
    turns = []
    for k in range(settings.iterations):
        figures = flywheel.turn(k)
        after_sft, last = figures.pop("after_sft"), k + 1 == settings.iterations
        if settings.use_dpo and figures["stages"]:
            measure(f"{k + 1} SFT", after_sft, plays=False)
        measure(f"{k + 1} DPO" if settings.use_dpo else f"{k + 1} SFT", flywheel.model, plays=True, last=last)
        turns.append(figures)
        on_turn(turns)
        told = {name: round(value, 4) for name, value in figures.items() if isinstance(value, int | float)}
        learnt = {
            stage: {name: round(value, 4) for name, value in metrics.items() if name in LEARNT}
            for stage, metrics in figures["stages"].items()
        }
        print(f"{variant}, {seed}, turn {k + 1}: {json.dumps(told | learnt)}", flush=True)
    playing = [found for _, plays, found in stages if plays]
    qualities = {split: np.stack([found[split].iou for found in playing], axis=1) for split in MEASURED}
    run = {
        "seed": seed,
        "strength": strength,
        "turns": turns,
        "stages": [
            {
                "name": name,
                "plays": plays,
                "metrics": {split: one.means() for split, one in found.items()},
                "targets": {
                    metric: {
                        split: [round(value, 5) for value in one.rows().get(metric, [])] for split, one in found.items()
                    }
                    for metric in TESTED_METRICS
                },
            }
            for name, plays, found in stages
        ],
        "judge_noise": flywheel.judge_noise,
        "qualities": {split: values.round(4).tolist() for split, values in qualities.items()},
        "seconds": time.monotonic() - started,
        "reserved_gib": torch.cuda.max_memory_reserved(base.device) / 2**30 if base.device.type == "cuda" else None,
    }
    return run, world.shown(stages[0][2], stages[-1][2])


def measuring_processes(count: int) -> ProcessPoolExecutor:
    """Processes that compare surfaces; whatever launches kernels goes before them."""
    return ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=os.nice, initargs=(10,)
    )


def read_photographs(folder: str | Path | None, device: torch.device) -> Photographs | None:
    """All pictures of a folder."""
    if folder is None:
        return None
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(Path(folder).iterdir())]
    return Photographs.of(pictures, device)


def run_work(path: Path) -> None:
    """What a process of `side_by_side` does."""
    work = Work(**json.loads(path.read_text()))
    base = load_generator(Path(work.checkpoint), device=work.device)
    device = base.device
    with measuring_processes(work.measuring) as measuring:
        run, samples = one_run(
            Settings(**work.settings),
            base,
            load_banks(Path(work.banks), device),
            variant=work.variant,
            seed=work.seed,
            photographs=read_photographs(work.photographs, device),
            unseen_photographs=read_photographs(work.unseen_photographs, device),
            measuring=measuring,
            on_turn=lambda turns: write_json(work.turns, turns),
        )
    samples.save(Path(work.samples))
    write_json(Path(work.output), run)


def write_json(path: Path, values: Any) -> None:
    """Write JSON whole or not at all: who reads it may come at any time, and the writer may be cut."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(values) + "\n")
    partial.replace(path)


def side_by_side(
    works: Sequence[Work],
    folder: Path,
    *,
    at_once: int,
    deadline: float,
    on_run: Callable[[Work, dict[str, Any]], None],
    on_cut: Callable[[Work, list[dict[str, Any]]], None],
    command: Sequence[str] = (sys.executable, "-m", "scripts.miniature"),
) -> tuple[int, list[str]]:
    """Run works in processes, `at_once` of them, in their order; `on_run(work, run)` is told of each that ends.

    A process is `command FILE --work`; it reads the work from the file and writes the run where that says.

    None starts when the longest so far would not end by the `deadline` (of the monotonic clock); what still runs then
    is ended, and can be run another time; `on_cut(work, turns)` is told of the turns that it had done. Returns how many
    were left undone, and what failed.
    """
    waiting, running = list(works), dict[subprocess.Popen[bytes], tuple[Work, float]]()
    longest, undone, failed = 0.0, 0, list[str]()
    gpus = max(1, torch.cuda.device_count())
    try:
        while waiting or running:
            now = time.monotonic()
            while waiting and len(running) < at_once and now + longest < deadline:
                work, number = waiting.pop(0), len(works) - len(waiting)
                if work.device == "cuda":
                    work = Work(**(asdict(work) | {"device": f"cuda:{number % gpus}"}))
                path = folder / f"work-{number}.json"
                path.write_text(json.dumps(asdict(work)))
                # Cores are few for so many processes that mostly wait for the device.
                environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTORCH_ALLOC_CONF": "expandable_segments:True"}
                running[subprocess.Popen([*command, str(path), "--work"], env=environment, process_group=0)] = work, now
            for process in [process for process in running if process.poll() is not None]:
                work, begun = running.pop(process)
                if process.returncode:
                    failed.append(f"{work.variant}, seed {work.seed}: exit {process.returncode}")
                    print(f"failed: {failed[-1]}", flush=True)
                    continue
                longest = max(longest, now - begun)
                on_run(work, json.loads(Path(work.output).read_text()))
            if now > deadline or (waiting and not running and now + longest >= deadline):
                undone = len(waiting) + len(running)
                for work, _ in running.values():
                    if work.turns.exists():
                        on_cut(work, json.loads(work.turns.read_text()))
                break
            time.sleep(0.5)
    finally:
        for process in running:
            os.killpg(process.pid, signal.SIGTERM)
        for process in running:
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return undone, failed
