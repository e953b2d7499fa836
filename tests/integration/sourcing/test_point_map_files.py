"""Point maps in the files that cameras, renderers and scanners write: one plane two units away, in every form."""

import json
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from engine.contracts.cameras import Intrinsics, unproject
from engine.contracts.targets import PointMapScale
from engine.sourcing.importers.point_map_files import find_point_map_file, read_point_map_file
from engine.sourcing.point_maps import PointMapRefused, check_point_map

WIDTH, HEIGHT = 32, 24
CAMERA = Intrinsics(fx=40.0, fy=40.0, cx=16.0, cy=12.0, width=WIDTH, height=HEIGHT)
DEPTH = np.full((HEIGHT, WIDTH), 2.0)
DEPTH[5, 7] = 3.0


def write_camera(folder: Path, **changes: object) -> None:
    matrix = [[40.0, 0, 15.5], [0, 40.0, 11.5], [0, 0, 1]]
    (folder / "camera.json").write_text(json.dumps({"K": matrix} | changes))


def write_cloud(path: Path, points: np.ndarray) -> None:
    import open3d

    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    assert open3d.io.write_point_cloud(str(path), cloud)


def write(folder: Path, name: str) -> None:
    path, points = folder / name, unproject(DEPTH, CAMERA)
    match name:
        case "depth.png":
            Image.fromarray((DEPTH * 1000).astype(np.uint16)).save(path)
            write_camera(folder, depth_scale=1000)
            return
        case "depth.tif":
            Image.fromarray(DEPTH.astype(np.float32)).save(path)
        case "depth.npy":
            np.save(path, DEPTH)
        case "points.npy":
            np.save(path, points)
        case "depth.exr":
            OpenEXR.File({}, {"Z": DEPTH.astype(np.float32)}).write(str(path))
        case "cloud.ply" | "cloud.pcd":
            shuffled = np.random.default_rng(0).permutation(points.reshape(-1, 3))
            write_cloud(path, np.concatenate([shuffled, [[0.1, 0.1, 9.0], [50.0, 0.0, 2.0]]]))  # hidden; outside
    write_camera(folder)


def read(folder: Path) -> np.ndarray:
    path = find_point_map_file(folder)
    assert path is not None
    found = read_point_map_file(path, width_px=WIDTH, height_px=HEIGHT)
    assert (found.intrinsics, found.scale) == (CAMERA, PointMapScale.METRIC)
    return found.depth if found.depth is not None else np.asarray(found.points)[..., 2]


FORMS = ["depth.png", "depth.tif", "depth.npy", "points.npy", "depth.exr", "cloud.ply", "cloud.pcd"]


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_depth(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    assert read(tmp_path) == pytest.approx(DEPTH, abs=1e-5)


@pytest.mark.parametrize("name", ["cloud.ply", "points.npy"])
def test_points_lie_on_their_pixels(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    found = read_point_map_file(tmp_path / name, width_px=WIDTH, height_px=HEIGHT)
    assert found.points is not None
    check_point_map(found.points, found.intrinsics)


def test_a_relative_map_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "depth.npy", DEPTH)
    write_camera(tmp_path, scale="relative")
    found = read_point_map_file(tmp_path / "depth.npy", width_px=WIDTH, height_px=HEIGHT)
    assert found.scale == PointMapScale.RELATIVE


def test_without_a_camera_there_is_no_point_map(tmp_path: Path) -> None:
    np.save(tmp_path / "depth.npy", DEPTH)
    assert find_point_map_file(tmp_path) is None


@pytest.mark.parametrize("frame", [[1, -1, -1], [-1, 1, 1], [1, 1, -1]])
def test_a_cloud_in_another_frame_is_refused_with_the_numbers(tmp_path: Path, frame: list[int]) -> None:
    beside = unproject(DEPTH, CAMERA).reshape(-1, 3) + np.array([1.2, 0.0, 0.0])
    write_cloud(tmp_path / "cloud.ply", beside * frame)
    write_camera(tmp_path)
    with pytest.raises(PointMapRefused, match=r"Of \d+ points before the camera \d+ fall on the photograph"):
        read_point_map_file(tmp_path / "cloud.ply", width_px=WIDTH, height_px=HEIGHT)


@pytest.mark.parametrize(
    ("name", "content"),
    [("depth.npy", b"no array"), ("depth.exr", b"no exr"), ("cloud.ply", b"ply\nnothing"), ("depth.png", b"\x89PNG")],
)
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    write_camera(tmp_path)
    with pytest.raises(PointMapRefused, match="cannot be read"):
        read_point_map_file(tmp_path / name, width_px=WIDTH, height_px=HEIGHT)


@pytest.mark.parametrize("camera", [{"K": [1, 2]}, {"depth_scale": 0}, {"scale": "furlongs"}])
def test_a_camera_that_is_none_is_refused(tmp_path: Path, camera: dict[str, object]) -> None:
    np.save(tmp_path / "depth.npy", DEPTH)
    write_camera(tmp_path, **camera)
    with pytest.raises(PointMapRefused, match=r"camera\.json"):
        read_point_map_file(tmp_path / "depth.npy", width_px=WIDTH, height_px=HEIGHT)


def test_arrays_of_another_shape_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", np.zeros((4, 5, 2)))
    write_camera(tmp_path)
    with pytest.raises(PointMapRefused, match=r"shape \(4, 5, 2\)"):
        read_point_map_file(tmp_path / "points.npy", width_px=WIDTH, height_px=HEIGHT)
