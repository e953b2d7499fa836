"""Train a shape encoder for a decoder that came without one, as the released decoder does.

The decoder stays as it is, so the flow keeps its latent space; the encoder learns to invert it on the shape library.
"""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from training_loop.checkpoints import CheckpointInfo, load_model, read_header, save_model
from training_loop.examples import Examples
from training_loop.library_examples import LibraryConfig, library_examples
from training_loop.models.config import mini
from training_loop.models.shape_vae import ShapeVAE
from training_loop.progress import ProgressCallback, ProgressLog
from training_loop.recipe import OptimiserConfig, VAEConfig
from training_loop.runs import TrainingResult
from training_loop.stages import VAEStage
from training_loop.trainer import Trainer


@dataclass(frozen=True)
class EncoderConfig:
    """How long to train, on how many library shapes, and how many others tell the outcome."""

    steps: int = 20_000
    batch_size: int = 8
    kl_weight: float = 1e-3
    shapes: int = 5000
    heldout: int = 64
    optimiser: OptimiserConfig = field(
        default_factory=lambda: OptimiserConfig(learning_rate=1e-4, warmup_steps=500, schedule="cosine")
    )


def train_encoder(
    *,
    checkpoint: Path,
    output_dir: Path,
    config: EncoderConfig,
    seed: int = 0,
    on_progress: ProgressCallback | None = None,
    device: str = "cpu",
) -> TrainingResult:
    """Write `checkpoint.safetensors`: the given model with a trained encoder. Running again continues.

    The metric `heldout_voxel_iou` is the mean IoU of held-out shapes with what becomes of them by way of the latent.

    Raises:
        CheckpointError: the file is no checkpoint.
        ResumeError: `output_dir` holds the state of another run.
    """
    started = time.monotonic()
    model = load_model(checkpoint, device=device)
    torch.manual_seed(seed)
    vae = ShapeVAE(replace(model.config.vae, encoder=True)).to(device)
    vae.decoder.load_state_dict(model.vae.decoder.state_dict())
    vae.decoder.requires_grad_(False)
    drawn = _shapes(config.shapes, "train", seed, output_dir)
    log = ProgressLog(output_dir / "progress.jsonl", on_progress, total_steps=config.steps)
    settings = VAEConfig(steps=config.steps, batch_size=config.batch_size, kl_weight=config.kl_weight)
    trainer = Trainer(
        VAEStage(vae, drawn, settings, seed),
        optimiser=config.optimiser,
        steps=config.steps,
        log=log,
        state_path=output_dir / "state_encoder.pt",
        fingerprint=f"{model.latent_space} {seed} {config}",
    )
    try:
        metrics = trainer.fit()
    finally:
        log.close()
    model.adopt_vae(vae.eval())
    metrics["heldout_voxel_iou"] = reconstruction_iou(vae, _shapes(config.heldout, "heldout", seed, output_dir))
    metrics["duration_seconds"] = time.monotonic() - started
    path = output_dir / "checkpoint.safetensors"
    save_model(path, model, CheckpointInfo(stage=read_header(checkpoint).info.stage, metrics=metrics))
    return TrainingResult(path, metrics, output_dir / "progress.jsonl")


def reconstruction_iou(vae: ShapeVAE, shapes: Examples, *, batch_size: int = 8) -> float:
    """Mean voxel IoU of shapes with their decoded latents."""
    device, scores = next(vae.parameters()).device, []
    for indices in torch.split(torch.arange(len(shapes)), batch_size):
        truth = shapes.gather(indices).occupancy().to(device)
        with torch.no_grad():
            full = vae.decode(vae.encode(truth)) > 0
        scores.append((full & truth).sum((1, 2, 3)) / (full | truth).sum((1, 2, 3)))
    return torch.cat(scores).mean().item()


def _shapes(count: int, split: str, seed: int, output_dir: Path) -> Examples:
    # Only their occupancy matters, so the smallest pictures do.
    library = LibraryConfig(count=count, image_px=32, split=split, point_map_share=0.0)
    return library_examples(library, mini().conditioning, seed=seed, cache=output_dir / "cache")
