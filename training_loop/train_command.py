"""The commands `pretrain`, `train` and `recipes`. Nothing heavy is imported before a command runs."""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def add_train_commands(commands: Any) -> None:
    """Add the commands to an argument parser's subparsers."""
    recipes = commands.add_parser("recipes", help="list the recipes, or show one with all of its fields")
    recipes.add_argument("name", nargs="?", help="a recipe to show as JSON")

    pretrain = commands.add_parser("pretrain", help="train a model from nothing on the shape library")
    _add_training_arguments(pretrain, recipe="mini_pretrain")

    train = commands.add_parser("train", help="continue from a checkpoint: midtrain, sft, dpo or distil")
    train.add_argument("--stage", required=True, choices=["midtrain", "sft", "dpo", "distil"])
    train.add_argument("--parent", required=True, type=Path, help="checkpoint to start from")
    train.add_argument(
        "--shards",
        nargs="*",
        default=[],
        metavar="PATH",
        help="WebDataset shards of a snapshot: files, quoted patterns, or http(s) addresses",
    )
    train.add_argument(
        "--replay-shards",
        nargs="*",
        default=[],
        metavar="PATH",
        help="shards of older snapshots, which the recipe's replay_share is taken from",
    )
    _add_training_arguments(train, recipe=None)


def _add_training_arguments(parser: argparse.ArgumentParser, *, recipe: str | None) -> None:
    parser.add_argument("--recipe", default=recipe, help=f"name of a recipe (default: {recipe or 'mini_<stage>'})")
    parser.add_argument(
        "--output", required=True, type=Path, help="folder for checkpoint, log and state; the same again resumes"
    )
    parser.add_argument("--seed", type=int, default=0, help="of data order, noise and initial weights (default: 0)")
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the recipe, e.g. --set optimiser.learning_rate=1e-4",
    )


def parse_overrides(settings: list[str]) -> dict[str, Any]:
    """FIELD=VALUE strings to overrides; values are JSON, or text where they are not.

    Raises:
        ValueError: a setting without '='.
    """
    overrides: dict[str, Any] = {}
    for setting in settings:
        path, separator, text = setting.partition("=")
        if not separator:
            raise ValueError(f"--set wants FIELD=VALUE, got {setting!r}")
        try:
            overrides[path] = json.loads(text)
        except json.JSONDecodeError:
            overrides[path] = text
    return overrides


def device_or_default(device: str | None) -> str:
    """The named device, or the GPU where there is one."""
    import torch

    return device or ("cuda" if torch.cuda.is_available() else "cpu")


class ProgressLine:
    """One line a second on standard error."""

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        """Show a step."""
        if time.monotonic() - self.last < 1 and step != total:
            return
        self.last = time.monotonic()
        shown = "  ".join(f"{name} {value:.4g}" for name, value in metrics.items() if name != "learning_rate")
        of = f"/{total}" if total else ""
        print(f"step {step}{of}  {shown}", file=sys.stderr, flush=True)


def train_command(arguments: argparse.Namespace) -> None:
    """`pretrain` and `train`."""
    import torch

    from training_loop.runs import run_training

    stage = getattr(arguments, "stage", "pretrain")
    result = run_training(
        stage=stage,
        recipe=arguments.recipe or f"mini_{stage}",
        overrides=parse_overrides(arguments.set),
        parent_checkpoint=getattr(arguments, "parent", None),
        shards=expand_shards(getattr(arguments, "shards", [])),
        replay_shards=expand_shards(getattr(arguments, "replay_shards", [])),
        output_dir=arguments.output,
        seed=arguments.seed,
        on_progress=ProgressLine(),
        device=device_or_default(arguments.device),
    )
    if os.environ.get("RANK", "0") == "0":
        says = {"checkpoint": str(result.checkpoint), "log": str(result.log), "metrics": result.metrics}
        print(json.dumps(says, indent=2))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def expand_shards(patterns: list[str]) -> list[Path | str]:
    """Files that the patterns match, in order; addresses as they are.

    Raises:
        FileNotFoundError: a pattern matches nothing.
    """
    shards: list[Path | str] = []
    for pattern in patterns:
        if pattern.startswith(("http://", "https://")):
            shards.append(pattern)
            continue
        path = Path(pattern)
        found = sorted(path.parent.glob(path.name))
        if not found:
            raise FileNotFoundError(f"no shard matches {pattern}")
        shards += found
    return shards


def recipes_command(arguments: argparse.Namespace) -> None:
    """`recipes`."""
    from engine.contracts.serialisation import to_json
    from training_loop.recipes import RECIPES, find_recipe

    if arguments.name:
        print(json.dumps(to_json(find_recipe(arguments.name)), indent=2))
        return
    for name, recipe in RECIPES.items():
        print(f"{name:24s} {recipe().stage.value:9s} {(recipe.__doc__ or '').strip().splitlines()[0]}")
