"""The taxonomy is sound and finds what other vocabularies call things."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.contracts.taxonomy import Complexity, categories, find_category, groups, near_matches

SHARED_MANIFEST = Path(__file__).resolve().parents[4] / "shared" / "data" / "MANIFEST.json"
COCO = """
person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant stop_sign parking_meter bench
bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella handbag tie suitcase frisbee skis snowboard
sports_ball kite baseball_bat baseball_glove skateboard surfboard tennis_racket bottle wine_glass cup fork knife spoon
bowl banana apple sandwich orange broccoli carrot hot_dog pizza donut cake chair couch potted_plant bed dining_table
toilet tv laptop mouse remote keyboard cell_phone microwave oven toaster sink refrigerator book clock vase scissors
teddy_bear hair_drier toothbrush
"""


def test_data_is_sorted_and_ids_are_unique_snake_case() -> None:
    ids = [category.id for category in categories()]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", identifier) for identifier in ids)
    for category in categories():
        assert list(category.synonyms) == sorted(set(category.synonyms)), category.id
        assert all(synonym == synonym.lower().strip() for synonym in category.synonyms), category.id
        assert category.name
        assert category.name[0].isupper()


def test_there_are_enough_leaves_in_balanced_groups() -> None:
    assert 150 <= len(categories()) <= 400
    sizes = {group: sum(category.group == group for category in categories()) for group in groups()}
    assert len(sizes) >= 15
    assert min(sizes.values()) >= 3
    tiers = [category.complexity for category in categories()]
    assert all(tiers.count(tier) >= 30 for tier in Complexity)


def test_no_name_means_two_leaves() -> None:
    owner: dict[str, str] = {}
    for category in categories():
        for name in {category.id.replace("_", " "), category.name.lower(), *category.synonyms}:
            assert owner.setdefault(name, category.id) == category.id, name


def test_every_leaf_is_found_by_each_of_its_names() -> None:
    for category in categories():
        for name in (category.id, category.name, *category.synonyms):
            assert find_category(name) == category, name


@pytest.mark.parametrize("name", COCO.split())
def test_coco_names_map_onto_leaves(name: str) -> None:
    assert find_category(name) is not None


@pytest.mark.parametrize(
    ("name", "leaf"),
    [
        ("Dining Table", "table"),
        ("WINE-GLASSES", "wine_glass"),
        ("knives", "knife"),
        ("loaves", "bread"),
        ("women", "person"),
        ("cherries", "cherry"),
        ("car_(automobile)", "car"),
        ("speaker_(stero_equipment)", "speaker"),
        ("mouse_(computer_equipment)", "computer_mouse"),
        ("octopus_(food)", "octopus"),
        ("dalmatian", "dog"),
        ("shepherd_dog", "dog"),
        ("025_mug", "mug"),
        ("couch", "sofa"),
        ("tvs", "monitor"),
        ("scissors", "scissors"),
    ],
)
def test_spellings_find_their_leaf(name: str, leaf: str) -> None:
    found = find_category(name)
    assert found is not None
    assert found.id == leaf


@pytest.mark.parametrize("name", ["", "   ", "()", "flux capacitor", "s", "42"])
def test_unknown_names_find_nothing(name: str) -> None:
    assert find_category(name) is None


def test_near_matches_come_best_first_and_once() -> None:
    assert near_matches("moter cycle")[0].id == "motorcycle"
    assert near_matches("refridgerator")[0].id == "refrigerator"
    found = near_matches("table", limit=3)
    assert len(found) <= 3
    assert len({category.id for category in found}) == len(found)
    assert near_matches("qqqqqq") == ()


def test_loading_is_fast_and_needs_nothing_heavy() -> None:
    code = (
        "import sys, time; started = time.process_time()\n"
        "from engine.contracts.taxonomy import find_category\n"
        "find_category('mug'); print((time.process_time() - started) * 1000)\n"
        "assert not {'torch', 'django', 'trimesh'} & set(sys.modules)"
    )
    milliseconds = float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
    assert milliseconds < 60


@pytest.mark.skipif(not SHARED_MANIFEST.exists(), reason="the shared sample data is not here")
def test_names_of_the_sample_data_map_onto_leaves() -> None:
    names = set()
    for entry in json.loads(SHARED_MANIFEST.read_text())["files"]:
        stem = Path(entry["file"]).stem
        if entry["kind"] == "mask" and entry["file"].startswith("real_images/"):
            names.add(re.sub(r"mask_\d+_", "", stem))
        elif entry["file"].startswith("meshes/"):
            names.add(stem.split("__")[0])
    assert names
    assert {name for name in names if find_category(name) is None} == set()
