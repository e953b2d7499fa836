"""Folders with a photograph and numbered masks."""

import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from engine.lifecycle import State
from engine.sourcing import services
from engine.sourcing.models import Image, MaskTask, PointMap, TargetObject
from tests.integration.sourcing.photographs import HEIGHT, WIDTH, photograph, png, square

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "rooms"
    write(folder / "desk" / "image.png", photograph(1))
    write(folder / "desk" / "0.png", png(square() * np.uint8(255)))
    cut_out = np.dstack([np.full((HEIGHT, WIDTH, 3), 90, np.uint8), square(left=40) * np.uint8(255)])
    write(folder / "desk" / "10.png", png(cut_out))
    write(folder / "desk" / "2.png", png(square(left=4) * np.uint8(1)))
    write(folder / "kitchen" / "image.jpg", photograph(2))
    write(folder / "kitchen" / "mask_00_dining_table.png", png(square()))
    return folder


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def run(folder: Path, *arguments: str) -> str:
    out = io.StringIO()
    call_command("import_folder", str(folder), *arguments, stdout=out, verbosity=0)
    return out.getvalue()


def test_each_folder_gives_a_photograph_with_its_objects(collection: Path) -> None:
    assert "images: 2 new, 0 known; targets: 4 new, 0 known" in run(collection)
    assert set(Image.objects.values_list("source", flat=True)) == {"rooms/desk", "rooms/kitchen"}
    found = TargetObject.objects.filter(image__source="rooms/desk").order_by("created_at")
    assert list(found.values_list("source", flat=True)) == ["0.png", "2.png", "10.png"]
    assert set(found.values_list("mask_area_px", flat=True)) == {256}
    assert TargetObject.objects.get(image__source="rooms/kitchen").category == "table"
    assert set(TargetObject.objects.values_list("state", flat=True)) == {State.PROPOSED}


def test_verified_masks_need_no_person(collection: Path) -> None:
    run(collection, "--verified")
    assert set(TargetObject.objects.values_list("state", flat=True)) == {State.READY}


def test_an_interrupted_import_goes_on_where_it_stopped(collection: Path) -> None:
    run(collection, "--limit", "2")
    assert TargetObject.objects.count() == 2
    write(collection / "desk" / "3.png", png(square(top=30)))
    assert "images: 1 new, 1 known; targets: 3 new, 2 known" in run(collection)
    assert TargetObject.objects.count() == 5


def test_an_import_that_is_killed_half_way_loses_nothing_and_repeats_nothing(
    collection: Path, tmp_path: Path, monkeypatch
) -> None:
    register, calls = services.register_target, itertools.count(1)

    def interrupted(**arguments: Any) -> TargetObject:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return register(**arguments)

    monkeypatch.setattr(services, "register_target", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(collection, "--report", str(tmp_path / "report.json"))
    assert json.loads((tmp_path / "report.json").read_text())["targets_registered"] == 2
    monkeypatch.undo()
    assert "images: 1 new, 1 known; targets: 2 new, 2 known" in run(collection)
    assert TargetObject.objects.count() == MaskTask.objects.count() == 4


def test_one_folder_alone_can_be_given(collection: Path) -> None:
    assert "images: 1 new" in run(collection / "desk", "--name", "mine")
    assert Image.objects.get().source == "mine"


def test_each_refused_item_is_reported_with_its_reason_and_the_rest_comes_in(collection: Path, tmp_path: Path) -> None:
    write(collection / "desk" / "4.png", png(square(width=50)))
    write(collection / "desk" / "5.png", png(np.zeros((HEIGHT, WIDTH), np.uint8)))
    write(collection / "desk" / "6.png", b"torn")
    write(collection / "desk" / "7_zyxglorp.png", png(square()))
    write(collection / "cut" / "image.png", photograph(3)[:300])
    write(collection / "cut" / "0.png", png(square()))
    write(collection / "lone" / "0.png", png(square()))

    out = run(collection, "--report", str(tmp_path / "report.json"))

    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["images_registered"], report["targets_registered"]) == (2, 5)
    refused = {refusal["item"]: refusal for refusal in report["refusals"]}
    assert refused.keys() == {
        "rooms/desk#4.png",
        "rooms/desk#5.png",
        "rooms/desk#6.png",
        "rooms/cut",
        "rooms/lone",
    }
    assert "is 50×48, its image 64×48" in refused["rooms/desk#4.png"]["reason"]
    assert refused["rooms/desk#5.png"]["reason"] == "The mask is empty."
    assert refused["rooms/lone"]["code"] == "image_missing"
    assert all(refusal["reason"] in out for refusal in refused.values())
    (note,) = report["notes"]
    assert (note["item"], "zyxglorp" in note["text"]) == ("rooms/desk#7_zyxglorp.png", True)


def test_a_refusal_fails_the_command_only_if_asked(collection: Path) -> None:
    write(collection / "desk" / "4.png", png(square(width=50)))
    with pytest.raises(CommandError, match="1 items were refused"):
        run(collection, "--strict")
    assert TargetObject.objects.count() == 4


def test_depth_beside_the_photograph_becomes_its_point_map(collection: Path) -> None:
    write(collection / "desk" / "depth.png", png(np.full((HEIGHT, WIDTH), 1500, np.uint16)))
    camera = {"K": [[50, 0, WIDTH / 2], [0, 50, HEIGHT / 2], [0, 0, 1]], "depth_scale": 1000}
    write(collection / "desk" / "camera.json", json.dumps(camera).encode())
    assert "point maps: 1 new; refused: 0" in run(collection)
    point_map = PointMap.objects.get()
    assert (point_map.scale, point_map.source, point_map.valid_share) == ("metric", "given", 1.0)
    assert (point_map.cx, point_map.cy) == (WIDTH / 2 + 0.5, HEIGHT / 2 + 0.5)

    write(collection / "kitchen" / "depth.png", png(np.full((HEIGHT, WIDTH), 1500, np.uint16)))
    write(collection / "kitchen" / "camera.json", b"{}")
    assert "point maps: 0 new; refused: 1" in run(collection)


def test_masks_of_a_near_duplicate_are_left_out(collection: Path, settings: Settings) -> None:
    settings.LATHE_SCREENING = settings.LATHE_SCREENING | {"near_duplicate_bits": 6}
    write(collection / "twin" / "image.png", photograph(1, height=96, width=128))
    assert "refused rooms/twin: refused by the filters: near duplicate" in run(collection)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder"):
        run(tmp_path / "nowhere")
