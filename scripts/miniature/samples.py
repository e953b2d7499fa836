"""What the first and the last model of a flywheel made, as meshes beside the truth, and as a picture.

    python -m scripts.miniature.samples runs/miniature --to samples
    python -m training_loop evaluate --predictions samples/last --ground-truth samples/truth --no-icp --points 100000 \\
        --emd-cells 256

The second command gives the figures of the report anew.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.contracts.cameras import Intrinsics
from training_loop.rendering import render
from training_loop.shape_bank import RESOLUTION
from training_loop.surface import EmptySurface, mesh_from_logits
from training_loop.synthetic import look_at_object

FILE = "samples.npz"
TILE_PX, GAP_PX, TITLE_PX, SHEET_ROWS = 96, 16, 24, 12
# Logits as whole fifteenths, at most 8: what is measured is what is kept.
LOGIT_LIMIT, LOGIT_STEPS = 8.0, 15


def whole_steps(logits: NDArray[np.float32]) -> NDArray[np.int8]:
    """Logits as they are kept."""
    return np.round(np.clip(logits, -LOGIT_LIMIT, LOGIT_LIMIT) * LOGIT_STEPS).astype(np.int8)


def logits_of(steps: NDArray[np.int8]) -> NDArray[np.float32]:
    """The inverse of `whole_steps`."""
    return np.divide(steps, LOGIT_STEPS, dtype=np.float32)


@dataclass(frozen=True)
class Samples:
    """What two stages made of T targets: logits (T, R, R, R) in whole steps; true cells; the crop that the model saw,
    (T, 4, P, P) uint8; and the measured set of each.
    """

    first: NDArray[np.int8]
    last: NDArray[np.int8]
    truth: NDArray[np.bool_]
    crop: NDArray[np.uint8]
    split: NDArray[np.str_]

    def save(self, path: Path) -> None:
        """Write compressed."""
        truth = np.packbits(self.truth.reshape(len(self.truth), -1), axis=1)
        np.savez_compressed(path, **(vars(self) | {"truth": truth}))

    @staticmethod
    def load(path: Path) -> "Samples":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            cells = np.unpackbits(kept["truth"], axis=1).astype(bool).reshape(-1, *(RESOLUTION,) * 3)
            return Samples(kept["first"], kept["last"], cells, kept["crop"], kept["split"])


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, write meshes and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="folder of a report")
    parser.add_argument("--to", type=Path, required=True, help="folder for meshes and sheet.png")
    options = parser.parse_args(argv)
    samples = Samples.load(options.report / FILE)
    solid = np.where(samples.truth, LOGIT_STEPS, -LOGIT_STEPS).astype(np.int8)
    rows = dict[str, list[NDArray[np.uint8]]]()
    for index, split in enumerate(samples.split):
        row = [_crop(samples.crop[index])]
        for name, logits in (("first", samples.first), ("last", samples.last), ("truth", solid)):
            folder = options.to / name
            folder.mkdir(parents=True, exist_ok=True)
            try:
                mesh = mesh_from_logits(logits_of(logits[index]))
            except EmptySurface:
                row.append(np.full((TILE_PX, TILE_PX, 3), 255, np.uint8))
                continue
            mesh.export(folder / f"{split}_{index:03}.ply")
            row.append(_seen(mesh))
        rows.setdefault(str(split), []).append(np.concatenate(row, axis=1))
    sheet(rows).save(options.to / "sheet.png", optimize=True)
    print(f"{len(samples.split)} targets in {options.to}: picture, first model, last model, truth")
    return 0


def sheet(rows: dict[str, list[NDArray[np.uint8]]]) -> Image.Image:
    """The first rows of every set, a column for each."""
    count = min(SHEET_ROWS, max(map(len, rows.values())))
    width = max(row.shape[1] for found in rows.values() for row in found)
    picture = Image.new("RGB", (len(rows) * (width + GAP_PX) - GAP_PX, TITLE_PX + count * TILE_PX), "white")
    draw = ImageDraw.Draw(picture)
    for column, (name, found) in enumerate(rows.items()):
        left = column * (width + GAP_PX)
        draw.text((left + 4, 6), f"{name}: picture, first model, last model, truth", fill="black")
        for number, row in enumerate(found[:count]):
            picture.paste(Image.fromarray(row), (left, TITLE_PX + number * TILE_PX))
    return picture


def _crop(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colour = np.where(crop[3:] > 127, crop[:3], crop[:3] // 3)
    return np.asarray(Image.fromarray(colour.transpose(1, 2, 0)).resize((TILE_PX, TILE_PX)))


def _seen(mesh: trimesh.Trimesh) -> NDArray[np.uint8]:
    half, focal = TILE_PX / 2, 1.4 * TILE_PX
    camera = Intrinsics(fx=focal, fy=focal, cx=half, cy=half, width=TILE_PX, height=TILE_PX)
    pose = look_at_object(azimuth_degrees=30, elevation_degrees=20, distance=2.0)
    return render(mesh, pose, camera).over(np.full((TILE_PX, TILE_PX, 3), 235, np.uint8))


if __name__ == "__main__":
    sys.exit(main())
