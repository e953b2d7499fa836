"""Train `mini` on GPUs, phase after phase, each for so many seconds: VAE, pretrain, two mid-trainings, distillation.

    python -m training_loop.mini_training --output runs/mini --photographs photographs/ \\
        --parent training_loop/weights/mini.safetensors --phases pretrain=170 midtrain_fo=150 midtrain_osr=130 distil=90
    torchrun --nproc-per-node 2 -m training_loop.mini_training …

A phase plans its steps anew all the time, so that it ends with its time; so does its learning rate. It starts from the
weights of the phase before (or `--parent`). The folder holds `unfinished.safetensors` (bf16, renewed every minute, so
that a run which is cut off loses little: give it as `--parent`), `midtrain_osr.safetensors`, `distil.safetensors`,
`steps.jsonl` and `figures.json`. With a parent the VAE is the parent's, and no VAE phase is needed.
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
from training_loop.batches import ENDLESS, Part
from training_loop.cameras_on_device import Dice
from training_loop.checkpoints import CheckpointInfo, load_model, save_model
from training_loop.models.config import ROTATION, SCALE, SHAPE, TRANSLATION, mini
from training_loop.models.generator import GeometryModel
from training_loop.parallel import join
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
from training_loop.target_pool import CHUNK, TargetPool
from training_loop.trainer import Trainer

# What each phase sees. Isolated views stay in the mix: they are the cleanest pictures of a shape, and what the model
# knows of unfamiliar categories went when they were few.
SCENES_OF: dict[str, SceneConfig] = {
    "pretrain": SceneConfig({"isolated": 1.0}, repeats=1),
    "midtrain_fo": SceneConfig({"isolated": 0.4, "flying_occlusions": 0.6}, repeats=1),
    "midtrain_osr": SceneConfig({"isolated": 0.4, "flying_occlusions": 0.35, "object_swap": 0.25}, repeats=1),
    "distil": SceneConfig({"isolated": 0.4, "flying_occlusions": 0.35, "object_swap": 0.25}, repeats=1),
}
PHASES = ("vae", *SCENES_OF)
KEPT_PHASES = ("midtrain_osr", "distil")
RECIPES_OF = {name: f"mini_{'pretrain' if name == 'vae' else name}_gpu" for name in PHASES}
TIMED_STEPS = 10
WARM_UP_STEPS = 5
MEASURED_SHAPES = 384
SHAPES_TO_BEGIN_WITH = 3000
# A bank that grows is copied; so not at every shape.
SHAPES_TO_GROW_BY = 4000
# How much of the device's time goes into scenes.
SCENE_SHARE = 0.25
SAVED_EVERY_SECONDS = 60.0
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
    parser.add_argument("--batch", type=int, help="targets of a step, all processes together (default: the recipe's)")
    parser.add_argument("--chunk", type=int, default=CHUNK, help="targets that are made at once")
    parser.add_argument("--chunks", type=int, default=16, help="so many times as many are in stock; at least 2")
    options = parser.parse_args(argv)
    phases = dict(_phase(text) for text in options.phases)
    options.output.mkdir(parents=True, exist_ok=True)
    run = MiniRun(options)
    for name, seconds in phases.items():
        run.phase(name, seconds)
    if run.parallel.is_first and name in KEPT_PHASES:
        (options.output / "unfinished.safetensors").unlink(missing_ok=True)
    return 0


def _phase(text: str) -> tuple[str, float]:
    name, _, seconds = text.partition("=")
    if name not in PHASES:
        raise SystemExit(f"unknown phase {name!r}; known: {', '.join(PHASES)}")
    return name, float(seconds)


class MiniRun:
    """Bank, model and figures of one command; of several processes the first writes."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.parallel, device = join(options.device, "ddp")
        self.options, self.device = options, torch.device(device)
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
        self.encoded: tuple[ShapeBank, torch.Tensor] | None = None
        self.saved_at = time.monotonic()

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

    def _encoded(self) -> tuple[ShapeBank, torch.Tensor]:
        """The shapes so far with their latents: a few thousand at first, in the end all."""
        builder, vae = self.builders["train"], self.model.vae
        have = 0 if self.encoded is None else len(self.encoded[0])
        grown = len(builder) - have
        if self.encoded is None or grown >= SHAPES_TO_GROW_BY or (grown and not self.making.is_alive()):
            bank = builder.bank()
            new = bank.select(torch.arange(have, len(bank), device=self.device))
            # On another thread than training, whose precision is not this one's.
            with torch.autocast(self.device.type, enabled=False):
                latents = encode_bank(new, vae)
            if self.encoded is not None:
                latents = torch.cat([self.encoded[1], latents])
            self.encoded = bank, latents
        return self.encoded

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
        if not self.parallel.is_first:
            return
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
        self._save(name if name in KEPT_PHASES else "unfinished", info)
        self.note(name, wall_seconds=time.monotonic() - started)

    def _save(self, name: str, info: CheckpointInfo) -> None:
        if self.parallel.is_first:
            save_model(self.options.output / f"{name}.safetensors", self.model, info, dtype=torch.bfloat16)

    def _save_sometimes(self, name: str, trainer: Trainer) -> None:
        if name != "vae" and time.monotonic() - self.saved_at > SAVED_EVERY_SECONDS:
            with trainer.averaged():
                self._save("unfinished", CheckpointInfo(stage=name, steps=trainer.step))
            self.saved_at = time.monotonic()

    def _train_vae(self, seconds: float) -> dict[str, float]:
        recipe = find_recipe(RECIPES_OF["vae"])
        stage = BankVAEStage(self.model.vae, self.builders["train"].bank, recipe.vae, self.options.seed)
        metrics = self._fit("vae", stage, recipe.vae.optimiser, replace(recipe, steps=recipe.vae.steps), seconds)
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
        started = time.monotonic()
        recipe, model = find_recipe(RECIPES_OF[name]), self.model
        recipe = replace(recipe, batch_size=self.options.batch or recipe.batch_size)
        model.vae.requires_grad_(False).eval()
        if self.device.type == "cuda" and not model.flow.compiled:
            model.flow.compile_blocks()
        if not model.config.layout_mean:
            names = [ROTATION, TRANSLATION, SCALE]
            everything = self._source(*self._encoded(), SCENES_OF["distil"])
            found = everything.gather(torch.arange(512)).layout_statistics(names)
            mean, std = self.parallel.gather(found)[0]
            model.config = replace(model.config, layout_mean=mean, layout_std=std)
        # Every process makes targets of its own. How often new ones come is known when steps have been timed.
        pool = TargetPool(
            lambda: self._source(*self._encoded(), SCENES_OF[name]),
            chunks=self.options.chunks,
            fresh_every=ENDLESS,
            seed=self.options.seed + 1000 * self.parallel.rank,
            chunk=self.options.chunk,
        )
        # The first piece waits for kernels to be compiled.
        pool.fill(1)
        settle(self.device)
        filling = time.monotonic()
        pool.fill(self.options.chunks)
        settle(self.device)
        per_chunk = (time.monotonic() - filling) / (self.options.chunks - 1)
        kind = DistilStage if recipe.stage == TrainingStage.DISTIL else FlowStage
        stage = kind(model, recipe, self.options.seed, [Part(pool, recipe.batch_size)])
        stage.name = name
        per_step = self._pace(stage, recipe)
        steps_between = max(1, round(per_chunk * (1 - SCENE_SHARE) / (SCENE_SHARE * per_step)))
        pool.fresh_every = steps_between * recipe.batch_size
        self.note(
            name,
            targets_per_second=self.options.chunk / per_chunk,
            ms_per_step_bare=1e3 * per_step,
            steps_between_chunks=steps_between,
            seconds_of_preparation=time.monotonic() - started,
        )
        metrics = self._fit(name, stage, recipe.optimiser, recipe, seconds - (time.monotonic() - started))
        # Before anything is measured: time may be over.
        self._save(
            name if name in KEPT_PHASES else "unfinished", CheckpointInfo(stage=name, steps=int(metrics["steps"]))
        )
        if self.options.measure and self.parallel.is_first:
            metrics |= self._measure(name)
        self.parallel.wait_for_all()
        return metrics

    def _source(self, bank: ShapeBank, latents: torch.Tensor, scenes: SceneConfig) -> SceneExamples:
        seed = self.options.seed + 1000 * self.parallel.rank
        return SceneExamples(bank, latents, self.photographs, scenes, self.model.config.conditioning, seed)

    def _pace(self, stage: Stage, recipe: Recipe) -> float:
        """Seconds of a step that learns nothing, once everything is compiled; the first process's for all."""
        trial = replace(recipe.optimiser, learning_rate=0.0)

        def run(steps: int) -> None:
            self._trainer(stage, trial, recipe, steps, ProgressLog(None, None, total_steps=0)).fit()
            settle(self.device)

        run(WARM_UP_STEPS)
        first = time.monotonic()
        run(TIMED_STEPS)
        pace: float = self.parallel.gather((time.monotonic() - first) / TIMED_STEPS)[0]
        return pace

    def _trainer(
        self, stage: Stage, optimiser: OptimiserConfig, recipe: Recipe, steps: int, log: ProgressLog, **more: Any
    ) -> Trainer:
        return Trainer(
            stage,
            optimiser=optimiser,
            steps=steps,
            log=log,
            precision=recipe.precision,
            cuda_graph=recipe.cuda_graph,
            flush_every_steps=recipe.flush_every_steps,
            parallel=self.parallel,
            **more,
        )

    def _fit(
        self, name: str, stage: Stage, optimiser: OptimiserConfig, recipe: Recipe, seconds: float
    ) -> dict[str, float]:
        """Train for the time that is left; the first plan is a guess."""
        log = ProgressLog(
            self.options.output / "steps.jsonl" if self.parallel.is_first else None, Printed(), total_steps=0
        )
        log.event(started=name, recipe=to_json(recipe), seed=self.options.seed)
        begun = time.monotonic()
        trainer = self._trainer(
            stage,
            optimiser,
            recipe,
            recipe.steps,
            log,
            seconds=max(seconds, 1.0),
            on_flush=lambda trainer: self._save_sometimes(name, trainer),
        )
        metrics = trainer.fit()
        metrics |= {"steps": float(trainer.step), "ms_per_step": 1e3 * (time.monotonic() - begun) / trainer.step}
        self.note(name, **metrics)
        return metrics

    @torch.no_grad()
    def _measure(self, name: str) -> dict[str, float]:
        """Solid IoU of samples for what was never trained on, by the usual sampler and in shortcut mode."""
        # A copy that is not compiled: every new size of batch would be compiled for longer than it samples.
        model = GeometryModel(self.model.config).to(self.device).eval()
        model.load_state_dict(self.model.state_dict())
        samplers = {
            f"steps12_strength{strength:g}": SamplerConfig(steps=12, strength=strength, temperature=0.7)
            for strength in (0.0, 1.0, 3.0)
        }
        if name == "distil":
            samplers["steps25_strength1"] = SamplerConfig(steps=25, strength=1.0, temperature=0.7)
            samplers["shortcut4"] = SamplerConfig(steps=4, shortcut=True, temperature=0.7)
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
        self.note(name, **measured)
        return measured


class Printed:
    """A line every few seconds."""

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        """Show a step."""
        if time.monotonic() - self.last < 10:
            return
        self.last = time.monotonic()
        print(step, " ".join(f"{key} {value:.4g}" for key, value in metrics.items()), flush=True)


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
