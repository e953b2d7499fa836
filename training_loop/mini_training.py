"""Train `mini` on one GPU, phase after phase, each for so many seconds: VAE, pretrain, two mid-trainings, distillation.

    python -m training_loop.mini_training --output runs/mini --photographs photographs/ \\
        --phases vae=90 pretrain=300 midtrain_fo=180 midtrain_osr=120 distil=100

A phase measures its first steps and plans the rest to fill its time. It starts from the checkpoint of the phase before
(or `--parent`) and leaves `<phase>.safetensors` (bf16), `<phase>.jsonl` and its figures in `figures.json`.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo
from PIL import Image

from engine.contracts.serialisation import to_json
from engine.contracts.training import TrainingStage
from training_loop.backdrops import Photographs
from training_loop.bank_vae import BankVAEStage, solid_iou
from training_loop.batches import Part
from training_loop.cameras_on_device import Dice
from training_loop.checkpoints import CheckpointInfo, load_model, save_model
from training_loop.models.config import ROTATION, SCALE, SHAPE, TRANSLATION, mini
from training_loop.models.generator import GeometryModel
from training_loop.precision import autocast
from training_loop.progress import ProgressLog
from training_loop.recipe import OptimiserConfig, Recipe
from training_loop.recipes import find_recipe
from training_loop.runs import set_vae
from training_loop.sampling import SamplerConfig, sample_latents
from training_loop.scene_examples import SceneConfig, SceneExamples, encode_bank
from training_loop.shape_bank import BankBuilder, ShapeBank, library_work, make_records
from training_loop.split import SPLITS, Split
from training_loop.stages import DistilStage, FlowStage, Stage
from training_loop.trainer import Trainer

# What each phase sees. Isolated views stay in the mix: they are the cleanest pictures of a shape.
SCENES_OF: dict[str, SceneConfig] = {
    "pretrain": SceneConfig({"isolated": 1.0}),
    "midtrain_fo": SceneConfig({"isolated": 0.3, "flying_occlusions": 0.7}),
    "midtrain_osr": SceneConfig({"isolated": 0.3, "flying_occlusions": 0.35, "object_swap": 0.35}),
    "distil": SceneConfig({"isolated": 0.3, "flying_occlusions": 0.35, "object_swap": 0.35}),
}
PHASES = ("vae", *SCENES_OF)
RECIPES_OF = {name: f"mini_{'pretrain' if name == 'vae' else name}_gpu" for name in PHASES}
TIMED_STEPS = 15
WARM_UP_STEPS = 5
MEASURED_SHAPES = 384
SHAPES_TO_BEGIN_WITH = 3000
MEASURED_SPLITS: tuple[Split, ...] = ("heldout", "unseen", "tail")


def main(argv: list[str] | None = None) -> int:
    """Run the phases that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--photographs", type=Path, help="folder of pictures to paste into; without, walls of noise")
    parser.add_argument("--phases", nargs="+", required=True, metavar="PHASE=SECONDS", help=f"of {', '.join(PHASES)}")
    parser.add_argument("--parent", type=Path, help="checkpoint to start from")
    parser.add_argument("--shapes", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-measure", dest="measure", action="store_false", help="do not sample between phases")
    options = parser.parse_args(argv)
    phases = dict(_phase(text) for text in options.phases)
    options.output.mkdir(parents=True, exist_ok=True)
    run = MiniRun(options)
    for name, seconds in phases.items():
        run.phase(name, seconds)
    return 0


def _phase(text: str) -> tuple[str, float]:
    name, _, seconds = text.partition("=")
    if name not in PHASES:
        raise SystemExit(f"unknown phase {name!r}; known: {', '.join(PHASES)}")
    return name, float(seconds)


class MiniRun:
    """Bank, model and figures of one command."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.device = options, torch.device(options.device)
        self.figures: dict[str, Any] = {"seed": options.seed, "device": _device_name(self.device)}
        torch.backends.cudnn.benchmark = True
        # What cannot be compiled runs as it is: slower, but a run of an hour does not end for it.
        torch._dynamo.config.suppress_errors = True
        self.photographs = None
        if options.photographs is not None:
            pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(options.photographs.iterdir())]
            self.photographs = Photographs.of(pictures, self.device)
        self.builders = {split: BankBuilder(self.device) for split in SPLITS}
        self.making = threading.Thread(target=self._make_shapes, daemon=True)
        self.making.start()
        while self.making.is_alive() and len(self.builders["train"]) < SHAPES_TO_BEGIN_WITH:
            time.sleep(0.1)
        self.model = self._start()
        self.latents: torch.Tensor | None = None

    def _make_shapes(self) -> None:
        """Shapes to measure with, then shapes to train on, while the VAE already learns from the first."""
        started = time.monotonic()
        work = []
        for split in MEASURED_SPLITS:
            work += library_work(split, first=0, count=min(MEASURED_SHAPES, self.options.shapes))
        work += library_work("train", first=0, count=self.options.shapes)
        for record in make_records(work, processes=self.options.processes):
            self.builders[record.split].add(record)
        seconds, count = time.monotonic() - started, sum(len(builder) for builder in self.builders.values())
        self.note("bank", shapes=count, dropped=len(work) - count, seconds=seconds, shapes_per_second=count / seconds)

    def _all_shapes(self) -> ShapeBank:
        self.making.join()
        return self.builders["train"].bank()

    def _start(self) -> GeometryModel:
        if self.options.parent is not None:
            return load_model(self.options.parent, device=self.device).train()
        torch.manual_seed(self.options.seed)
        model = GeometryModel(mini())
        bank = self.builders["train"].bank()
        rows = torch.arange(min(len(bank), 512), device=self.device)
        model.vae.start_from_principal_components(bank.occupancy(rows).cpu())
        return model.to(self.device)

    def _measured(self) -> list[tuple[Split, ShapeBank]]:
        return [(split, self.builders[split].bank()) for split in MEASURED_SPLITS]

    def note(self, name: str, **values: Any) -> None:
        """Keep figures, in the file and on the screen."""
        self.figures.setdefault(name, {}).update(values)
        print(name, json.dumps({key: _rounded(value) for key, value in values.items()}), flush=True)
        (self.options.output / "figures.json").write_text(json.dumps(self.figures, indent=2) + "\n")

    def phase(self, name: str, seconds: float) -> None:
        """Train one phase and keep its checkpoint."""
        started = time.monotonic()
        metrics = self._train_vae(seconds) if name == "vae" else self._train_flow(name, seconds)
        info = CheckpointInfo(
            stage=name, recipe=to_json(find_recipe(RECIPES_OF[name])), steps=int(metrics["steps"]), metrics=metrics
        )
        # The latent space is this run's own until the flow is trained in it.
        self.model.latent_space = None if name == "vae" else self.model.latent_space
        save_model(self.options.output / f"{name}.safetensors", self.model, info, dtype=torch.bfloat16)
        self.note(name, wall_seconds=time.monotonic() - started)

    def _train_vae(self, seconds: float) -> dict[str, float]:
        recipe = find_recipe(RECIPES_OF["vae"])
        stage = BankVAEStage(self.model.vae, self.builders["train"].bank, recipe.vae, self.options.seed)
        metrics = self._fit("vae", stage, recipe.vae.optimiser, recipe, seconds)
        vae = self.model.vae.eval()
        bank = self._all_shapes()
        some = bank.select(torch.arange(min(len(bank), 2048), device=self.device))
        cells = encode_bank(some, vae).flatten(0, 1).float()
        # One scale for all channels: weak channels stay weak, so that the flow settles coarse shape first.
        mean = cells.mean(0)
        scale = float((cells - mean).square().mean().sqrt())
        set_vae(self.model, latent_mean=tuple(mean.tolist()), latent_std=(scale,) * vae.config.latent_channels)
        metrics |= {f"{split}_iou": self._reconstruction(bank) for split, bank in self._measured()}
        self.note("vae", **metrics)
        return metrics

    @torch.no_grad()
    def _reconstruction(self, bank: ShapeBank) -> float:
        scores = []
        for rows in torch.arange(len(bank), device=self.device).tensor_split(-(-len(bank) // 64)):
            truth = bank.occupancy(rows)
            scores.append(solid_iou(self.model.vae.decode(self.model.vae.encode(truth)) > 0, truth))
        return float(torch.cat(scores).mean())

    def _train_flow(self, name: str, seconds: float) -> dict[str, float]:
        recipe, model = find_recipe(RECIPES_OF[name]), self.model
        model.vae.requires_grad_(False).eval()
        bank = self._all_shapes()
        if self.latents is None:
            self.latents = encode_bank(bank, model.vae)
            if self.device.type == "cuda":
                model.flow.compile_blocks()
        source = self._source(bank, self.latents, SCENES_OF[name])
        if not model.config.layout_mean:
            names = [ROTATION, TRANSLATION, SCALE]
            everything = self._source(bank, self.latents, replace(SCENES_OF["distil"], repeats=1))
            mean, std = everything.gather(torch.arange(min(512, 2 * len(bank)))).layout_statistics(names)
            model.config = replace(model.config, layout_mean=mean, layout_std=std)
        self.note(name, **throughput(source, recipe.batch_size))
        kind = DistilStage if recipe.stage == TrainingStage.DISTIL else FlowStage
        stage = kind(model, recipe, self.options.seed, [Part(source, recipe.batch_size)])
        stage.name = name
        metrics = self._fit(name, stage, recipe.optimiser, recipe, seconds)
        if self.options.measure:
            metrics |= self._measure(name)
        return metrics

    def _source(self, bank: ShapeBank, latents: torch.Tensor, scenes: SceneConfig) -> SceneExamples:
        return SceneExamples(bank, latents, self.photographs, scenes, self.model.config.conditioning, self.options.seed)

    def _fit(
        self, name: str, stage: Stage, optimiser: OptimiserConfig, recipe: Recipe, seconds: float
    ) -> dict[str, float]:
        """Time a few steps, then train for the time that is left."""
        started = time.monotonic()
        silent = ProgressLog(None, None, total_steps=0)
        trial = replace(optimiser, learning_rate=0.0)

        def trainer(config: OptimiserConfig, steps: int, log: ProgressLog) -> Trainer:
            flush = recipe.flush_every_steps
            return Trainer(
                stage, optimiser=config, steps=steps, log=log, precision=recipe.precision, flush_every_steps=flush
            )

        trainer(trial, WARM_UP_STEPS, silent).fit()
        first = time.monotonic()
        trainer(trial, TIMED_STEPS, silent).fit()
        per_step = (time.monotonic() - first) / TIMED_STEPS
        steps = max(1, int((seconds - (time.monotonic() - started)) / (1.03 * per_step)))
        self.note(name, planned_steps=steps, ms_per_timed_step=1e3 * per_step)
        log = ProgressLog(self.options.output / f"{name}.jsonl", Printed(), total_steps=steps)
        log.event(started=True, recipe=to_json(recipe), seed=self.options.seed)
        begun = time.monotonic()
        metrics = trainer(optimiser, steps, log).fit()
        metrics |= {"steps": float(steps), "ms_per_step": 1e3 * (time.monotonic() - begun) / steps}
        self.note(name, **metrics)
        return metrics

    @torch.no_grad()
    def _measure(self, name: str) -> dict[str, float]:
        """Solid IoU of samples for what was never trained on, by the usual sampler and in shortcut mode."""
        model = self.model.eval()
        samplers = {"steps12": SamplerConfig(steps=12, strength=3.0, temperature=0.6)}
        if name == "distil":
            samplers["shortcut4"] = SamplerConfig(steps=4, shortcut=True, temperature=0.6)
        measured: dict[str, float] = {}
        for split, bank in self._measured():
            for kind in ("isolated", "flying_occlusions"):
                source = self._source(bank, torch.zeros(0), SceneConfig({kind: 1.0}))
                targets = source.targets(Dice(self.device, 7), min(96, len(bank)))
                truth = bank.occupancy(targets.shapes)
                for label, sampler in samplers.items():
                    with autocast(self.device, "auto" if self.device.type == "cuda" else "fp32"):
                        x_1 = sample_latents(model, targets.views, [self.options.seed], sampler, layout=False)
                    full = torch.cat([model.vae.decode(part) > 0 for part in torch.split(x_1[SHAPE].float(), 32)])
                    measured[f"{split}_{kind}_{label}_iou"] = float(solid_iou(full, truth).mean())
        model.train()
        model.vae.eval()
        self.note(name, **measured)
        return measured


def throughput(source: SceneExamples, batch_size: int, *, batches: int = 5) -> dict[str, float]:
    """Targets a second, and milliseconds a batch, of a source alone."""
    for step in range(2):
        source.gather(torch.arange(batch_size) + step * batch_size)
    settle(source.bank.device)
    started = time.monotonic()
    for step in range(2, 2 + batches):
        source.gather(torch.arange(batch_size) + step * batch_size)
    settle(source.bank.device)
    seconds = (time.monotonic() - started) / batches
    targets = -(-batch_size // source.scenes.repeats)
    return {
        "targets_per_second": targets / seconds,
        "examples_per_second": batch_size / seconds,
        "ms_per_batch": 1e3 * seconds,
    }


class Printed:
    """A line every few seconds."""

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        """Show a step."""
        if time.monotonic() - self.last < 10 and step != total:
            return
        self.last = time.monotonic()
        print(f"{step}/{total}", " ".join(f"{key} {value:.4g}" for key, value in metrics.items()), flush=True)


def settle(device: torch.device) -> None:
    """Wait for the device, so that a clock may be read."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else "cpu"


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main())
