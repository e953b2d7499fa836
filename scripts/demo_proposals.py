"""Proposals for Stage 1 of the demo, as a segmenter hands them in: good, ragged, and of no single object.

They are made of built-in photographs and masks that the demo does not import as verified, in the folder layout that
`manage.py import_folder` reads. The same folder comes out each time.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

import engine.sourcing

BUILTIN = Path(engine.sourcing.__file__).parent / "builtin"
PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
RAGGED_SHARE = 0.03  # of all pixels near the object flip

# (photograph, mask, how it is handed in), the most telling first.
PROPOSALS = (
    ("cat", "cat", "ragged"),
    ("cameraman", "cameraman_camcorder", "with another object"),
    ("cameraman", "cameraman_camcorder", "good"),
    ("cameraman", "cameraman_tripod", "good"),
)


def write_proposals(folder: Path, *, count: int) -> int:
    """Write the first `count` proposals; returns how many there are."""
    shutil.rmtree(folder, ignore_errors=True)
    catalogue = json.loads((BUILTIN / "catalogue.json").read_text(encoding="utf-8"))
    category_of = {entry["mask"]: entry["category"] for entry in catalogue["targets"]}
    chosen = PROPOSALS[:count]
    for number, (photograph, mask, handed_in) in enumerate(chosen):
        scene = folder / photograph
        scene.mkdir(parents=True, exist_ok=True)
        file = PHOTOGRAPHS / catalogue["images"][photograph]["file"]
        shutil.copyfile(file, scene / f"image{file.suffix}")
        pixels = _handed_in(_mask(mask), handed_in)
        Image.fromarray(pixels.astype(np.uint8) * 255).save(scene / f"mask_{number:02d}_{category_of[mask]}.png")
    return len(chosen)


def _handed_in(mask: NDArray[np.bool_], how: str) -> NDArray[np.bool_]:
    rows, columns = np.nonzero(mask)
    box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    changed = mask.copy()
    if how == "ragged":
        flips = np.random.default_rng(7).random(mask[box].shape) < RAGGED_SHARE
        changed[box] ^= flips
    elif how == "with another object":
        # Whatever stands at the other side of the picture, as large.
        changed |= mask[:, ::-1] & ~mask
        changed |= mask[::-1, ::-1] & ~mask
    return changed


def _mask(name: str) -> NDArray[np.bool_]:
    with Image.open(BUILTIN / "masks" / f"{name}.png") as image:
        return np.asarray(image.convert("L")) > 127
