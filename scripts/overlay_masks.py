"""Draw the built-in photographs with the outlines of their masks on one sheet, to judge the masks by eye.

python scripts/overlay_masks.py overlay.png [--side 640]
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

BUILTIN = Path(__file__).parents[1] / "engine" / "sourcing" / "builtin"
COLOURS = ((0, 255, 0), (255, 0, 255), (0, 200, 255), (255, 255, 0), (255, 128, 0), (150, 150, 255))
COLUMNS = 3
OUTLINE_PX = 2


def photographs_folder() -> Path:
    """Where scikit-image keeps its photographs."""
    import skimage

    return Path(skimage.__file__).parent / "data"


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the mask within OUTLINE_PX of its edge."""
    inner = mask.copy()
    for _ in range(OUTLINE_PX):
        padded = np.pad(inner, 1, constant_values=True)
        inner &= padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def overlay(photograph: Path, masks: list[tuple[str, Path]], *, side: int) -> Image.Image:
    """One photograph, scaled to `side` pixels, its masks tinted and outlined, their names listed."""
    image = Image.open(photograph).convert("RGB")
    scale = side / max(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS), dtype=np.float64).copy()
    for number, (_, path) in enumerate(masks):
        mask = np.asarray(Image.open(path).convert("L").resize(size, Image.Resampling.NEAREST)) > 0
        colour = np.array(COLOURS[number % len(COLOURS)], dtype=np.float64)
        pixels[mask] = 0.8 * pixels[mask] + 0.2 * colour
        pixels[outline(mask)] = colour
    drawn = Image.fromarray(pixels.astype(np.uint8))
    pen = ImageDraw.Draw(drawn)
    for number, (name, _) in enumerate(masks):
        pen.text((6, 4 + 12 * number), name, fill=COLOURS[number % len(COLOURS)], stroke_width=2, stroke_fill="black")
    return drawn


def contact_sheet(side: int) -> Image.Image:
    """All photographs of the catalogue, COLUMNS in a row."""
    catalogue = json.loads((BUILTIN / "catalogue.json").read_text(encoding="utf-8"))
    tiles = []
    for name, entry in catalogue["images"].items():
        masks = [
            (f"{target['mask']}: {target['category']}", BUILTIN / "masks" / f"{target['mask']}.png")
            for target in catalogue["targets"]
            if target["image"] == name
        ]
        tiles.append(overlay(photographs_folder() / entry["file"], masks, side=side))
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * side, rows * side), (24, 24, 24))
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % COLUMNS * side, number // COLUMNS * side))
    return sheet


def main(arguments: list[str]) -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description="Draw the built-in masks over their photographs.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=640, help="Pixels of the longer side of each photograph.")
    options = parser.parse_args(arguments)
    contact_sheet(options.side).save(options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
