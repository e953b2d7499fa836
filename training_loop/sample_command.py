"""The command `sample`. Nothing heavy is imported before it runs."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.contracts.serialisation import to_json
from training_loop.masks import read_mask
from training_loop.train_command import device_or_default


def add_sample_command(commands: Any) -> None:
    """Add the command to an argument parser's subparsers."""
    sample = commands.add_parser(
        "sample",
        help="propose shapes for the object that a mask indicates",
        description="Write a GLB for each seed, and poses.json with their poses in the camera, as evaluate reads them.",
    )
    sample.add_argument(
        "--checkpoint",
        required=True,
        type=Path,
        metavar="FILE",
        help="model to sample; training_loop/weights/mini.safetensors is there already",
    )
    sample.add_argument("--image", required=True, type=Path, metavar="FILE", help="photograph")
    sample.add_argument(
        "--mask", required=True, type=Path, metavar="FILE", help="grey or RGBA picture; white or opaque is the object"
    )
    sample.add_argument("--point-map", type=Path, help=".npz with points_camera (H, W, 3)")
    sample.add_argument("--seeds", type=int, nargs="+", default=[0], help="one candidate each (default: 0)")
    sample.add_argument("--steps", type=int, help="Euler steps (default: the preset's)")
    sample.add_argument("--cfg", type=float, help="guidance strength (default: the preset's)")
    sample.add_argument("--shortcut", action="store_true", help="few-step mode of a distilled checkpoint")
    sample.add_argument(
        "--refine-layout", action="store_true", help="refine each layout on the mask and the point map (paper E.3)"
    )
    sample.add_argument(
        "--output", type=Path, default=Path("samples"), help="folder for the GLB files (default: samples)"
    )
    sample.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")


def sample_command(arguments: argparse.Namespace) -> None:
    """`sample`."""
    from training_loop.api import load_generator, sample_candidates

    model = load_generator(arguments.checkpoint, device=device_or_default(arguments.device))
    if model.device.type == "cuda":
        model.halve_linear_weights()
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
        refine_layouts=arguments.refine_layout,
    )
    seconds = time.monotonic() - started
    arguments.output.mkdir(parents=True, exist_ok=True)
    poses = {}
    for sample in samples:
        path = arguments.output / f"seed_{sample.seed}.glb"
        sample.mesh.export(path)
        print(f"{path}  {len(sample.mesh.vertices)} vertices")
        if sample.layout is not None:
            poses[path.stem] = {"pose": to_json(sample.layout)}
        if sample.refinement is not None:
            found = sample.refinement
            verdict = found.verdict.replace("_", " ")
            print(f"  refined layout: {verdict}, mask IoU {found.iou_before:.3f} → {found.iou_after:.3f}")
    if poses:
        (arguments.output / "poses.json").write_text(json.dumps(poses, indent=2) + "\n")
    print(f"{len(samples)} {'candidate' if len(samples) == 1 else 'candidates'} in {seconds:.1f} s", file=sys.stderr)
