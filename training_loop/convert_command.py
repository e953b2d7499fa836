"""The commands `convert` and `encoder`. Nothing heavy is imported before a command runs."""

import argparse
import json
from pathlib import Path
from typing import Any

from training_loop.train_command import ProgressLine, device_or_default

EXAMPLES = """examples:
  python -m training_loop convert from-released --generator ss_generator.ckpt --decoder ss_decoder.ckpt \\
      --output released.safetensors
  python -m training_loop convert to-released --checkpoint runs/sft/checkpoint.safetensors --output for_release/
  python -m training_loop convert dinov2 --weights dinov2_vitl14_reg4_pretrain.pth \\
      --checkpoint full.safetensors --output with_dinov2.safetensors
"""


def add_convert_commands(commands: Any) -> None:
    """Add the commands to an argument parser's subparsers."""
    convert = commands.add_parser(
        "convert",
        help="turn weights in the released layout into a checkpoint and back; load DINOv2 weights",
        description="Convert weights. Strict: every key and shape must fit, or the error names it.",
        epilog=EXAMPLES,
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
    to_theirs.add_argument("--checkpoint", required=True, type=Path, help="model of preset full")
    to_theirs.add_argument("--output", required=True, type=Path, help="folder for ss_generator, ss_decoder, ss_encoder")
    to_theirs.add_argument("--ckpt", action="store_true", help="write .ckpt pickles instead of safetensors")

    dinov2 = directions.add_parser("dinov2", help="public DINOv2 weights → both backbones of a full checkpoint")
    dinov2.add_argument("--weights", required=True, type=Path, help="dinov2_vitl14_reg4_pretrain.pth or safetensors")
    dinov2.add_argument("--checkpoint", required=True, type=Path, help="model of preset full to put them into")
    dinov2.add_argument("--output", required=True, type=Path, help="checkpoint to write")

    encoder = commands.add_parser("encoder", help="train a shape encoder for a checkpoint whose VAE only decodes")
    encoder.add_argument("--checkpoint", required=True, type=Path, help="model whose decoder it learns to invert")
    encoder.add_argument("--output", required=True, type=Path, help="folder for checkpoint, log and state")
    encoder.add_argument("--steps", type=int, help="updates (default: 20000)")
    encoder.add_argument("--batch-size", type=int, help="shapes a step (default: 8)")
    encoder.add_argument("--shapes", type=int, help="library shapes to learn from (default: 5000)")
    encoder.add_argument("--heldout", type=int, help="other shapes that tell the outcome (default: 64)")
    encoder.add_argument("--seed", type=int, default=0, help="of shapes, noise and initial weights (default: 0)")
    encoder.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")


def convert_command(arguments: argparse.Namespace) -> None:
    """`convert`."""
    import torch

    from training_loop import released_weights
    from training_loop.checkpoints import CheckpointInfo, load_model, read_header, save_model

    if arguments.direction == "to-released":
        model = load_model(arguments.checkpoint)
        for path in released_weights.write_released(model, arguments.output, pickled=arguments.ckpt):
            print(path)
        return
    dtype = torch.float32
    if arguments.direction == "from-released":
        files = {released_weights.GENERATOR: arguments.generator, released_weights.DECODER: arguments.decoder}
        if arguments.encoder is not None:
            files[released_weights.ENCODER] = arguments.encoder
        model, info = released_weights.from_released(files), CheckpointInfo(stage="released")
        dtype = torch.bfloat16 if arguments.bf16 else dtype
    else:
        model, info = load_model(arguments.checkpoint), read_header(arguments.checkpoint).info
        released_weights.load_dinov2(model, arguments.weights)
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
        device=device_or_default(arguments.device),
    )
    print(json.dumps({"checkpoint": str(result.checkpoint), "metrics": result.metrics}, indent=2))
