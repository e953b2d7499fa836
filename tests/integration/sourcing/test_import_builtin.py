"""The built-in photographs come in whole, ready, and only once."""

import io
import json

import numpy as np
import pytest
from django.core.management import call_command

from engine.contracts.point_maps import unpack_point_map
from engine.contracts.targets import PointMapScale, PointMapSource
from engine.contracts.taxonomy import find_category
from engine.lifecycle import State
from engine.sourcing import services
from engine.sourcing.importers import builtin
from engine.sourcing.models import Image, MaskTask, PointMap, TargetObject
from engine.storage.services import read_blob
from tests.integration.sourcing.photographs import photograph

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("import_builtin", *arguments, stdout=out, verbosity=0)
    return out.getvalue()


def test_every_built_in_target_is_ready_for_generation() -> None:
    assert "refused: 0" in run()

    assert TargetObject.objects.count() >= 14
    assert set(TargetObject.objects.values_list("state", flat=True)) == {State.READY}
    assert not TargetObject.objects.filter(description="").exists()
    assert not TargetObject.objects.filter(category="").exists()
    assert not MaskTask.objects.exists()


def test_a_second_import_finds_everything_known() -> None:
    run("--limit", "4")
    before = (Image.objects.count(), TargetObject.objects.count(), PointMap.objects.count())

    assert "0 new, 3 known; targets: 0 new, 4 known; point maps: 0 new" in run("--limit", "4")
    assert (Image.objects.count(), TargetObject.objects.count(), PointMap.objects.count()) == before

    run("--limit", "6")
    assert TargetObject.objects.count() == 6


def test_the_stereo_pair_brings_a_true_metric_point_map(tmp_path) -> None:
    run("--limit", "2", "--report", str(tmp_path / "report.json"))

    point_map = PointMap.objects.get()
    assert (point_map.scale, point_map.source) == (PointMapScale.METRIC, PointMapSource.GIVEN)
    assert point_map.image.source == "builtin/motorcycle"
    depth_m = unpack_point_map(read_blob(blob=point_map.blob))[..., 2]
    assert 2.0 < np.nanmin(depth_m) < np.nanmax(depth_m) < 5.5
    # The tank stands about one and a half metres before the shelf.
    assert depth_m[200, 420] == pytest.approx(2.27, abs=0.05)
    assert depth_m[230, 650] == pytest.approx(3.67, abs=0.05)
    assert json.loads((tmp_path / "report.json").read_text())["point_maps_registered"] == 1


def test_the_target_that_workers_get_carries_image_mask_and_point_map() -> None:
    run("--limit", "2")
    target = TargetObject.objects.get(source="motorcycle")

    found = services.target_input(target_id=target.id)

    assert found.category == "motorcycle"
    assert (found.mask.height, found.mask.width) == (500, 741)
    assert found.mask.area_px == target.mask_area_px
    assert found.point_map is not None
    assert found.point_map.intrinsics.fx == pytest.approx(994.978)
    assert found.image.sha256 == target.image.blob_id


def test_masks_are_not_put_on_another_photograph_than_they_were_drawn_on(monkeypatch, tmp_path) -> None:
    for name in ("coffee.png", "motorcycle_left.png"):
        (tmp_path / name).write_bytes(photograph())
    monkeypatch.setattr(builtin, "_photographs", lambda: tmp_path)
    out = run("--limit", "2")
    assert "refused: 2" in out
    assert "ships another coffee.png than the one the masks were drawn on" in out
    assert not Image.objects.exists()


def test_every_mask_of_the_catalogue_fits_its_photograph_and_is_used() -> None:
    catalogue = json.loads((builtin.FOLDER / "catalogue.json").read_text())
    used = {target["mask"] for target in catalogue["targets"]}
    assert used == {path.stem for path in (builtin.FOLDER / "masks").glob("*.png")}
    assert {target["image"] for target in catalogue["targets"]} == set(catalogue["images"])
    assert all(find_category(target["category"]) for target in catalogue["targets"])
