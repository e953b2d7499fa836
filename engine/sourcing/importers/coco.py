"""COCO and LVIS annotation files, however large: streamed once into a temporary index, then read image by image."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import ijson
import numpy as np
from numpy.typing import NDArray

from engine.errors import Unprocessable
from engine.sourcing.importers.files import ImageMissing, read_limited, source_name
from engine.sourcing.importers.intake import FoundCollection, FoundImage, FoundMask
from engine.sourcing.masks import MaskRefused, read_coco_segmentation
from engine.sourcing.models import Image

SCHEMA = """
CREATE TABLE image (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE annotation (image_id INTEGER NOT NULL, id INTEGER NOT NULL, record TEXT NOT NULL);
"""
BATCH = 1000


class AnnotationsRefused(Unprocessable):
    """The file is no COCO or LVIS annotation file."""

    code = "annotations_refused"


class CrowdRefused(MaskRefused):
    """The annotation marks a crowd (`iscrowd`): several objects, none of them indexed."""

    code = "crowd"


class AnnotationOrphaned(Unprocessable):
    """The annotation belongs to an image that the file does not list."""

    code = "annotation_orphaned"


class AnnotationIndex:
    """The annotations of one file, by image, on disk: memory does not grow with the file."""

    def __init__(self, database: sqlite3.Connection, *, categories: dict[int, str], licences: dict[int, str]) -> None:
        self._database = database
        self.categories = categories
        self.licences = licences

    @property
    def image_count(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM image").fetchone()[0])

    def orphans(self) -> Iterator[tuple[int, int]]:
        """(annotation id, image id) of annotations whose image is not listed."""
        yield from self._database.execute(
            "SELECT id, image_id FROM annotation WHERE image_id NOT IN (SELECT id FROM image) ORDER BY id"
        )

    def images(self) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Each image with its annotations, in the order of ids."""
        for image_id, record in self._database.execute("SELECT id, record FROM image ORDER BY id"):
            rows = self._database.execute("SELECT record FROM annotation WHERE image_id = ? ORDER BY id", (image_id,))
            yield json.loads(record), [json.loads(row) for (row,) in rows]


@contextmanager
def open_annotations(path: Path) -> Iterator[AnnotationIndex]:
    """Index an annotation file in a temporary database.

    Raises:
        AnnotationsRefused: not JSON, cut short, or without images.
    """
    with (
        TemporaryDirectory(prefix="annotations-") as folder,
        closing(sqlite3.connect(f"{folder}/index.db")) as database,
    ):
        database.executescript(SCHEMA)
        try:
            categories = {int(entry["id"]): str(entry["name"]) for entry in _entries(path, "categories")}
            licences = {int(entry["id"]): _licence(entry) for entry in _entries(path, "licenses") if "id" in entry}
            _fill(database, "INSERT OR IGNORE INTO image VALUES (?, ?)", path, "images", lambda entry: (entry["id"],))
            _fill(
                database,
                "INSERT INTO annotation VALUES (?, ?, ?)",
                path,
                "annotations",
                lambda entry: (entry["image_id"], entry["id"]),
            )
        except (ijson.JSONError, UnicodeDecodeError, KeyError, TypeError, ValueError, sqlite3.Error) as error:
            raise AnnotationsRefused(
                f"{path} is not a whole COCO or LVIS annotation file: {error!r}.",
                what_to_do="It needs `images`, `annotations` and `categories`, each entry with an id. Get it again.",
            ) from error
        database.execute("CREATE INDEX annotation_by_image ON annotation (image_id, id)")
        index = AnnotationIndex(database, categories=categories, licences=licences)
        if not index.image_count:
            raise AnnotationsRefused(f"{path} lists no images.")
        yield index


@contextmanager
def find_in_coco(annotations: Path, *, images: Path, name: str) -> Iterator[FoundCollection]:
    """The images of an annotation file with their objects; `images` is the folder that file names are relative to.

    Raises:
        AnnotationsRefused: not JSON, cut short, or without images.
    """
    with open_annotations(annotations) as index:
        yield FoundCollection(
            images=_found(index, images=images, name=name),
            image_count=index.image_count,
            problems=tuple(
                (f"{name}#annotation/{number}", AnnotationOrphaned(f"Its image {image_id} is not listed in the file."))
                for number, image_id in index.orphans()
            ),
        )


def _found(index: AnnotationIndex, *, images: Path, name: str) -> Iterator[FoundImage]:
    for record, annotations in index.images():
        yield FoundImage(
            source=source_name(name, _file_name(record)),
            read=partial(_read_photograph, images, record, count=len(annotations)),
            masks=tuple(_mask(annotation, record=record, index=index) for annotation in annotations),
            licence=index.licences.get(record.get("license", 0), ""),
        )


def _entries(path: Path, key: str) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        yield from ijson.items(file, f"{key}.item", use_float=True)


def _fill(
    database: sqlite3.Connection,
    statement: str,
    path: Path,
    key: str,
    ids: Callable[[dict[str, Any]], tuple[int, ...]],
) -> None:
    rows = ((*ids(entry), json.dumps(entry)) for entry in _entries(path, key))
    while batch := list(islice(rows, BATCH)):
        database.executemany(statement, batch)
    database.commit()


def _licence(entry: dict[str, Any]) -> str:
    return f"{entry.get('name', '')} {entry.get('url', '')}".strip()[:200]


def _file_name(record: dict[str, Any]) -> str:
    """COCO names the file; LVIS gives its address, of which split and file name count."""
    if record.get("file_name"):
        return str(record["file_name"])
    return "/".join(urlsplit(str(record.get("coco_url", record["id"]))).path.strip("/").split("/")[-2:])


def _read_photograph(images: Path, record: dict[str, Any], *, count: int) -> bytes:
    name = _file_name(record)
    root = images.resolve()
    for candidate in (root / name, root / Path(name).name):
        path = candidate.resolve()
        if path.is_relative_to(root) and path.is_file():
            return read_limited(path)
    raise ImageMissing(
        f"There is no {name} in {images}; its {count} annotation{'s were' if count != 1 else ' was'} left out.",
        what_to_do="Give the folder that holds the images by --images, then import again.",
    )


def _mask(annotation: dict[str, Any], *, record: dict[str, Any], index: AnnotationIndex) -> FoundMask:
    category_id = int(annotation.get("category_id", 0))
    return FoundMask(
        source=f"annotation/{annotation['id']}",
        read=partial(_read_segmentation, annotation, record),
        category=index.categories.get(category_id, f"category {category_id}" if category_id else ""),
    )


def _read_segmentation(annotation: dict[str, Any], record: dict[str, Any], image: Image) -> NDArray[np.bool_]:
    if annotation.get("iscrowd"):
        raise CrowdRefused("The annotation marks a crowd, not one object.")
    expected = (record.get("width", image.width_px), record.get("height", image.height_px))
    if expected != (image.width_px, image.height_px):
        raise MaskRefused(
            f"The annotations are of a {expected[0]}×{expected[1]} image, "
            f"the file is {image.width_px}×{image.height_px}.",
            what_to_do="Use the images that were annotated, not scaled or rotated copies.",
        )
    return read_coco_segmentation(annotation.get("segmentation"), width_px=image.width_px, height_px=image.height_px)
