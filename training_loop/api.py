"""What workers and command lines call. Exact signatures:

    run_training(*, stage, recipe, overrides, parent_checkpoint, shards, output_dir, seed, on_progress=None,
                 device="cpu") -> TrainingResult(checkpoint: Path, metrics: dict[str, float], log: Path)
    load_generator(path, *, device="cpu") -> GeometryModel                      cache it; it is not changed by sampling
    sample_candidates(*, model, image, mask, point_map=None, intrinsics=None, seeds, steps=None, cfg=None,
                      shortcut=False) -> list[Sample(seed, mesh, latent, layout)]
    evaluate_checkpoint(*, checkpoint, heldout_count, seed, device="cpu") -> dict[str, float]

`stage` is a TrainingStage or its value; `recipe` a name of `training_loop.recipes.RECIPES`; `overrides` dotted field
paths. Calling run_training again with the same arguments and output_dir continues where it stopped.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, transform_points
from engine.contracts.serialisation import to_json
from engine.contracts.training import TrainingStage
from training_loop.checkpoints import CheckpointInfo, load_model, save_model
from training_loop.colouring import paint_from_photograph
from training_loop.data import SnapshotData, read_snapshot
from training_loop.evaluation.heldout import evaluate_heldout
from training_loop.examples import Examples, prepare_target, stack_views
from training_loop.library_examples import draw_examples, library_examples
from training_loop.models.config import PRESETS, ROTATION, SCALE, SHAPE, TRANSLATION, ModelConfig
from training_loop.models.generator import GeometryModel
from training_loop.pose_codec import LayoutTarget, PoseCodecError, PoseFrame, assumed_intrinsics, decode_pose
from training_loop.recipes import Recipe, RecipeError, find_recipe
from training_loop.sampling import SamplerConfig, sample_latents
from training_loop.stages import DistilStage, DPOStage, FlowStage, NoTrainingData, VAEStage
from training_loop.surface import EmptySurface, mesh_from_logits, without_crumbs
from training_loop.trainer import ProgressCallback, ProgressLog, Stage, Trainer

# Parts with less of a candidate's volume than this are noise, not the object.
CRUMB_SHARE = 0.02


@dataclass(frozen=True)
class TrainingResult:
    """Where the checkpoint and the JSON-lines log lie, and the run's figures."""

    checkpoint: Path
    metrics: dict[str, float]
    log: Path


@dataclass(frozen=True)
class Sample:
    """One candidate: a watertight coloured mesh (object frame), its latent x₁ (cells, channels) and its layout.

    The layout is in the point map's unit; without a point map it is true up to one factor (the centre has z ≈ 1).
    """

    seed: int
    mesh: trimesh.Trimesh
    latent: NDArray[np.float32]
    layout: Pose | None


def load_generator(path: Path, *, device: str = "cpu") -> GeometryModel:
    """Load a checkpoint for sampling; cache the result.

    Raises:
        CheckpointError: the file is no checkpoint or does not fit its own configuration.
    """
    return load_model(path, device=device)


def sample_candidates(
    *,
    model: GeometryModel,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    point_map: NDArray[np.float32] | None = None,
    intrinsics: Intrinsics | None = None,
    seeds: Sequence[int],
    steps: int | None = None,
    cfg: float | None = None,
    shortcut: bool = False,
) -> list[Sample]:
    """Sample one candidate a seed for the target (I, M), all in one batch with its conditioning encoded once.

    Args:
        image: (H, W, 3) uint8. mask: (H, W) bool. point_map: (H, W, 3) float32, OpenCV camera, NaN unknown.
        steps: Euler steps; None is the preset's default. cfg: guidance strength s; None is the preset's default.
        shortcut: few-step mode of a distilled checkpoint; no guidance.

    Raises:
        ViewError: image, mask and point map do not fit together, or the mask is empty.
        EmptySurface: no candidate has any surface.
    """
    target = prepare_target(
        image=image,
        mask=mask,
        point_map=point_map,
        intrinsics=intrinsics,
        pose=None,
        config=model.config.conditioning,
    )
    sampler = default_sampler(model)
    sampler = replace(
        sampler,
        steps=sampler.steps if steps is None else steps,
        strength=sampler.strength if cfg is None else cfg,
        shortcut=shortcut,
    )
    views = stack_views([target.views], model.config.conditioning).to(model.device)
    x_1 = sample_latents(model, views, seeds, sampler)
    with torch.no_grad():
        logits = model.vae.decode(x_1[SHAPE]).cpu().numpy()
    layouts = {name: value.cpu().numpy() for name, value in model.denormalise_layout(x_1).items()}
    samples = []
    for index, seed in enumerate(seeds):
        try:
            mesh = mesh_from_logits(without_crumbs(logits[index], CRUMB_SHARE))
        except EmptySurface:
            continue
        mesh, layout = fit_to_unit_cube(mesh, _layout(layouts, index, target.frame))
        paint_from_photograph(mesh, image, mask, layout, intrinsics or assumed_intrinsics(*mask.shape))
        samples.append(Sample(seed=seed, mesh=mesh, latent=x_1[SHAPE][index].cpu().numpy(), layout=layout))
    if not samples:
        raise EmptySurface("every candidate came out empty; use a better trained checkpoint, or other seeds")
    return samples


def fit_to_unit_cube(mesh: trimesh.Trimesh, layout: Pose | None) -> tuple[trimesh.Trimesh, Pose | None]:
    """Centre the mesh and scale its longest side to 1, as candidates are stored; the layout takes up the difference."""
    low, high = mesh.bounds
    centre, extent = (low + high) / 2, float((high - low).max())
    fitted = trimesh.Trimesh((np.asarray(mesh.vertices) - centre) / extent, mesh.faces, process=False)
    if layout is None:
        return fitted, None
    x, y, z = (float(value) for value in transform_points(layout, centre[None])[0])
    a, b, c = (extent * value for value in layout.scale)
    return fitted, Pose(rotation_wxyz=layout.rotation_wxyz, translation=(x, y, z), scale=(a, b, c))


def _layout(x_1: Mapping[str, NDArray[np.float32]], index: int, frame: PoseFrame) -> Pose | None:
    target = LayoutTarget(
        rotation_6d=x_1[ROTATION][index, 0].astype(np.float64),
        translation=x_1[TRANSLATION][index, 0].astype(np.float64),
        log_scale=np.clip(x_1[SCALE][index, 0].astype(np.float64), -12, 12),
    )
    try:
        return decode_pose(target, frame, isotropic=True)
    except (PoseCodecError, ValueError):
        return None


def default_sampler(model: GeometryModel) -> SamplerConfig:
    """The preset's sampler: 25 steps and s = 7 as released; fewer, milder and cooler for the small one."""
    if model.config.preset == "mini":
        return SamplerConfig(steps=12, strength=1.0, temperature=0.8)
    return SamplerConfig()


def evaluate_checkpoint(*, checkpoint: Path, heldout_count: int, seed: int, device: str = "cpu") -> dict[str, float]:
    """Mean metrics on held-out library shapes: `solid_iou`, `voxel_iou`, `f1_at_0p01`, `chamfer_l2`."""
    model = load_model(checkpoint, device=device)
    sampler = default_sampler(model)
    rows = [r.metrics for r in evaluate_heldout(model, count=heldout_count, seed=seed, sampler=sampler)]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def run_training(
    *,
    stage: TrainingStage | str,
    recipe: str,
    overrides: Mapping[str, Any] | None = None,
    parent_checkpoint: Path | None = None,
    shards: Sequence[Path] = (),
    output_dir: Path,
    seed: int,
    on_progress: ProgressCallback | None = None,
    device: str = "cpu",
) -> TrainingResult:
    """Run one stage to its end and write `checkpoint.safetensors` and `progress.jsonl` into `output_dir`.

    Raises:
        RecipeError: unknown recipe or field, or a recipe of another stage.
        NoTrainingData: nothing to train on, or no parent where the stage needs one.
        Diverged: a loss or gradient was not finite; no update was made in that step.
        TooManyDamaged: more of the snapshot is damaged than the recipe allows.
        ResumeError: `output_dir` holds the state of another run.
    """
    settings = find_recipe(recipe, overrides)
    if settings.stage != TrainingStage(stage):
        raise RecipeError(
            f"the recipe {recipe} is for the stage {settings.stage.value}, not {TrainingStage(stage).value}"
        )
    if settings.threads:
        torch.set_num_threads(settings.threads)
    started = time.monotonic()
    output_dir.mkdir(parents=True, exist_ok=True)
    run = _Run(settings, seed, output_dir, on_progress, _fingerprint(settings, seed, parent_checkpoint, shards))
    library: Examples | None
    if settings.stage == TrainingStage.PRETRAIN and parent_checkpoint is None:
        model, library = run.pretrain_vae(device)
    elif parent_checkpoint is None:
        raise NoTrainingData(f"the stage {settings.stage.value} starts from a parent checkpoint; give one")
    else:
        model = load_model(parent_checkpoint, device=device).train()
        library = run.library(model) if settings.library_share or not shards else None
    snapshot = None
    if shards:
        snapshot = read_snapshot(shards, model, settings.dpo, max_damaged_share=settings.max_damaged_share)
    flow: Stage
    if settings.stage == TrainingStage.DPO:
        if snapshot is None:
            raise NoTrainingData("the stage dpo needs the shards of a snapshot")
        flow = DPOStage(model, settings, seed, snapshot.examples, snapshot.pairs)
        size = len(snapshot.pairs)
    else:
        own = None if snapshot is None else snapshot.examples
        kind = DistilStage if settings.stage == TrainingStage.DISTIL else FlowStage
        flow = kind(model, settings, seed, own, library)
        size = len(own or library or ())
    metrics = run.fit(flow, settings.steps or settings.epochs * -(-size // settings.batch_size))
    metrics |= _figures(snapshot, library) | {"duration_seconds": time.monotonic() - started}
    if settings.stage == TrainingStage.PRETRAIN and settings.calibrate_surface:
        metrics["surface_logit"] = run.calibrate_surface(model)
    checkpoint = output_dir / "checkpoint.safetensors"
    info = CheckpointInfo(stage=settings.stage.value, recipe=to_json(settings), steps=settings.steps, metrics=metrics)
    save_model(checkpoint, model, info)
    run.log.event(finished=True, checkpoint=checkpoint.name, **metrics)
    return TrainingResult(checkpoint=checkpoint, metrics=metrics, log=run.log.path)


class _Run:
    """The phases of one run share folder, seed, log and recipe."""

    def __init__(
        self, recipe: Recipe, seed: int, output_dir: Path, on_progress: ProgressCallback | None, fingerprint: str
    ) -> None:
        self.recipe, self.seed, self.output_dir, self.fingerprint = recipe, seed, output_dir, fingerprint
        vae_steps = recipe.vae.steps if recipe.stage == TrainingStage.PRETRAIN else 0
        self.log = ProgressLog(output_dir / "progress.jsonl", on_progress, total_steps=vae_steps + recipe.steps)
        self.log.event(started=True, recipe=to_json(recipe), seed=seed)

    def library(self, model: GeometryModel) -> Examples | None:
        """The recipe's library examples with latents."""
        if self.recipe.library is None:
            return None
        drawn = library_examples(
            self.recipe.library, model.config.conditioning, seed=self.seed, cache=self.output_dir / "cache"
        )
        return drawn.with_latents(model.vae)

    def pretrain_vae(self, device: str) -> tuple[GeometryModel, Examples]:
        """Draw the library, train a VAE on it, fix the statistics in the configuration and encode the library."""
        if self.recipe.library is None:
            raise NoTrainingData(f"{self.recipe.name}: pretraining needs a library")
        config: ModelConfig = PRESETS[self.recipe.preset]()
        started = time.monotonic()
        drawn = library_examples(
            self.recipe.library, config.conditioning, seed=self.seed, cache=self.output_dir / "cache"
        )
        self.log.event(drawn=len(drawn), seconds=time.monotonic() - started)
        if config.flow.prior_rank:
            # With the Gaussian head start all of the layout is z-scored; the released statistics are the preset's own.
            layout_mean, layout_std = drawn.layout_statistics([ROTATION, TRANSLATION, SCALE])
            config = replace(config, layout_mean=layout_mean, layout_std=layout_std)
        torch.manual_seed(self.seed)
        model = GeometryModel(config).to(device)
        model.vae.start_from_principal_components(drawn.occupancy(torch.arange(min(len(drawn), 256))).to(device))
        self.fit(VAEStage(model.vae, drawn, self.recipe.vae, self.seed), self.recipe.vae.steps, vae=True)
        self.log.offset = self.recipe.vae.steps
        model.vae.requires_grad_(False)
        library = drawn.with_latents(model.vae)
        cells = library.shape_latents.flatten(0, 1)
        mean = cells.mean(0)
        # One scale for all channels: weak channels stay weak, so that the flow settles coarse shape first.
        scale = float((cells - mean).square().mean().sqrt())
        vae = replace(
            model.config.vae,
            latent_mean=tuple(mean.tolist()),
            latent_std=(scale,) * model.config.vae.latent_channels,
        )
        model.config = replace(model.config, vae=vae)
        model.vae.config = vae
        library = replace(library, shape_latents=(library.shape_latents - mean) / scale)
        if model.flow.prior is not None:
            model.flow.prior.fit(library.shape_latents.flatten(1).to(device), library.crop.to(device))
        return model, library

    def calibrate_surface(self, model: GeometryModel) -> float:
        """Choose the logit above which cells are full: best mean IoU of samples for fresh examples."""
        library = self.recipe.library
        if library is None:
            return 0.0
        fresh = draw_examples(
            library, model.config.conditioning, seed=self.seed, start=library.count, count=self.recipe.calibrate_surface
        )
        everything = torch.arange(len(fresh))
        model.eval()
        x_1 = sample_latents(
            model, fresh.views(everything).to(model.device), [self.seed], default_sampler(model), layout=False
        )
        truth = fresh.occupancy(everything).to(model.device)
        with torch.no_grad():
            logits = model.vae.decode(x_1[SHAPE])
        levels = torch.linspace(-4.0, 1.0, 21).tolist()
        scores = [
            float((((logits > level) & truth).sum((1, 2, 3)) / ((logits > level) | truth).sum((1, 2, 3))).mean())
            for level in levels
        ]
        best: float = levels[int(np.argmax(scores))]
        model.config = replace(model.config, vae=replace(model.config.vae, surface_logit=best))
        model.vae.config = model.config.vae
        return best

    def fit(self, stage: Stage, steps: int, *, vae: bool = False) -> dict[str, float]:
        """Train one phase, continuing from its saved state."""
        trainer = Trainer(
            stage,
            optimiser=self.recipe.vae.optimiser if vae else self.recipe.optimiser,
            steps=steps,
            log=self.log,
            precision=self.recipe.precision,
            state_path=self.output_dir / f"state_{stage.name}.pt",
            save_every_steps=self.recipe.save_every_steps,
            fingerprint=self.fingerprint,
        )
        return trainer.fit()


def _fingerprint(recipe: Recipe, seed: int, parent: Path | None, shards: Sequence[Path]) -> str:
    """What makes a run this run."""
    files = [(path.name, path.stat().st_size) for path in [*([] if parent is None else [parent]), *shards]]
    return hashlib.sha256(json.dumps([to_json(recipe), seed, files]).encode()).hexdigest()


def _figures(snapshot: SnapshotData | None, library: Examples | None) -> dict[str, float]:
    figures = {"library_examples": float(len(library or ()))}
    if snapshot is not None:
        figures |= {
            "snapshot_examples": float(len(snapshot.examples)),
            "preference_pairs": float(len(snapshot.pairs)),
            "damaged": float(len(snapshot.report.damaged)),
            "identical_pairs": float(snapshot.report.identical_pairs),
            "filtered_pairs": float(snapshot.report.filtered_pairs),
        }
    return figures
