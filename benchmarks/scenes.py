"""Targets a second of scenes made on the device: `python -m benchmarks.scenes [--device cuda] [--targets 512]`."""

import argparse
import json
import time

import torch

from training_loop.mini_training import SCENES_OF, settle
from training_loop.models.config import mini
from training_loop.scene_examples import SCENES, SceneConfig, SceneExamples
from training_loop.shape_bank import build_bank, library_work


def main() -> None:
    """Measure each kind alone, and the mixtures of the phases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--targets", type=int, default=512)
    parser.add_argument("--shapes", type=int, default=512)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--batches", type=int, default=5)
    options = parser.parse_args()
    device = torch.device(options.device)
    bank = build_bank(library_work("train", first=0, count=options.shapes), device=device, processes=options.processes)
    config = mini()
    latents = torch.zeros(len(bank), *config.vae.latent_shape, device=device)
    alone = {name: SceneConfig({name: 1.0}) for name in SCENES}
    figures = {}
    for name, scenes in (alone | SCENES_OF).items():
        single = SceneConfig(scenes.shares, repeats=1)
        source = SceneExamples(bank, latents, None, single, config.conditioning, seed=0)
        figures[name] = throughput(source, options.targets, batches=options.batches)
    print(json.dumps({"device": str(device), "targets": options.targets, "kinds": figures}, indent=2))


def throughput(source: SceneExamples, batch_size: int, *, batches: int) -> dict[str, float]:
    """Targets a second, and milliseconds a batch, of a source alone."""
    for step in range(2):  # kernels are made and caches filled
        source.gather(torch.arange(batch_size) + step * batch_size)
    settle(source.bank.device)
    started = time.monotonic()
    for step in range(2, 2 + batches):
        source.gather(torch.arange(batch_size) + step * batch_size)
    settle(source.bank.device)
    seconds = (time.monotonic() - started) / batches
    targets = -(-batch_size // source.scenes.repeats)
    return {"targets_per_second": targets / seconds, "ms_per_batch": 1e3 * seconds}


if __name__ == "__main__":
    main()
