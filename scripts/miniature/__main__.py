"""Turn the miniature flywheel and write `report.json`, `report.md` and `elo.svg`."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from engine.contracts.bradley_terry import ratings
from scripts.miniature import __doc__ as about
from scripts.miniature.oracle import Oracle
from scripts.miniature.report import elo_plot, markdown
from scripts.miniature.settings import Settings, ablations, tiny
from scripts.miniature.turn import Flywheel
from scripts.miniature.world import MEASURED, World
from training_loop.api import load_generator
from training_loop.backdrops import Photographs
from training_loop.models.generator import GeometryModel
from training_loop.shipped import SHIPPED_CHECKPOINT


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, run, report."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.miniature", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path, help="folder of the report")
    parser.add_argument("--tiny", action="store_true", help="two small turns, for a CPU")
    parser.add_argument("--ablations", action="store_true", help="also with one thing changed at a time")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED_CHECKPOINT, help="the base (default: what ships)")
    parser.add_argument("--photographs", type=Path, help="folder of pictures to paste into")
    parser.add_argument("--processes", type=int, default=1, help="that make shapes")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(argv)
    base = load_generator(options.checkpoint, device=options.device)
    photographs = None
    if options.photographs is not None:
        pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(options.photographs.iterdir())]
        photographs = Photographs.of(pictures, base.device)
    settings = tiny() if options.tiny else Settings()
    variants = ablations(settings) if options.ablations else {f"N = {settings.candidates}": settings}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in variants}
    matches: dict[str, list[np.ndarray]] = {name: [] for name in variants}
    for seed in options.seeds:
        world = World(settings, base, photographs, seed=seed, processes=options.processes)
        for name, variant in variants.items():
            world.settings = variant
            run, wins = one_run(world, base, variant, seed=seed)
            runs[name].append(run)
            matches[name].append(wins)
    for name, found in runs.items():
        names = [stage["name"] for stage in found[0]["stages"] if stage["plays"]]
        rated = ratings(np.concatenate(matches[name]))
        found[0]["elo_of_all_seeds"] = [{"name": n, **asdict(r)} for n, r in zip(names, rated, strict=True)]
    report = {
        "device": torch.cuda.get_device_name() if base.device.type == "cuda" else "cpu",
        "seeds": options.seeds,
        "agreement": settings.agreement,
        "settings": {name: asdict(variant) for name, variant in variants.items()},
        "runs": runs,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (options.output / "report.md").write_text(markdown(report))
    (options.output / "elo.svg").write_text(elo_plot(runs))
    print(f"{options.output / 'report.md'}")
    return 0


def one_run(world: World, base: GeometryModel, settings: Settings, *, seed: int) -> tuple[dict[str, Any], np.ndarray]:
    """All iterations of one flywheel, measured after every stage; and the blind comparisons of its checkpoints."""
    started = time.monotonic()
    flywheel = Flywheel(world, base, settings, seed=seed)
    stages, qualities = [], []

    def measure(name: str, model: GeometryModel, *, plays: bool) -> None:
        found = {split: world.measure(model, split) for split in MEASURED}
        stages.append({"name": name, "plays": plays, "metrics": {split: means for split, (means, _) in found.items()}})
        if plays:
            qualities.append(np.concatenate([iou for _, iou in found.values()]))

    measure("base", base, plays=True)
    turns = []
    for k in range(len(settings.alphas)):
        figures = flywheel.turn(k)
        after_sft = figures.pop("after_sft")
        if settings.use_dpo and figures["stages"]:
            measure(f"{k + 1} SFT", after_sft, plays=False)
        measure(f"{k + 1} DPO" if settings.use_dpo else f"{k + 1} SFT", flywheel.model, plays=True)
        turns.append(figures)
        print(json.dumps({"seed": seed, "iteration": k + 1, **figures}), file=sys.stderr, flush=True)
    oracle = flywheel.oracle or Oracle(0.0, 0.0)
    wins = blind_comparisons(np.stack(qualities, axis=1), oracle, seed=seed, matches=settings.matches)
    return {"seed": seed, "turns": turns, "stages": stages, "seconds": time.monotonic() - started}, wins


def blind_comparisons(qualities: np.ndarray, oracle: Oracle, *, seed: int, matches: int) -> np.ndarray:
    """Every two checkpoints meet on every target: (T, C) qualities → (T, C, C) wins."""
    rng = np.random.default_rng([seed, 5])
    targets, count = qualities.shape
    wins = np.zeros((targets, count, count))
    for target in range(targets):
        for one in range(count):
            for other in range(one + 1, count):
                for _ in range(matches):
                    answer = oracle.compare(qualities[target, one], qualities[target, other], rng).value
                    share = {"left": 1.0, "right": 0.0, "equal": 0.5}[answer]
                    wins[target, one, other] += share
                    wins[target, other, one] += 1 - share
    return wins


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(main())
