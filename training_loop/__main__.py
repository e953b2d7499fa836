"""Command line of the training loop: recipes, pretrain, train, sample, evaluate, convert, encoder."""

import argparse
import os
import sys

from training_loop.convert_command import add_convert_commands, convert_command, encoder_command
from training_loop.evaluate_command import add_evaluate_command, evaluate_command
from training_loop.sample_command import add_sample_command, sample_command
from training_loop.train_command import add_train_commands, recipes_command, train_command

EXAMPLES = """examples:
  python -m training_loop recipes mini_sft
  python -m training_loop pretrain --output runs/base
  python -m training_loop train --stage sft --parent runs/base/checkpoint.safetensors \\
      --shards 'snapshot/*.tar' --output runs/sft
  torchrun --nproc-per-node 8 -m training_loop train --stage dpo --recipe full_dpo \\
      --parent runs/sft/checkpoint.safetensors --shards 'snapshot/*.tar' --output runs/dpo
  python -m training_loop sample --checkpoint training_loop/weights/mini.safetensors \\
      --image cup.png --mask cup_mask.png --seeds 0 1 2
  python -m training_loop evaluate --checkpoint runs/sft/checkpoint.safetensors
  python -m training_loop evaluate --predictions mine --ground-truth truth --json result.json --html result.html
  python -m training_loop convert from-released --generator ss_generator.ckpt --decoder ss_decoder.ckpt \\
      --output released.safetensors
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
    add_sample_command(commands)
    add_evaluate_command(commands)
    add_convert_commands(commands)
    return parser


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
    except KeyboardInterrupt:
        print("interrupted; the same command takes a training up where it saved last", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
