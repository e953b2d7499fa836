"""A folder for each photograph: `image.*` with one mask file for each object.

desk/image.jpg                 or color.*
desk/0.png  desk/1.png         numbered masks, RGBA cut-outs too (the layout of SAM 3D's sample images)
desk/mask_02_coffee_cup.png    or with the category in the name
desk/depth.png camera.json     optional point map, in any form that `point_map_files` reads
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import Unprocessable
from engine.sourcing.importers.files import ImageMissing, read_limited, source_name
from engine.sourcing.importers.intake import FoundImage, FoundMask, FoundPointMap
from engine.sourcing.importers.point_map_files import find_point_map_file, read_point_map_file
from engine.sourcing.masks import read_mask_image
from engine.sourcing.models import Image

IMAGE_NAMES = ("image", "color")
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
MASK_NAME = re.compile(r"(?:mask[_-]?)?(?P<number>\d+)(?:[_-](?P<category>.+))?", re.IGNORECASE)


class FolderRefused(Unprocessable):
    """The folder is not of this layout."""

    code = "folder_refused"


def find_in_folder(root: Path, *, name: str) -> Iterator[FoundImage]:
    """Each folder under `root`, itself included, that holds a photograph or masks, in the order of their paths.

    Raises:
        FolderRefused: there is no such folder.
    """
    if not root.is_dir():
        raise FolderRefused(f"There is no folder {root}.")
    for folder in [root, *sorted(path for path in root.rglob("*") if path.is_dir())]:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        photographs = [file for file in files if _is_photograph(file)]
        masks = [file for file in files if file not in photographs and _is_mask(file)]
        if photographs or masks:
            yield _found(
                folder, name=source_name(name, *folder.relative_to(root).parts), images=photographs, masks=masks
            )


def _found(folder: Path, *, name: str, images: list[Path], masks: list[Path]) -> FoundImage:
    point_map = find_point_map_file(folder)
    return FoundImage(
        source=name,
        read=partial(_read_photograph, folder, images),
        masks=tuple(_mask(file) for file in sorted(masks, key=_number)),
        point_map=partial(_read_point_map, point_map) if point_map else None,
    )


def _is_photograph(file: Path) -> bool:
    return file.stem.lower() in IMAGE_NAMES and file.suffix.lower() in IMAGE_SUFFIXES


def _is_mask(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES and MASK_NAME.fullmatch(file.stem) is not None


def _number(file: Path) -> tuple[int, str]:
    match = MASK_NAME.fullmatch(file.stem)
    return (int(match["number"]) if match else 0, file.name)


def _mask(file: Path) -> FoundMask:
    match = MASK_NAME.fullmatch(file.stem)
    return FoundMask(
        source=source_name(file.name),
        read=partial(_read_mask, file),
        category=(match["category"] or "").replace("_", " ") if match else "",
    )


def _read_photograph(folder: Path, images: list[Path]) -> bytes:
    if not images:
        raise ImageMissing(f"{folder} holds masks but no image.*.", what_to_do="Put the photograph beside its masks.")
    if len(images) > 1:
        raise FolderRefused(
            f"{folder} holds {len(images)} photographs: {', '.join(image.name for image in images)}.",
            what_to_do="Leave one image.* in each folder.",
        )
    return read_limited(images[0])


def _read_mask(file: Path, image: Image) -> NDArray[np.bool_]:
    return read_mask_image(read_limited(file))


def _read_point_map(file: Path, image: Image) -> FoundPointMap:
    return read_point_map_file(file, width_px=image.width_px, height_px=image.height_px)
