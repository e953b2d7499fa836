"""The rules of B.1 drop what teaches no shape."""

import numpy as np
import pytest
import trimesh

from training_loop.iso_filter import measure, rejection
from training_loop.shape_bank import folder_work, make_records
from training_loop.voxels import voxelise_with_thin_walls


def box(*extents):
    return trimesh.creation.box(extents=extents)


def judged(mesh):
    return rejection(measure(mesh, voxelise_with_thin_walls(mesh)))


def test_a_ball_and_a_book_are_kept():
    assert judged(trimesh.creation.icosphere(radius=0.5)) is None
    assert judged(box(1.0, 0.7, 0.15)) is None


@pytest.mark.parametrize(
    ("mesh", "word"),
    [
        (box(1.0, 1.0, 0.008), "sheet-like"),
        (box(0.03, 0.03, 0.03), "degenerate"),
        (
            trimesh.util.concatenate(
                [
                    trimesh.creation.icosphere(radius=0.15),
                    trimesh.creation.icosphere(radius=0.005).apply_translation([0.49, 0, 0]),
                ]
            ),
            "outliers",
        ),
    ],
)
def test_what_is_dropped_says_why(mesh, word):
    assert judged(mesh).startswith(word)


def test_a_mesh_without_area_cannot_be_measured():
    flat = trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)
    with pytest.raises(ValueError, match="no area"):
        measure(flat, np.zeros((8, 8, 8), dtype=bool))


def test_a_folder_of_meshes_gives_what_is_usable(tmp_path):
    trimesh.creation.icosphere(radius=3.0).export(tmp_path / "ball.ply")
    box(1.0, 1.0, 0.008).export(tmp_path / "sheet.stl")
    (tmp_path / "broken.obj").write_text("not a mesh")
    (tmp_path / "notes.txt").write_text("nothing")
    work = folder_work(tmp_path)
    assert len(work) == 3
    records = list(make_records(work, processes=1))
    assert [(record.category, record.split) for record in records] == [(-1, "train")]
    with pytest.raises(FileNotFoundError, match="no mesh file"):
        folder_work(tmp_path / "nowhere")
