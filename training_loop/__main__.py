"""Command line of the training loop: recipes, pretrain, train, sample, evaluate, convert, encoder."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training_loop.train_command import ProgressLine, add_train_commands, recipes_command, train_command

EXAMPLES = """examples:
  python -m training_loop recipes mini_sft
  python -m training_loop pretrain --output runs/base
  python -m training_loop train --stage sft --parent runs/base/checkpoint.safetensors \\
      --shards 'snapshot/*.tar' --output runs/sft
  torchrun --nproc-per-node 8 -m training_loop train --stage dpo --recipe full_dpo \\
      --parent runs/sft/checkpoint.safetensors --shards 'snapshot/*.tar' --output runs/dpo
  python -m training_loop sample --checkpoint runs/sft/checkpoint.safetensors \\
      --image cup.png --mask cup_mask.png --seeds 0 1 2
  python -m training_loop evaluate --checkpoint runs/sft/checkpoint.safetensors
  python -m training_loop convert from-released --generator ss_generator.ckpt --decoder ss_decoder.ckpt \\
      --output released.safetensors
"""

CONVERT_EXAMPLES = """examples:
  python -m training_loop convert from-released --generator ss_generator.ckpt --decoder ss_decoder.ckpt \\
      --output released.safetensors
  python -m training_loop convert to-released --checkpoint runs/sft/checkpoint.safetensors --output for_release/
  python -m training_loop convert dinov2 --weights dinov2_vitl14_reg4_pretrain.pth --output start.safetensors
"""


def build_parser() -> argparse.ArgumentParser:
    """All commands with their arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m training_loop",
        description="Train, sample and evaluate the geometry model.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    add_train_commands(commands)

    sample = commands.add_parser("sample", help="propose shapes for the object that a mask indicates")
    sample.add_argument("--checkpoint", required=True, type=Path)
    sample.add_argument("--image", required=True, type=Path)
    sample.add_argument("--mask", required=True, type=Path, help="grey or RGBA picture; white or opaque is the object")
    sample.add_argument("--point-map", type=Path, help=".npz with points_camera (H, W, 3)")
    sample.add_argument("--seeds", type=int, nargs="+", default=[0])
    sample.add_argument("--steps", type=int, help="Euler steps (default: the preset's)")
    sample.add_argument("--cfg", type=float, help="guidance strength (default: the preset's)")
    sample.add_argument("--shortcut", action="store_true", help="few-step mode of a distilled checkpoint")
    sample.add_argument(
        "--output", type=Path, default=Path("samples"), help="folder for the GLB files (default: samples)"
    )
    sample.add_argument("--device", default="cpu")

    evaluate = commands.add_parser("evaluate", help="measure a checkpoint on held-out library shapes")
    evaluate.add_argument("--checkpoint", required=True, type=Path)
    evaluate.add_argument("--count", type=int, default=32, help="held-out shapes (default: 32)")
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.add_argument("--json", type=Path, help="also write the metrics to this file")
    evaluate.add_argument("--device", default="cpu")

    _add_convert(commands)

    encoder = commands.add_parser("encoder", help="train a shape encoder for a checkpoint whose VAE only decodes")
    encoder.add_argument("--checkpoint", required=True, type=Path)
    encoder.add_argument("--output", required=True, type=Path, help="folder for checkpoint, log and state")
    encoder.add_argument("--steps", type=int, help="updates (default: 20000)")
    encoder.add_argument("--batch-size", type=int, help="shapes a step (default: 8)")
    encoder.add_argument("--shapes", type=int, help="library shapes to learn from (default: 5000)")
    encoder.add_argument("--heldout", type=int, help="other shapes that tell the outcome (default: 64)")
    encoder.add_argument("--seed", type=int, default=0)
    encoder.add_argument("--device", default="cpu")
    return parser


def _add_convert(commands: Any) -> None:
    """`convert` has a command for each direction."""
    convert = commands.add_parser(
        "convert",
        help="turn weights in the released layout into a checkpoint and back; load DINOv2 weights",
        description="Convert weights. Strict: every key and shape must fit, or the error names it.",
        epilog=CONVERT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    directions = convert.add_subparsers(dest="direction", required=True, metavar="direction")

    to_ours = directions.add_parser("from-released", help="SAM 3D Objects' files → one checkpoint")
    to_ours.add_argument("--generator", required=True, type=Path, help="ss_generator: flow and conditioning encoder")
    to_ours.add_argument("--decoder", required=True, type=Path, help="ss_decoder: latents to 64³ occupancy")
    to_ours.add_argument("--encoder", type=Path, help="a shape encoder for that decoder; the release has none")
    to_ours.add_argument("--output", required=True, type=Path, help="checkpoint to write")
    to_ours.add_argument("--bf16", action="store_true", help="half the size; for sampling, not for training on")

    to_theirs = directions.add_parser("to-released", help="a checkpoint of the preset full → SAM 3D Objects' files")
    to_theirs.add_argument("--checkpoint", required=True, type=Path)
    to_theirs.add_argument("--output", required=True, type=Path, help="folder for ss_generator, ss_decoder, ss_encoder")
    to_theirs.add_argument("--ckpt", action="store_true", help="write .ckpt pickles instead of safetensors")

    dinov2 = directions.add_parser("dinov2", help="public DINOv2 weights → both backbones of a model of preset full")
    dinov2.add_argument("--weights", required=True, type=Path, help="dinov2_vitl14_reg4_pretrain.pth or safetensors")
    dinov2.add_argument("--checkpoint", type=Path, help="model to put them into (default: a new one, random else)")
    dinov2.add_argument("--output", required=True, type=Path, help="checkpoint to write")
    dinov2.add_argument("--seed", type=int, default=0, help="of the random weights of a new model")


def sample_command(arguments: argparse.Namespace) -> None:
    """`sample`."""
    from training_loop.api import load_generator, sample_candidates

    model = load_generator(arguments.checkpoint, device=arguments.device)
    point_map = None
    if arguments.point_map is not None:
        with np.load(arguments.point_map, allow_pickle=False) as archive:
            point_map = archive["points_camera"].astype(np.float32)
    started = time.monotonic()
    samples = sample_candidates(
        model=model,
        image=np.asarray(Image.open(arguments.image).convert("RGB")),
        mask=read_mask(arguments.mask),
        point_map=point_map,
        seeds=arguments.seeds,
        steps=arguments.steps,
        cfg=arguments.cfg,
        shortcut=arguments.shortcut,
    )
    seconds = time.monotonic() - started
    arguments.output.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        path = arguments.output / f"seed_{sample.seed}.glb"
        sample.mesh.export(path)
        print(f"{path}  {len(sample.mesh.vertices)} vertices  layout {sample.layout}")
    print(f"{len(samples)} candidates in {seconds:.1f} s", file=sys.stderr)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """(H, W) bool: the alpha channel where there is one, else grey above the middle."""
    picture = Image.open(path)
    layer = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else picture.convert("L")
    return np.asarray(layer) > 127


def evaluate_command(arguments: argparse.Namespace) -> None:
    """`evaluate`."""
    from training_loop.api import evaluate_checkpoint

    metrics = evaluate_checkpoint(
        checkpoint=arguments.checkpoint, heldout_count=arguments.count, seed=arguments.seed, device=arguments.device
    )
    for name, value in metrics.items():
        print(f"{name:16s} {value:.4f}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(metrics, indent=2) + "\n")


def convert_command(arguments: argparse.Namespace) -> None:
    """`convert`."""
    import torch

    from training_loop import released_weights
    from training_loop.checkpoints import CheckpointInfo, load_model, read_header, save_model
    from training_loop.models.config import full
    from training_loop.models.generator import GeometryModel

    if arguments.direction == "to-released":
        for path in released_weights.write_released(
            load_model(arguments.checkpoint), arguments.output, pickled=arguments.ckpt
        ):
            print(path)
        return
    if arguments.direction == "from-released":
        files = {released_weights.GENERATOR: arguments.generator, released_weights.DECODER: arguments.decoder}
        if arguments.encoder is not None:
            files[released_weights.ENCODER] = arguments.encoder
        model, info = released_weights.from_released(files), CheckpointInfo(stage="released")
    else:
        torch.manual_seed(arguments.seed)
        model = GeometryModel(full()) if arguments.checkpoint is None else load_model(arguments.checkpoint)
        info = CheckpointInfo() if arguments.checkpoint is None else read_header(arguments.checkpoint).info
        released_weights.load_dinov2(model, arguments.weights)
    dtype = torch.bfloat16 if getattr(arguments, "bf16", False) else torch.float32
    save_model(arguments.output, model, info, dtype=dtype)
    print(f"{arguments.output}  {sum(weight.numel() for weight in model.parameters()) / 1e6:.0f} M parameters")


def encoder_command(arguments: argparse.Namespace) -> None:
    """`encoder`."""
    from training_loop.shape_encoder import EncoderConfig, train_encoder

    given = {name: getattr(arguments, name) for name in ("steps", "batch_size", "shapes", "heldout")}
    result = train_encoder(
        checkpoint=arguments.checkpoint,
        output_dir=arguments.output,
        config=EncoderConfig(**{name: value for name, value in given.items() if value is not None}),
        seed=arguments.seed,
        on_progress=ProgressLine(),
        device=arguments.device,
    )
    print(json.dumps({"checkpoint": str(result.checkpoint), "metrics": result.metrics}, indent=2))


COMMANDS = {
    "recipes": recipes_command,
    "pretrain": train_command,
    "train": train_command,
    "sample": sample_command,
    "evaluate": evaluate_command,
    "convert": convert_command,
    "encoder": encoder_command,
}


def main(argv: list[str] | None = None) -> int:
    """Run a command; expected failures end with one line and exit code 1."""
    arguments = build_parser().parse_args(argv)
    # Threads that wait by spinning starve each other on a busy machine; read when torch loads, which is after this.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        COMMANDS[arguments.command](arguments)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
