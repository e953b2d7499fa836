"""`evaluate` as a user sees it: folders in; a table, JSON and a page out; nothing lost without a word."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from tests.unit.training_loop.fake_shape_image_metric import FakeUni3D
from tests.unit.training_loop.test_shape_metrics import letter_l
from training_loop.__main__ import main
from training_loop.evaluation import perceptual

CAMERA = {"fx": 100.0, "fy": 100.0, "cx": 32.0, "cy": 32.0, "width": 64, "height": 64}
FAKE = "tests.unit.training_loop.fake_shape_image_metric:FakeUni3D"


def pose(x: float = 0.0) -> dict:
    return {"rotation_wxyz": [1.0, 0.0, 0.0, 0.0], "translation": [x, 0.0, 4.0], "scale": [1.0, 1.0, 1.0]}


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two good pairs in different formats, and one of every bad thing."""
    for name in ("mine", "truth", "masks"):
        (tmp_path / name).mkdir()
    letter_l().export(tmp_path / "mine/letter.glb")
    letter_l().export(tmp_path / "truth/letter.obj")
    trimesh.creation.box((1, 1, 1)).export(tmp_path / "mine/box.ply")
    trimesh.creation.box((1.2, 1.2, 1.2)).export(tmp_path / "truth/box.glb")
    (tmp_path / "mine/broken.ply").write_text("hello")
    trimesh.creation.box().export(tmp_path / "truth/broken.ply")
    trimesh.creation.box().export(tmp_path / "mine/lonely.ply")
    trimesh.creation.box().export(tmp_path / "truth/missed.ply")
    crooked = pose() | {"rotation_wxyz": [2.0, 0.0, 0.0, 0.0]}
    (tmp_path / "mine/poses.json").write_text(json.dumps({"box": {"pose": pose(0.1)}, "letter": {"pose": crooked}}))
    (tmp_path / "truth/poses.json").write_text(
        json.dumps({name: {"pose": pose(), "intrinsics": CAMERA} for name in ("box", "letter")})
    )
    mask = np.zeros((64, 64), dtype=bool)
    mask[0:60, 0:60] = True
    Image.fromarray(mask).save(tmp_path / "masks/box.png")
    Image.fromarray(mask[:10]).save(tmp_path / "masks/letter.png")
    return tmp_path


def evaluate(folder: Path, *more: str) -> int:
    return main(
        [
            *("evaluate", "--predictions", str(folder / "mine"), "--ground-truth", str(folder / "truth")),
            *("--points", "3000", "--emd-cells", "64", "--json", str(folder / "out/result.json"), *more),
        ]
    )


def test_folders_are_measured_and_every_skip_is_named(folders, capsys):
    code = evaluate(folders, "--masks", str(folders / "masks"), "--html", str(folders / "page.html"), "--refine-layout")
    assert code == 0
    result = json.loads((folders / "out/result.json").read_text())
    assert result["counts"] | {"skips": 0} == {
        "measured": 2,
        "failed": 3,
        "unmeasured": 1,
        "skips": 0,
        "refinements_accepted": 1,
        "refinements_refused": 0,
    }
    samples = {sample["stem"]: sample["metrics"] for sample in result["samples"]}
    shapes = {"f1_at_0p01", "voxel_iou", "chamfer_l2", "emd"}
    assert shapes < set(samples["letter"])
    failed = {sample["stem"]: set(sample["failed"]) for sample in result["samples"]}
    assert failed["box"] == set()
    assert not failed["letter"] & shapes
    assert failed["broken"] == failed["missed"] == shapes
    assert samples["box"]["iou_2d"] < samples["box"]["refined_iou_2d"]
    assert samples["box"]["add_s_at_0p1"] == 1.0
    skips = {(skip["stem"], skip["part"]): skip["reason"] for skip in result["skips"]}
    assert "cannot be read" in skips["broken", "prediction"]
    assert skips["lonely", "prediction"] == "no ground truth has this stem"
    assert skips["missed", "prediction"] == "there is no prediction"
    assert "unit quaternion" in skips["letter", "prediction_pose"]
    summary = result["summary"]["f1_at_0p01"]
    assert (summary["count"], summary["failed"]) == (4, 2)
    assert summary["low"] <= summary["mean"] <= summary["high"]
    assert summary["mean"] == pytest.approx(summary["measured_mean"] / 2)
    shown, page = capsys.readouterr().out, (folders / "page.html").read_text()
    for text in ("broken", "lonely", "missed", "letter", "F1@0.01"):
        assert text in shown
        assert text in page
    assert "2 measured, 3 with a failed prediction (at the worst value), 1 not measured" in shown
    assert page.count("data:image/webp;base64,") == 2 * 3 + 1
    assert "http://" not in page
    assert "https://" not in page


def means(folder: Path) -> dict[str, dict[str, float]]:
    evaluate(folder)
    return json.loads((folder / "out/result.json").read_text())["summary"]


def test_leaving_out_a_bad_prediction_is_no_gain(folders):
    trimesh.creation.box((1, 0.02, 0.02)).export(folders / "mine/letter.glb")
    honest = means(folders)
    (folders / "mine/letter.glb").unlink()
    silent = means(folders)
    for name in ("f1_at_0p01", "voxel_iou"):
        assert silent[name]["mean"] < honest[name]["mean"]
        assert silent[name]["measured_mean"] > honest[name]["measured_mean"]
    for name in ("chamfer_l2", "emd"):
        assert silent[name]["mean"] > honest[name]["mean"]
        assert silent[name]["measured_mean"] < honest[name]["measured_mean"]


def test_a_prediction_without_a_pose_has_the_worst_layout(folders):
    (folders / "mine/poses.json").write_text(json.dumps({"box": {"pose": pose(0.1)}}))
    summary = means(folders)
    assert (summary["iou_3d"]["failed"], summary["iou_3d"]["count"]) == (1, 2)
    assert summary["iou_3d"]["mean"] == pytest.approx(summary["iou_3d"]["measured_mean"] / 2)
    assert summary["icp_rot_deg"]["mean"] >= 90
    assert summary["add_s_at_0p1"]["mean"] == 0.5
    # ADD-S has no worst value: its failures stand beside the mean.
    assert (summary["add_s"]["failed"], summary["add_s"]["count"]) == (1, 1)


def test_predictions_without_any_pose_are_measured_as_shapes_alone(folders):
    (folders / "mine/poses.json").unlink()
    assert set(means(folders)) == {"f1_at_0p01", "voxel_iou", "chamfer_l2", "emd"}


def test_a_broken_ground_truth_is_nobodys_fault(folders):
    (folders / "truth/missed.ply").write_text("hello")
    assert means(folders)["f1_at_0p01"]["failed"] == 1


def test_the_same_folders_give_the_same_file_whatever_the_processes(folders):
    (folders / "mine/poses.json").unlink()
    evaluate(folders, "--no-icp")
    first = (folders / "out/result.json").read_bytes()
    evaluate(folders, "--no-icp", "--jobs", "2")
    assert (folders / "out/result.json").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --predictions or --checkpoint"),
        (["--predictions", "nowhere"], "need --ground-truth"),
        (["--predictions", "nowhere", "--ground-truth", "nowhere"], "nowhere is not a folder"),
        (["--predictions", "x", "--checkpoint", "y"], "either --predictions or --checkpoint"),
        (["--predictions", "x", "--metric", "ulip=w"], "--images"),
        (["--predictions", "x", "--images", "y", "--metric", "ulip"], "NAME=WEIGHTS"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, message, capsys):
    assert main(["evaluate", *arguments]) == 1
    assert message in capsys.readouterr().err


def test_folders_that_cannot_be_paired(folders, capsys):
    trimesh.creation.box().export(folders / "mine/box.obj")
    assert evaluate(folders) == 1
    assert "both box.obj and box.ply" in capsys.readouterr().err
    (folders / "mine/box.obj").unlink()
    (folders / "truth/poses.json").write_text("[]")
    assert evaluate(folders) == 1
    assert "one JSON object" in capsys.readouterr().err


def test_nothing_measured_is_an_error(folders, capsys):
    for name in ("letter.glb", "box.ply"):
        (folders / "mine" / name).unlink()
    assert evaluate(folders) == 1
    assert "no sample could be measured" in capsys.readouterr().err
    assert json.loads((folders / "out/result.json").read_text())["counts"]["measured"] == 0


def test_a_plugin_scores_shapes_against_photographs_without_ground_truth(folders, tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    for name, brightness in (("box", 200), ("letter", 0)):
        Image.fromarray(np.full((8, 8, 3), brightness, dtype=np.uint8)).save(tmp_path / f"images/{name}.png")
    FakeUni3D.save(tmp_path / "one.safetensors", seed=0)
    FakeUni3D.save(tmp_path / "two.safetensors", seed=1)
    entry = EntryPoint("uni3d", FAKE, perceptual.ENTRY_POINT_GROUP)
    monkeypatch.setattr(perceptual, "entry_points", lambda group: [entry] if group == entry.group else [])
    scores = []
    for weights in ("one", "two"):
        code = main(
            [
                *("evaluate", "--predictions", str(folders / "mine"), "--images", str(tmp_path / "images")),
                *("--metric", f"uni3d={tmp_path / weights}.safetensors", "--json", str(tmp_path / "scores.json")),
            ]
        )
        assert code == 0
        result = json.loads((tmp_path / "scores.json").read_text())
        scores.append({sample["stem"]: sample["metrics"] for sample in result["samples"]})
    assert set(scores[0]["box"]) == {"uni3d"}
    assert scores[0]["box"] != scores[1]["box"]
    # Its failure costs a score, and says so.
    assert scores[0]["letter"] == {}
    assert {"stem": "letter", "part": "image", "reason": "uni3d: a black picture has no features"} in result["skips"]


@pytest.mark.parametrize(
    ("request_text", "message"),
    [
        ("uni3d=missing.bin", "no weights at"),
        ("tests.nowhere:Metric={weights}", "no metric tests.nowhere:Metric"),
        ("unknown={weights}", "no metric 'unknown'"),
        (f"{FAKE}={{weights}}", "does not load"),
    ],
)
def test_plugins_that_do_not_load(request_text, message, tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"no safetensors")
    request = perceptual.MetricRequest.parse(request_text.format(weights=tmp_path / "weights.bin"))
    with pytest.raises(perceptual.MetricPluginError, match=message):
        perceptual.load_metric(request)
