"""`python -m training_loop evaluate`: folders of meshes against ground truth, or a checkpoint on held-out shapes."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training_loop.evaluation.earth_mover import EMD_CELLS

DESCRIPTION = """Measure shapes and layouts as in section D.3 of the SAM 3D paper.

Meshes (glb, gltf, obj, ply) are paired by their stems: predictions/mug.glb with ground_truth/mug.obj. Each mesh is
fitted to [-1, 1] by itself, the prediction is registered by ICP, and F1@0.01, voxel IoU, Chamfer distance and EMD are
measured on a million points. With poses.json in both folders, layouts are measured too: 3D IoU, ICP-Rot, ADD-S,
ADD-S@0.1, and 2D IoU where cameras are known. What cannot be measured is skipped, counted and named. A prediction that
is missing or broken counts as the worst value, so that nobody gains by failing.

With --checkpoint instead, a model is sampled and measured on shapes of the library that no stage trains on.
"""

EXAMPLES = """poses.json, one entry for each stem (intrinsics in the ground truth's, for 2D IoU):
  {"mug": {"pose": {"rotation_wxyz": [1, 0, 0, 0], "translation": [0, 0, 2], "scale": [1, 1, 1]},
           "intrinsics": {"fx": 500, "fy": 500, "cx": 320, "cy": 240, "width": 640, "height": 480}}}

examples:
  python -m training_loop evaluate --predictions mine --ground-truth truth --json result.json --html result.html
  python -m training_loop evaluate --predictions mine --ground-truth truth --points 100000 --no-emd   # a quick look
  python -m training_loop evaluate --predictions mine --ground-truth truth --masks masks --refine-layout
  python -m training_loop evaluate --predictions mine --images photos --metric uni3d=weights/uni3d.safetensors
  python -m training_loop evaluate --checkpoint runs/sft/checkpoint.safetensors --count 64

docs/evaluation.md says exactly how everything is measured.
"""


def add_evaluate_command(commands: Any) -> None:
    """Add the command with its arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate",
        help="measure folders of meshes against ground truth, or a checkpoint on held-out shapes",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="python -m training_loop evaluate --predictions DIR --ground-truth DIR [options]\n"
        "       python -m training_loop evaluate --checkpoint FILE [options]",
    )
    folders = parser.add_argument_group("folders of meshes")
    folders.add_argument("--predictions", type=Path, metavar="DIR", help="meshes to measure")
    folders.add_argument("--ground-truth", type=Path, metavar="DIR", help="meshes to measure them against")
    folders.add_argument(
        "--poses",
        nargs=2,
        type=Path,
        metavar=("PREDICTED", "TRUE"),
        help="files of poses (default: poses.json in each folder, where it exists)",
    )
    folders.add_argument(
        "--masks", type=Path, metavar="DIR", help="masks for 2D IoU (default: silhouettes of the ground truth)"
    )
    folders.add_argument(
        "--refine-layout", action="store_true", help="also refine poses on the masks (E.3) and measure those"
    )
    folders.add_argument("--images", type=Path, metavar="DIR", help="photographs, for the metrics of plug-ins")
    folders.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME=WEIGHTS",
        help="a plug-in that compares shape and photograph, such as ULIP or Uni3D; may be repeated",
    )
    folders.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")
    folders.add_argument("--points", type=int, default=1_000_000, help="points on each surface (default: 1000000)")
    folders.add_argument("--no-emd", action="store_true", help="leave out the earth mover's distance")
    folders.add_argument("--no-icp", action="store_true", help="measure shapes as they lie, without registration")
    folders.add_argument(
        "--emd-cells", type=int, default=EMD_CELLS, help=f"cells of the EMD, a power of two (default: {EMD_CELLS})"
    )
    folders.add_argument("--jobs", type=int, default=1, help="samples at once (default: 1, which uses all cores)")
    checkpoint = parser.add_argument_group("a checkpoint")
    checkpoint.add_argument("--checkpoint", type=Path, metavar="FILE", help="model to sample and measure")
    checkpoint.add_argument("--count", type=int, default=32, help="held-out shapes (default: 32)")
    checkpoint.add_argument("--steps", type=int, help="Euler steps (default: the preset's)")
    checkpoint.add_argument("--cfg", type=float, help="guidance strength (default: the preset's)")
    checkpoint.add_argument("--shortcut", action="store_true", help="few-step mode of a distilled checkpoint")
    both = parser.add_argument_group("either")
    both.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    both.add_argument("--seed", type=int, default=0, help="of points, bootstrap and held-out shapes (default: 0)")
    both.add_argument("--device", default="cpu", help="for networks (default: cpu)")


def evaluate_command(arguments: argparse.Namespace) -> None:
    """Measure what was asked for.

    Raises:
        ValueError: arguments that do not go together, or nothing that can be measured.
    """
    if (arguments.checkpoint is None) == (arguments.predictions is None):
        raise ValueError("evaluate wants either --predictions or --checkpoint; see evaluate --help")
    if arguments.checkpoint is not None:
        _evaluate_checkpoint(arguments)
    else:
        _evaluate_folders(arguments)


def _evaluate_checkpoint(arguments: argparse.Namespace) -> None:
    from training_loop.api import evaluate_checkpoint
    from training_loop.evaluation.text_report import summary_table

    asked = {"steps": arguments.steps, "strength": arguments.cfg, "shortcut": arguments.shortcut or None}
    estimates = evaluate_checkpoint(
        checkpoint=arguments.checkpoint,
        heldout_count=arguments.count,
        seed=arguments.seed,
        device=arguments.device,
        sampler={name: value for name, value in asked.items() if value is not None},
    )
    print(summary_table(estimates))
    if arguments.json is not None:
        figures = {name: asdict(estimate) for name, estimate in estimates.items()}
        _write(arguments.json, json.dumps(figures, indent=2) + "\n")


def _evaluate_folders(arguments: argparse.Namespace) -> None:
    from training_loop.evaluation.folders import Settings, evaluate_folders
    from training_loop.evaluation.html_report import html_report
    from training_loop.evaluation.pairing import pair_folders
    from training_loop.evaluation.perceptual import MetricRequest
    from training_loop.evaluation.text_report import text_report

    metrics = tuple(MetricRequest.parse(text) for text in arguments.metric)
    if arguments.ground_truth is None and not metrics:
        raise ValueError("--predictions need --ground-truth, or a --metric that does without")
    if metrics and arguments.images is None:
        raise ValueError("--metric compares with photographs; name their folder with --images")
    if arguments.points < 1:
        raise ValueError(f"--points must be positive, got {arguments.points}")
    predicted_poses, true_poses = arguments.poses or (None, None)
    pairing = pair_folders(
        predictions=arguments.predictions,
        ground_truth=arguments.ground_truth,
        predicted_poses=predicted_poses,
        true_poses=true_poses,
        masks=arguments.masks,
        images=arguments.images,
    )
    settings = Settings(
        points=arguments.points,
        seed=arguments.seed,
        emd_cells=None if arguments.no_emd else arguments.emd_cells,
        registered=not arguments.no_icp,
        refine=arguments.refine_layout,
        metrics=metrics,
        device=arguments.device,
        pictures=arguments.html is not None,
        jobs=arguments.jobs,
    )
    report = evaluate_folders(pairing, settings, on_sample=_Progress())
    print(text_report(report))
    if arguments.json is not None:
        _write(arguments.json, json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n")
    if arguments.html is not None:
        _write(arguments.html, html_report(report, title=f"{arguments.predictions.name}: evaluation"))
    if not report.measured:
        raise ValueError("no sample could be measured; the reasons are in the table of skips")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class _Progress:
    """A line for each sample on standard error, with the time that is left."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def __call__(self, done: int, count: int, stem: str) -> None:
        """Show a sample."""
        left = (time.monotonic() - self.started) / done * (count - done)
        print(f"{done}/{count}  {stem}  about {left:.0f} s left", file=sys.stderr, flush=True)
