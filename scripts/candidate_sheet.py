"""What a checkpoint makes of the built-in photographs: a row per target, the photograph and its candidates.

python scripts/candidate_sheet.py sheet.png [--checkpoint FILE] [--candidates 4] [--targets 10] [--tile 96]
"""

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.contracts.cameras import Intrinsics
from engine.sourcing.point_maps import prior_point_map
from training_loop.api import load_generator, sample_candidates
from training_loop.rendering import render
from training_loop.synthetic import look_at_object
from training_loop.views import square_box

CHECKOUT = Path(__file__).resolve().parent.parent
BUILTIN = CHECKOUT / "engine" / "sourcing" / "builtin"
SHIPPED = CHECKOUT / "training_loop" / "weights" / "mini.safetensors"
LABEL_PX = 12


def main() -> None:
    """Parse the command line, sample, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--targets", type=int, default=10)
    parser.add_argument("--tile", type=int, default=96)
    options = parser.parse_args()

    model = load_generator(options.checkpoint)
    catalogue = json.loads((BUILTIN / "catalogue.json").read_text())
    tile, columns = options.tile, 1 + 2 * options.candidates
    targets = catalogue["targets"][: options.targets]
    sheet = Image.new("RGB", (columns * tile, len(targets) * (tile + LABEL_PX)), "white")
    draw = ImageDraw.Draw(sheet)
    intrinsics = Intrinsics(fx=1.4 * tile, fy=1.4 * tile, cx=tile / 2, cy=tile / 2, width=tile, height=tile)
    for row, target in enumerate(targets):
        picture = photograph(catalogue["images"][target["image"]]["file"])
        mask = np.asarray(Image.open(BUILTIN / "masks" / f"{target['mask']}.png").convert("L")) > 127
        top = row * (tile + LABEL_PX) + LABEL_PX
        draw.text((2, top - LABEL_PX), f"{target['mask']} ({target['category']})", fill="black")
        sheet.paste(cut(picture, mask, tile), (0, top))
        points, camera = prior_point_map([mask], width_px=mask.shape[1], height_px=mask.shape[0])
        samples = sample_candidates(
            model=model,
            image=np.asarray(picture),
            mask=mask,
            point_map=points,
            intrinsics=camera,
            seeds=range(options.candidates),
        )
        for column, sample in enumerate(samples):
            for turn, azimuth in enumerate((20, 110)):
                pose = look_at_object(azimuth_degrees=azimuth, elevation_degrees=20, distance=2.0)
                shown = render(sample.mesh, pose, intrinsics, antialias=3)
                canvas = shown.over(np.full((tile, tile, 3), 235, dtype=np.uint8))
                sheet.paste(Image.fromarray(canvas), ((1 + 2 * column + turn) * tile, top))
    sheet.save(options.output, optimize=True)


def photograph(file_name: str) -> Image.Image:
    """One of the pictures that scikit-image ships."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("scikit-image is not installed; run `make setup`")
    return Image.open(Path(spec.origin).parent / "data" / file_name).convert("RGB")


def cut(picture: Image.Image, mask: np.ndarray, tile: int) -> Image.Image:
    """The target with a little of its surroundings, which are dimmed."""
    left, top, right, bottom = (round(edge) for edge in square_box(mask, 1.2))
    dimmed = np.where(mask[..., None], np.asarray(picture), np.asarray(picture) // 3)
    return Image.fromarray(dimmed.astype(np.uint8)).crop((left, top, right, bottom)).resize((tile, tile))


if __name__ == "__main__":
    main()
