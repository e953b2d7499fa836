"""Every category gives sound, distinct, reproducible objects."""

import functools
import hashlib
import io
import subprocess
import sys
import time

import numpy as np
import pytest
import trimesh

from engine.contracts.taxonomy import find_category
from training_loop.shape_library import (
    CATEGORIES,
    Choice,
    Count,
    Flag,
    InvalidParameterError,
    Range,
    UnknownCategoryError,
    build_shape,
    describe,
)
from training_loop.shape_library.parameters import compose_description
from training_loop.shape_library.parts import Part, assemble, box, ellipsoid, extrude, lathe, rod, tube
from training_loop.shape_library.registry import ShapeInstance, shape
from training_loop.voxels import voxelise

SEEDS = (0, 1, 2, 3, 4)


@functools.lru_cache(maxsize=8)
def drawn(category: str, seed: int) -> ShapeInstance:
    """As it is drawn, for several looks at it."""
    return build_shape(category, seed)


def digest(category: str, seed: int) -> str:
    mesh = drawn(category, seed).mesh
    parts = np.asarray(mesh.vertices).round(9), np.asarray(mesh.faces), mesh.visual.vertex_colors
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_the_library_covers_everyday_life() -> None:
    assert len(CATEGORIES) >= 60
    assert set(CATEGORIES) >= {"mug", "bottle", "chair", "table", "lamp", "sofa", "car", "motorcycle", "rocket", "cat"}
    assert list(CATEGORIES) == sorted(CATEGORIES)
    assert {describe(name).complexity for name in CATEGORIES} == {"simple", "structured", "deformable"}


@pytest.mark.parametrize("category", CATEGORIES)
def test_meshes_are_watertight_coloured_and_fitted(category: str) -> None:
    for seed in SEEDS:
        instance = build_shape(category, seed)
        mesh = instance.mesh
        assert mesh.is_watertight, seed
        assert mesh.is_winding_consistent, seed
        assert mesh.volume > 0, seed
        assert len(mesh.faces) <= 20_000, seed
        assert np.abs(mesh.bounds).max() == pytest.approx(0.5)
        assert mesh.bounds.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
        assert mesh.visual.vertex_colors.shape == (len(mesh.vertices), 4)
        assert 0.002 < voxelise(mesh, 64).mean() < 0.9, seed


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_part_is_closed_and_wound_outwards(category: str) -> None:
    entry = describe(category)
    for seed in SEEDS[:2]:
        for part in entry.builder(**build_shape(category, seed).parameters):
            mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
            assert mesh.is_watertight
            assert mesh.is_winding_consistent
            assert mesh.volume > 0


@pytest.mark.parametrize("category", CATEGORIES)
def test_seeds_make_distinct_instances_with_descriptions(category: str) -> None:
    instances = [drawn(category, seed) for seed in range(6)]
    assert len({digest(category, seed) for seed in range(6)}) == 6
    for instance in instances:
        assert instance.description.startswith(("a ", "an "))
        assert "  " not in instance.description
        assert "_" not in instance.description
        assert describe(category).noun in instance.description
        assert set(instance.parameters) == set(describe(category).parameters)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_corners_of_the_parameter_space_are_sound(category: str) -> None:
    """Every parameter at either end, the rest as drawn."""
    for name, parameter in describe(category).parameters.items():
        match parameter:
            case Range():
                values = [parameter.low, parameter.high]
            case Count():
                values = [parameter.low, parameter.high]
            case Choice():
                values = list(parameter.options) if len(parameter.options) <= 4 else []
            case Flag():
                values = [True, False]
        for value in values:
            instance = build_shape(category, 7, **{name: value})
            assert instance.parameters[name] == value
            assert instance.mesh.is_watertight, (name, value)
            assert instance.mesh.volume > 0, (name, value)


def test_overrides_leave_the_other_parameters_alone() -> None:
    drawn, tall = build_shape("mug", 3), build_shape("mug", 3, height=1.35)
    assert tall.parameters == {**drawn.parameters, "height": 1.35}
    assert tall.description.startswith("a tall")


def test_the_same_seed_gives_the_same_mesh_in_another_process() -> None:
    names = ("mug", "potted_plant", "bookshelf", "motorcycle")
    code = (
        "from tests.unit.training_loop.test_shape_library import digest\n"
        f"print(';'.join(digest(name, 11) for name in {names!r}))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == ";".join(digest(name, 11) for name in names)


def test_a_glb_round_trip_keeps_the_mesh_closed() -> None:
    for category in ("chair", "table", "bookshelf", "keyboard", "mug", "box"):
        mesh = build_shape(category, 0).mesh
        data = mesh.export(file_type="glb")
        loaded = trimesh.load(io.BytesIO(data), file_type="glb", force="mesh")
        assert len(loaded.faces) == len(mesh.faces)
        assert loaded.is_watertight, category


def test_unknown_category_names_its_neighbours() -> None:
    with pytest.raises(UnknownCategoryError, match="did you mean mug"):
        build_shape("mugg", 0)
    with pytest.raises(UnknownCategoryError, match="cup_and_saucer"):
        describe("Cup and saucers")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"hight": 1.0}, "no parameter 'hight'; it has height"),
        ({"height": 9.0}, "height must be a number from 0.85 to 1.35"),
        ({"height": "tall"}, "height must be a number"),
        ({"colour": "plaid"}, "colour must be one of white"),
        ({"coffee": 1}, "coffee must be true or false"),
    ],
)
def test_bad_overrides_are_refused(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        build_shape("mug", 0, **overrides)


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="seed must not be negative"):
        build_shape("mug", -1)


def test_building_is_fast() -> None:
    build_shape("mug", 0)
    started = time.process_time()
    for category in CATEGORIES:
        build_shape(category, 1)
    assert (time.process_time() - started) / len(CATEGORIES) < 0.02


def test_descriptions_read_as_english() -> None:
    assert compose_description("mug", ["tall", "", "red", "with a handle"]) == "a tall red mug with a handle"
    assert compose_description("chair", ["oak", "with arms", "with a high back", "with legs"]) == (
        "an oak chair with arms, a high back and legs"
    )


class TestParts:
    def volume(self, part: Part) -> float:
        return float(trimesh.Trimesh(part.vertices, part.faces, process=False).volume)

    def test_a_box_stands_on_the_ground(self) -> None:
        part = box(1, 2, 3)
        assert self.volume(part) == pytest.approx(6)
        assert part.vertices[:, 1].min() == 0
        assert 5.5 < self.volume(box(1, 2, 3, round=0.1)) < 6

    def test_a_lathe_turns_a_cylinder(self) -> None:
        segments = 64
        polygon = segments / 2 * np.sin(2 * np.pi / segments)
        part = lathe([(0, 0), (0.5, 0), (0.5, 2), (0, 2)], segments=segments)
        assert self.volume(part) == pytest.approx(polygon * 0.25 * 2, rel=1e-3)

    def test_a_ring_has_the_volume_of_pappus(self) -> None:
        part = lathe([(0.9, -0.1), (1.1, -0.1), (1.1, 0.1), (0.9, 0.1)], segments=90, closed=True)
        assert self.volume(part) == pytest.approx(2 * np.pi * 0.04, rel=2e-3)

    def test_an_ellipsoid_has_its_volume(self) -> None:
        part = ellipsoid(0.3, 0.4, 0.5, segments=64, rings=48)
        assert self.volume(part) == pytest.approx(4 / 3 * np.pi * 0.06, rel=0.01)

    def test_a_concave_polygon_keeps_its_area(self) -> None:
        arrow = [(0, 0), (2, 0), (2, 2), (1, 0.5), (0, 2)]
        assert self.volume(extrude(arrow, 0.5)) == pytest.approx(0.5 * (4 - 1.5))
        assert self.volume(extrude(arrow[::-1], 0.5)) == pytest.approx(0.5 * (4 - 1.5))

    def test_a_rod_and_a_closed_tube(self) -> None:
        assert self.volume(rod((0, 0, 0), (0, 0, 2), 0.1, segments=48)) == pytest.approx(np.pi * 0.02, rel=0.01)
        angle = np.arange(60) * (2 * np.pi / 60)
        loop = np.column_stack([np.cos(angle), np.zeros(60), np.sin(angle)])
        assert self.volume(tube(loop, 0.1, segments=32, closed=True)) == pytest.approx(2 * np.pi**2 * 0.01, rel=0.01)

    def test_moves_keep_the_winding(self) -> None:
        part = box(1, 1, 1).turned("y", 30).moved(2, 0, 0).mirrored("x").scaled(1, 2, 1)
        assert self.volume(part) == pytest.approx(2)
        assert part.vertices[:, 0].max() < 0

    def test_turning_is_counter_clockwise_about_each_axis(self) -> None:
        point = Part(np.array([[1.0, 2.0, 3.0]]), np.zeros((0, 3), dtype=np.int64))
        assert point.turned("x", 90).vertices[0] == pytest.approx([1, -3, 2])
        assert point.turned("y", 90).vertices[0] == pytest.approx([3, 2, -1])
        assert point.turned("z", 90).vertices[0] == pytest.approx([-2, 1, 3])

    def test_assembling_fits_the_longest_side(self) -> None:
        mesh = assemble([box(4, 1, 2).painted((255, 0, 0)).moved(10, 5, 0), box(1, 3, 1).moved(10, 5, 0)])
        assert mesh.extents == pytest.approx([1.0, 0.75, 0.5])
        assert tuple(mesh.visual.vertex_colors[0]) == (255, 0, 0, 255)


def test_every_category_is_a_leaf_of_the_taxonomy() -> None:
    for category in CATEGORIES:
        leaf = find_category(category)
        assert leaf is not None
        assert leaf.id == category
        assert leaf.complexity == describe(category).complexity == build_shape(category, 0).complexity
    with pytest.raises(ValueError, match="not a leaf"):
        shape("flux_capacitor")(list)
