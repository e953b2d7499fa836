"""All photographs, masks and depth maps that lie beside the checkout, where there are any."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image as PillowImage
from pycocotools import mask as coco_mask

from engine.contracts.point_maps import unpack_point_map
from engine.sourcing import services
from engine.sourcing.models import Image, PointMap, TargetObject
from engine.storage.services import read_blob

SHARED = Path(os.environ.get("LATHE_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not (SHARED / "real_images").is_dir(), reason="needs ../shared/data or LATHE_SHARED_DATA"),
]


def run(command: str, *arguments: str, report: Path) -> dict:
    call_command(command, *arguments, "--report", str(report), stdout=io.StringIO(), verbosity=0)
    found: dict = json.loads(report.read_text())
    return found


def test_every_shared_photograph_and_mask_comes_in_once(tmp_path: Path) -> None:
    masks = len(list((SHARED / "real_images").glob("*/mask_*.png")))
    first = run("import_folder", str(SHARED / "real_images"), report=tmp_path / "first.json")
    assert first["refusals"] == []
    assert (first["images_registered"], first["targets_registered"]) == (Image.objects.count(), masks)
    assert not TargetObject.objects.filter(category="").exists()

    again = run("import_folder", str(SHARED / "real_images"), report=tmp_path / "again.json")
    assert (again["images_registered"], again["targets_registered"], again["targets_known"]) == (0, 0, masks)


def test_the_same_masks_as_coco_run_lengths_have_the_same_areas(tmp_path: Path) -> None:
    folders = sorted(path.parent for path in (SHARED / "real_images").glob("coco_*/image.jpg"))[:5]
    content: dict[str, list] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "thing"}]}
    areas = []
    for number, folder in enumerate(folders, start=1):
        with PillowImage.open(folder / "image.jpg") as image:
            content["images"].append(
                {"id": number, "file_name": f"{folder.name}/image.jpg", "width": image.width, "height": image.height}
            )
        for path in sorted(folder.glob("mask_*.png")):
            mask = np.asarray(PillowImage.open(path)) > 127
            runs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
            areas.append(int(mask.sum()))
            content["annotations"].append(
                {
                    "id": len(areas),
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": {"size": runs["size"], "counts": runs["counts"].decode()},
                }
            )
    (tmp_path / "some.json").write_text(json.dumps(content))
    report = run(
        "import_coco", str(tmp_path / "some.json"), "--images", str(SHARED / "real_images"), report=tmp_path / "r.json"
    )
    assert report["refusals"] == []
    found = TargetObject.objects.values_list("mask_area_px", flat=True)
    assert sorted(found) == sorted(areas)


def test_measured_depth_becomes_metric_point_maps(tmp_path: Path) -> None:
    if not (SHARED / "rgbd").is_dir():
        pytest.skip("no depth maps there")
    report = run("import_folder", str(SHARED / "rgbd"), report=tmp_path / "r.json")
    assert report["refusals"] == []
    for point_map in PointMap.objects.select_related("blob", "image"):
        points = unpack_point_map(read_blob(blob=point_map.blob))
        depth = points[..., 2][np.isfinite(points[..., 2])]
        assert 0.2 < np.median(depth) < 10  # metres, indoors
        assert services.intrinsics_of(point_map).width == points.shape[1]
