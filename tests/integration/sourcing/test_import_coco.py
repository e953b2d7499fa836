"""COCO and LVIS annotation files."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pycocotools import mask as coco_mask

from engine.contracts.masks import decode_mask
from engine.sourcing.models import Image, TargetObject
from engine.sourcing.services import mask_of
from tests.integration.sourcing.photographs import HEIGHT, WIDTH, photograph, square

pytestmark = pytest.mark.django_db
POLYGON = [20, 10, 36, 10, 36, 26, 20, 26]


def compressed(mask: np.ndarray) -> dict[str, Any]:
    runs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": runs["size"], "counts": runs["counts"].decode()}


def annotation(number: int, image_id: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image_id, "category_id": 47, "iscrowd": 0, "segmentation": [POLYGON]} | fields


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number:012d}.png").write_bytes(photograph(number))
    return folder


def write(path: Path, annotations: list[dict[str, Any]], images: list[dict[str, Any]] | None = None) -> Path:
    listed = images or [
        {"id": number, "file_name": f"{number:012d}.png", "width": WIDTH, "height": HEIGHT, "license": 4}
        for number in (1, 2)
    ]
    # Annotations first: nothing may depend on the order of the file.
    path.write_text(
        json.dumps(
            {
                "annotations": annotations,
                "images": listed,
                "categories": [{"id": 47, "name": "cup"}, {"id": 1, "name": "zyxglorp"}],
                "licenses": [{"id": 4, "name": "Attribution License", "url": "https://example.org/by"}],
            }
        )
    )
    return path


def run(annotations: Path, images: Path, *arguments: str) -> str:
    out = io.StringIO()
    call_command("import_coco", str(annotations), "--images", str(images), *arguments, stdout=out, verbosity=0)
    return out.getvalue()


def test_polygons_and_run_lengths_come_in_alike(tmp_path: Path, images: Path) -> None:
    ring = square()
    ring[14:18, 24:28] = False
    file = write(
        tmp_path / "val.json",
        [
            annotation(1),
            annotation(2, 2, segmentation=compressed(ring)),
            annotation(3, 2, segmentation=[POLYGON, [2, 2, 9, 2, 9, 9, 2, 9]]),
        ],
    )
    assert "images: 2 new, 0 known; targets: 3 new, 0 known; point maps: 0 new; refused: 0" in run(file, images)
    masks = {target.source: decode_mask(mask_of(target)) for target in TargetObject.objects.select_related("image")}
    assert np.array_equal(masks["annotation/1"], square())
    assert np.array_equal(masks["annotation/2"], ring)
    assert masks["annotation/3"].sum() == 256 + 49
    assert set(TargetObject.objects.values_list("category", flat=True)) == {"cup"}
    assert (
        Image.objects.filter(source="val/000000000001.png").get().licence
        == "Attribution License https://example.org/by"
    )


def test_missing_images_crowds_and_damage_are_reported_and_the_rest_comes_in(tmp_path: Path, images: Path) -> None:
    (images / "000000000002.png").unlink()
    file = write(
        tmp_path / "val.json",
        [
            annotation(1),
            annotation(2, iscrowd=1),
            annotation(3, segmentation=[[1, 2, 3]]),
            annotation(4, segmentation={"size": [HEIGHT, WIDTH], "counts": "~"}),
            annotation(5, 2),
            annotation(6, 2),
            annotation(7, 99),
            annotation(8, category_id=1),
            annotation(9, segmentation=None),
        ],
    )
    out = run(file, images, "--report", str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["images_registered"], report["targets_registered"]) == (1, 2)
    reasons = {refusal["item"]: (refusal["code"], refusal["reason"]) for refusal in report["refusals"]}
    first = "val/000000000001.png"
    assert reasons.keys() == {
        "val/000000000002.png",
        f"{first}#annotation/2",
        f"{first}#annotation/3",
        f"{first}#annotation/4",
        f"{first}#annotation/9",
        "val#annotation/7",
    }
    assert reasons["val/000000000002.png"][0] == "image_missing"
    assert "its 2 annotations were left out" in reasons["val/000000000002.png"][1]
    assert reasons[f"{first}#annotation/2"][0] == "crowd"
    assert reasons["val#annotation/7"][0] == "annotation_orphaned"
    assert "zyxglorp" in out
    assert TargetObject.objects.get(source="annotation/8").free_category == "zyxglorp"


def test_run_again_it_continues(tmp_path: Path, images: Path) -> None:
    file = write(tmp_path / "val.json", [annotation(1), annotation(2), annotation(3, 2)])
    run(file, images, "--limit", "1")
    assert "images: 1 new, 1 known; targets: 2 new, 1 known" in run(file, images)


def test_lvis_names_its_images_by_address(tmp_path: Path, images: Path) -> None:
    listed = [
        {
            "id": 1,
            "coco_url": "http://images.example.org/val2017/000000000001.png",
            "width": WIDTH,
            "height": HEIGHT,
            "neg_category_ids": [3, 4],
            "not_exhaustive_category_ids": [],
        }
    ]
    file = write(tmp_path / "lvis.json", [annotation(1)], listed)
    assert "targets: 1 new" in run(file, images)
    assert Image.objects.get().source == "lvis/val2017/000000000001.png"


def test_annotations_of_a_scaled_copy_are_refused(tmp_path: Path, images: Path) -> None:
    listed = [{"id": 1, "file_name": "000000000001.png", "width": 2 * WIDTH, "height": 2 * HEIGHT}]
    assert "are of a 128×96 image, the file is 64×48" in run(
        write(tmp_path / "v.json", [annotation(1)], listed), images
    )


def test_file_names_do_not_reach_outside_the_folder(tmp_path: Path, images: Path) -> None:
    (tmp_path / "secret.png").write_bytes(photograph(8))
    listed = [{"id": 1, "file_name": "../secret.png", "width": WIDTH, "height": HEIGHT}]
    assert "There is no ../secret.png" in run(write(tmp_path / "v.json", [annotation(1)], listed), images)
    assert not Image.objects.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id"', "not a whole COCO"),
        ("no json", "not a whole COCO"),
        ("{}", "lists no images"),
        ('{"images": [{"file_name": "a.png"}]}', "not a whole COCO"),
        ('{"images": [{"id": "one"}]}', "not a whole COCO"),
    ],
)
def test_a_file_of_another_kind_is_an_error(tmp_path: Path, images: Path, content: str, reason: str) -> None:
    (tmp_path / "val.json").write_text(content)
    with pytest.raises(CommandError, match=reason):
        run(tmp_path / "val.json", images)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, images: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        run(tmp_path / "nowhere.json", images)
