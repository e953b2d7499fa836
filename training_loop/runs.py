"""One training run from recipe to checkpoint: data, stage, training, calibration, regression test.

Under `torchrun` every process calls `run_training` with the same arguments; the first one writes.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.contracts.serialisation import to_json
from engine.contracts.training import TrainingStage
from training_loop.batches import ExampleSource, NoTrainingData, Part
from training_loop.checkpoints import CheckpointInfo, load_model, save_model
from training_loop.data import ReadReport, SnapshotExamples, SnapshotPairs, SnapshotReader, open_snapshot
from training_loop.examples import Examples, unpack_occupancy
from training_loop.library_examples import library_examples
from training_loop.models.config import PRESETS, ROTATION, SCALE, SHAPE, TRANSLATION, ModelConfig
from training_loop.models.generator import GeometryModel
from training_loop.parallel import Parallel, join, unsharded
from training_loop.progress import ProgressCallback, ProgressLog
from training_loop.recipe import Recipe, RecipeError
from training_loop.recipes import find_recipe
from training_loop.regression import (
    HeldOut,
    calibrated_surface,
    heldout_library,
    heldout_replay,
    regression_metrics,
    split_replay,
)
from training_loop.released_weights import load_dinov2
from training_loop.shards import local_shards
from training_loop.stages import DistilStage, DPOStage, FlowStage, Stage, VAEStage
from training_loop.trainer import Trainer

# Fields that say how the work is laid out, not what is learned: a run may be resumed with others.
LAYOUT_FIELDS = (
    "micro_batch_size",
    "parallel",
    "compile_blocks",
    "cuda_graph",
    "checkpoint_activations",
    "read_processes",
    "cache_mib",
    "save_every_steps",
    "flush_every_steps",
    "tensorboard",
    "threads",
)
# Rows of the library live on the accelerator where they take less than this share of its free memory.
RESIDENT_SHARE = 0.25


@dataclass(frozen=True)
class TrainingResult:
    """Where the checkpoint and the JSON-lines log lie, and the run's figures."""

    checkpoint: Path
    metrics: dict[str, float]
    log: Path


def run_training(
    *,
    stage: TrainingStage | str,
    recipe: str,
    overrides: Mapping[str, Any] | None = None,
    parent_checkpoint: Path | None = None,
    shards: Sequence[Path | str] = (),
    replay_shards: Sequence[Path | str] = (),
    examples: ExampleSource | None = None,
    output_dir: Path,
    seed: int,
    on_progress: ProgressCallback | None = None,
    device: str = "cpu",
) -> TrainingResult:
    """Run one stage to its end and write `checkpoint.safetensors` and `progress.jsonl` into `output_dir`.

    Args:
        shards: of the snapshot to learn from: paths, or http(s) addresses, which are downloaded first.
        replay_shards: of older snapshots, for the recipe's `replay_share`.
        examples: takes the place of the recipe's library, for rows that are made or live elsewhere (on a GPU).

    Raises:
        RecipeError: unknown recipe or field, or a recipe of another stage.
        NoTrainingData: nothing to train on, or no parent where the stage needs one.
        Diverged: a loss or gradient was not finite; no update was made in that step.
        TooManyDamaged: more of the snapshot is damaged than the recipe allows.
        ResumeError: `output_dir` holds the state of another run.
        ParallelError: the batch does not divide among the processes.
    """
    settings = find_recipe(recipe, overrides)
    if settings.stage != TrainingStage(stage):
        raise RecipeError(
            f"the recipe {recipe} is for the stage {settings.stage.value}, not {TrainingStage(stage).value}"
        )
    if settings.preset not in PRESETS:
        raise RecipeError(f"{recipe} states the paper's figures for a model that this package does not have")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    output_dir.mkdir(parents=True, exist_ok=True)
    parallel, device = join(device, settings.parallel)
    with parallel.first_ahead():
        cache = output_dir / "cache" / "shards"
        fetched = local_shards(shards, cache), local_shards(replay_shards, cache)
    run = _Run(settings, seed, output_dir, parallel, device, on_progress, parent_checkpoint, fetched, examples)
    try:
        return run.train()
    finally:
        run.log.close()


class _Run:
    """The phases of one run share folder, seed, log, recipe and this process's place."""

    def __init__(
        self,
        recipe: Recipe,
        seed: int,
        output_dir: Path,
        parallel: Parallel,
        device: str,
        on_progress: ProgressCallback | None,
        parent: Path | None,
        shards: tuple[Sequence[Path], Sequence[Path]],
        given: ExampleSource | None,
    ) -> None:
        self.recipe, self.seed, self.output_dir = recipe, seed, output_dir
        self.parallel, self.device = parallel, torch.device(device)
        self.parent, self.given = parent, given
        self.shards, self.replay_shards = shards
        files = [*([] if parent is None else [parent]), *self.shards, *self.replay_shards]
        self.fingerprint = _fingerprint(recipe, seed, files)
        self.report = ReadReport(allowed_share=recipe.max_damaged_share)
        # Samples of older snapshots that tell what was forgotten: the snapshot itself may hold them as well.
        self.held_back: set[str] = set()
        self.log = ProgressLog(
            output_dir / "progress.jsonl" if parallel.is_first else None,
            on_progress,
            total_steps=recipe.steps,
            events=output_dir / "tensorboard" if recipe.tensorboard else None,
        )
        self.log.event(started=True, recipe=to_json(recipe), seed=seed, processes=parallel.world_size)

    def train(self) -> TrainingResult:
        """All phases of the run."""
        recipe, started = self.recipe, time.monotonic()
        library: ExampleSource | None
        if recipe.stage == TrainingStage.PRETRAIN and self.parent is None:
            model, library = self.pretrain_vae()
        elif self.parent is None:
            raise NoTrainingData(f"the stage {recipe.stage.value} starts from a parent checkpoint; give one")
        else:
            model = load_model(self.parent, device=self.device).train()
            library = self.library(model)
        model.flow.checkpoint_activations = recipe.checkpoint_activations
        if recipe.compile_blocks and self.device.type == "cuda":
            model.compile_blocks()
        with self.executor() as executor:
            reader = self.reader(model, executor)
            replay, held_out = self.replay(model, reader)
            before = {name: held.mean_solid_iou(model) for name, held in held_out.items()}
            stage, size = self.stage(model, reader, library, replay)
            steps = recipe.steps or recipe.epochs * -(-size // recipe.batch_size)
            self.log.total_steps = self.log.offset + steps
            metrics = self.fit(stage, steps)
        model = unsharded(model)
        metrics |= self.figures(library, size)
        if self.parallel.is_first:
            if recipe.stage == TrainingStage.PRETRAIN and recipe.calibrate_surface and recipe.library is not None:
                level = calibrated_surface(model, recipe.library, count=recipe.calibrate_surface, seed=self.seed)
                metrics["surface_logit"] = level
                set_vae(model, surface_logit=level)
            if held_out:
                after = {name: held.mean_solid_iou(model) for name, held in held_out.items()}
                metrics |= regression_metrics(before, after, recipe.regression)
        metrics["duration_seconds"] = time.monotonic() - started
        checkpoint = self.output_dir / "checkpoint.safetensors"
        if self.parallel.is_first:
            info = CheckpointInfo(stage=recipe.stage.value, recipe=to_json(recipe), steps=steps, metrics=metrics)
            save_model(checkpoint, model, info)
            self.log.event(finished=True, checkpoint=checkpoint.name, **metrics)
        self.parallel.wait_for_all()
        return TrainingResult(checkpoint, metrics, self.output_dir / "progress.jsonl")

    def draw_library(self, config: ModelConfig) -> Examples:
        """The recipe's library, drawn by the first process and read by the others; on the device if it fits."""
        if self.recipe.library is None:
            raise NoTrainingData(f"{self.recipe.name}: pretraining needs a library")
        cache = self.output_dir / "cache"
        with self.parallel.first_ahead():
            started = time.monotonic()
            drawn = library_examples(self.recipe.library, config.conditioning, seed=self.seed, cache=cache)
            self.log.event(drawn=len(drawn), seconds=time.monotonic() - started)
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            if sum(tensor.nbytes for tensor in vars(drawn).values()) < RESIDENT_SHARE * free:
                return drawn.to(self.device)
        return drawn

    def library(self, model: GeometryModel) -> ExampleSource | None:
        """The library with latents, where the recipe or the lack of shards asks for it."""
        anchored = self.recipe.stage == TrainingStage.DPO and self.recipe.dpo.flow_matching_weight > 0
        wanted = self.recipe.library_share > 0 or anchored or not (self.shards or self.replay_shards)
        if self.given is not None or self.recipe.library is None or not wanted:
            return self.given
        return self.draw_library(model.config).with_latents(model.vae)

    def pretrain_vae(self) -> tuple[GeometryModel, ExampleSource]:
        """Train a VAE on the library, fix the statistics in the configuration and encode the library."""
        config: ModelConfig = PRESETS[self.recipe.preset]()
        drawn = self.draw_library(config)
        if config.flow.prior_rank:
            # With the Gaussian head start all of the layout is z-scored; the released statistics are the preset's own.
            layout_mean, layout_std = drawn.layout_statistics([ROTATION, TRANSLATION, SCALE])
            config = replace(config, layout_mean=layout_mean, layout_std=layout_std)
        torch.manual_seed(self.seed)
        model = GeometryModel(config).to(self.device)
        if self.recipe.backbone_weights:
            load_dinov2(model, Path(self.recipe.backbone_weights))
        some = drawn.gather(torch.arange(min(len(drawn), 256))).occupancy()
        model.vae.start_from_principal_components(some.to(self.device))
        self.log.total_steps += self.recipe.vae.steps
        self.fit(VAEStage(model.vae, drawn, self.recipe.vae, self.seed), self.recipe.vae.steps, vae=True)
        self.log.offset = self.recipe.vae.steps
        model = unsharded(model)
        model.vae.requires_grad_(False)
        library = drawn.with_latents(model.vae)
        cells = library.shape_latents.flatten(0, 1)
        # One scale for all channels: weak channels stay weak, so that the flow settles coarse shape first.
        centre = cells.mean(0)
        mean, scale = self.parallel.gather((centre.tolist(), float((cells - centre).square().mean().sqrt())))[0]
        set_vae(model, latent_mean=tuple(mean), latent_std=(scale,) * model.config.vae.latent_channels)
        latents = (library.shape_latents - cells.new_tensor(mean)) / scale
        library = replace(library, shape_latents=latents)
        if model.flow.prior is not None:
            model.flow.prior.fit(latents.flatten(1).to(self.device), library.crop.to(self.device))
        return model, self.given or library

    def reader(self, model: GeometryModel, executor: Executor | None) -> SnapshotReader:
        """What turns samples of snapshots into rows for this model."""

        def encode(bits: Tensor) -> Tensor:
            with torch.no_grad():
                return model.vae.encode(unpack_occupancy(bits.to(self.device))).cpu()

        return SnapshotReader(
            model.config,
            encode,
            latent_space=model.vae.fingerprint(),
            executor=executor,
            cache_bytes=self.recipe.cache_mib << 20,
        )

    def replay(
        self, model: GeometryModel, reader: SnapshotReader
    ) -> tuple[SnapshotExamples | None, dict[str, HeldOut]]:
        """Examples of older snapshots to train on, and the targets of the regression test by name (first process)."""
        # Snapshots hold what the ones before them held: a sample of several counts once.
        older = {entry.parts.key: entry for entry in open_snapshot(self.replay_shards, self.report)}
        replayed, held = split_replay(list(older.values()))
        self.held_back = {entry.parts.key for entry in held}
        replay = SnapshotExamples(replayed, reader, self.report) if replayed else None
        config, held_out = self.recipe.regression, dict[str, HeldOut]()
        if config.count and self.parent is not None and self.parallel.is_first:
            image_px = self.recipe.library.image_px if self.recipe.library else model.config.conditioning.image_px
            held_out["library"] = heldout_library(model, config.count, image_px=image_px)
            if held:
                held_out["replay"] = heldout_replay(model, SnapshotExamples(held, reader, self.report), config.count)
        return replay, held_out

    def stage(
        self,
        model: GeometryModel,
        reader: SnapshotReader,
        library: ExampleSource | None,
        replay: SnapshotExamples | None,
    ) -> tuple[Stage, int]:
        """What to train, and the number of examples or pairs that make an epoch."""
        recipe = self.recipe
        opened = open_snapshot(self.shards, self.report, sources=recipe.sources)
        entries = [entry for entry in opened if entry.parts.key not in self.held_back]
        if recipe.stage == TrainingStage.DPO:
            if not self.shards:
                raise NoTrainingData("the stage dpo needs the shards of a snapshot")
            pairs = SnapshotPairs(entries, reader, self.report, recipe.dpo)
            anchors = parts_of(recipe, None, library, replay) if recipe.dpo.flow_matching_weight > 0 else []
            return DPOStage(model, recipe, self.seed, pairs, anchors), len(pairs)
        if self.shards and not entries:
            raise NoTrainingData(f"the shards hold no sample of {' or '.join(recipe.sources) or 'any kind'}")
        own = SnapshotExamples(entries, reader, self.report) if entries else None
        if not recipe.weights.get(SHAPE):
            # The streams share modulation and encoder: moved for the layout's sake, they would change shapes.
            model.flow.freeze_shape()
            recipe = replace(recipe, train_conditioner=False)
        kind = DistilStage if recipe.stage == TrainingStage.DISTIL else FlowStage
        parts = parts_of(recipe, own, library, replay)
        return kind(model, recipe, self.seed, parts), len(own or library or replay or ())

    def fit(self, stage: Stage, steps: int, *, vae: bool = False) -> dict[str, float]:
        """Train one phase, continuing from its saved state."""
        trainer = Trainer(
            stage,
            optimiser=self.recipe.vae.optimiser if vae else self.recipe.optimiser,
            steps=steps,
            log=self.log,
            precision=self.recipe.precision,
            micro_batch_size=0 if vae else self.recipe.micro_batch_size,
            cuda_graph=self.recipe.cuda_graph,
            flush_every_steps=self.recipe.flush_every_steps,
            state_path=self.output_dir / f"state_{stage.name}.pt",
            save_every_steps=self.recipe.save_every_steps,
            fingerprint=self.fingerprint,
            parallel=self.parallel,
            report=self.report,
        )
        return trainer.fit()

    def figures(self, library: ExampleSource | None, size: int) -> dict[str, float]:
        """How much data there was, and how much of it was left out, over all processes."""
        self.report.restore(self.parallel.gather(self.report.state()))
        figures = {"library_examples": float(len(library or ()))}
        if self.shards or self.replay_shards:
            figures |= {
                "snapshot_examples": float(self.report.samples),
                "preference_pairs": float(size if self.recipe.stage == TrainingStage.DPO else 0),
                "damaged": float(len(self.report.damaged)),
                "identical_pairs": float(len(self.report.identical_pairs)),
                "filtered_pairs": float(self.report.filtered_pairs),
            }
        return figures

    @contextmanager
    def executor(self) -> Iterator[Executor | None]:
        """Processes that decode samples ahead of training, if the recipe wants any."""
        if not self.recipe.read_processes or not (self.shards or self.replay_shards):
            yield None
            return
        with ProcessPoolExecutor(
            self.recipe.read_processes, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
        ) as executor:
            yield executor


def parts_of(
    recipe: Recipe, own: ExampleSource | None, library: ExampleSource | None, replay: ExampleSource | None
) -> list[Part]:
    """Who gives how many rows of a batch: library and replay their share, the snapshot the rest, where there is one."""
    shares = [(library, recipe.library_share), (replay, recipe.replay_share)]
    parts = [Part(source, round(recipe.batch_size * share)) for source, share in shares if source is not None]
    rest = recipe.batch_size - sum(part.size for part in parts)
    if own is not None:
        parts.append(Part(own, rest))
    elif parts:
        parts[0] = replace(parts[0], size=parts[0].size + rest)
    if not parts:
        raise NoTrainingData(f"{recipe.name}: no example to train on; give shards, or a recipe with a library")
    return parts


def set_vae(model: GeometryModel, **changes: Any) -> None:
    """Change figures of the VAE's configuration, which the model carries twice."""
    model.config = replace(model.config, vae=replace(model.config.vae, **changes))
    model.vae.config = model.config.vae


def _fingerprint(recipe: Recipe, seed: int, files: Sequence[Path]) -> str:
    """What makes a run this run."""
    learned = {name: value for name, value in to_json(recipe).items() if name not in LAYOUT_FIELDS}
    listed = [(path.name, path.stat().st_size) for path in files]
    return hashlib.sha256(json.dumps([learned, seed, listed]).encode()).hexdigest()
