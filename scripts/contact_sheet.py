"""Render a contact sheet of the shape library: one row per category, one column per seed.

python scripts/contact_sheet.py sheet.png [--categories mug chair] [--seeds 4] [--tile 128]
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.contracts.cameras import Intrinsics
from training_loop.rendering import render
from training_loop.shape_library import CATEGORIES, build_shape
from training_loop.synthetic import look_at_object


def main() -> None:
    """Parse the command line, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--categories", nargs="*", default=list(CATEGORIES))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--tile", type=int, default=128)
    parser.add_argument("--columns", type=int, default=3, help="categories side by side")
    options = parser.parse_args()

    tile, label = options.tile, 14
    rows = -(-len(options.categories) // options.columns)
    sheet = Image.new("RGB", (options.columns * options.seeds * tile, rows * (tile + label)), "white")
    draw = ImageDraw.Draw(sheet)
    intrinsics = Intrinsics(fx=1.4 * tile, fy=1.4 * tile, cx=tile / 2, cy=tile / 2, width=tile, height=tile)
    for index, category in enumerate(options.categories):
        left, top = index % options.columns * options.seeds * tile, index // options.columns * (tile + label)
        for seed in range(options.seeds):
            shape = build_shape(category, seed)
            pose = look_at_object(azimuth_degrees=(30, -40, 75, 150)[seed % 4], elevation_degrees=22, distance=2.0)
            image = render(shape.mesh, pose, intrinsics, antialias=3)
            canvas = image.over(np.full((tile, tile, 3), 235, dtype=np.uint8))
            sheet.paste(Image.fromarray(canvas), (left + seed * tile, top + label))
        draw.text((left + 4, top + 1), f"{category} ({len(shape.mesh.faces)} faces)", fill="black")
    sheet.save(options.output)


if __name__ == "__main__":
    main()
