"""MoGe by its published interface: a package of that shape, weights in the real layout, and what comes out of it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.contracts.cameras import project
from engine.contracts.targets import PointMapScale
from model_workers.depth import registry
from model_workers.depth.moge import MoGe
from model_workers.depth.protocol import EstimatorError

# Sees a plane two units away, and sky in the upper quarter. What it returns has the shapes and conventions of the
# original: intrinsics of an image of size one by one, infinite points where there is no surface.
PACKAGE = """
import torch

class MoGeModel(torch.nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.depth = torch.nn.Parameter(torch.zeros(()))

    @classmethod
    def from_pretrained(cls, path):
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        model = cls(**checkpoint["model_config"])
        model.load_state_dict(checkpoint["model"])
        return model

    @torch.inference_mode()
    def infer(self, image, use_fp16=True):
        height, width = image.shape[-2:]
        assert image.min() >= 0 and image.max() <= 1
        focal = 1.25
        v, u = torch.meshgrid((torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij")
        depth = self.depth.expand(height, width)
        points = torch.stack([(u - 0.5) / focal * depth, (v - 0.5) / focal * height / width * depth, depth], dim=-1)
        mask = v > 0.25
        points = torch.where(mask[..., None], points, torch.inf)
        fy = focal * width / height
        intrinsics = torch.tensor([[focal, 0, 0.5], [0, fy, 0.5], [0, 0, 1.0]])
        return {"points": points, "mask": mask, "intrinsics": intrinsics, "depth": points[..., 2]}
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "site" / "moge" / "model"
    folder.mkdir(parents=True)
    for init in (folder.parent / "__init__.py", folder / "__init__.py"):
        init.touch()
    for version in ("v1", "v2"):
        (folder / f"{version}.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "moge"]:
        del sys.modules[name]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    torch.save({"model_config": {"neck": {}, "scale_head": {"dims": [1]}}, "model": {"depth": torch.tensor(2.0)}}, path)
    return path


def test_every_point_falls_on_its_pixel_and_the_sky_is_unknown(package: None, weights: Path) -> None:
    estimate = MoGe(weights).estimate(np.zeros((60, 80, 3), dtype=np.uint8))
    assert (estimate.points_camera.shape, estimate.scale) == ((60, 80, 3), PointMapScale.METRIC)
    assert np.isnan(estimate.points_camera[:15]).all()
    seen = estimate.points_camera[15:]
    assert seen[..., 2] == pytest.approx(2.0)
    pixels = project(seen.reshape(-1, 3).astype(np.float64), estimate.intrinsics)
    rows, columns = np.mgrid[15:60, 0:80] + 0.5
    assert pixels == pytest.approx(np.stack([columns.ravel(), rows.ravel()], axis=1), abs=1e-3)


def test_the_first_version_knows_no_metres(package: None, tmp_path: Path) -> None:
    torch.save({"model_config": {}, "model": {"depth": torch.tensor(1.0)}}, tmp_path / "first.pt")
    assert MoGe(tmp_path / "first.pt").estimate(np.zeros((8, 8, 3), np.uint8)).scale == PointMapScale.RELATIVE


def test_a_photograph_of_sky_alone_has_no_point_map(package: None, tmp_path: Path) -> None:
    torch.save({"model_config": {"neck": {}}, "model": {"depth": torch.tensor(float("nan"))}}, tmp_path / "sky.pt")
    with pytest.raises(EstimatorError, match="no surface"):
        MoGe(tmp_path / "sky.pt").estimate(np.zeros((8, 8, 3), np.uint8))


def test_missing_and_foreign_weights_are_said(tmp_path: Path) -> None:
    with pytest.raises(EstimatorError, match="no MoGe weights"):
        MoGe(tmp_path / "nowhere.pt")
    (tmp_path / "foreign.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(EstimatorError, match="no MoGe checkpoint"):
        MoGe(tmp_path / "foreign.pt")


def test_without_its_package_the_operator_learns_where_to_get_it(weights: Path) -> None:
    with pytest.raises(EstimatorError, match="install it from"):
        MoGe(weights)


def test_nothing_configured_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(registry.WEIGHTS_VARIABLE, raising=False)
    registry.load_estimator.cache_clear()
    with pytest.raises(EstimatorError, match="LATHE_MOGE_WEIGHTS"):
        registry.load_estimator()
