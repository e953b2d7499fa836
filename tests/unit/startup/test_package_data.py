"""Whatever the packages read beside their code is named in pyproject.toml, and so is in an installed Lathe too."""

import tomllib
from itertools import chain
from pathlib import Path

import pytest

from engine.embedded.places import CHECKOUT

PACKAGES = ("annotation_ui", "engine", "model_workers", "training_loop")
READ_AT_RUN_TIME = {".html", ".json", ".md", ".npy", ".png", ".safetensors"}
FOR_BUILDING_ALONE = {"biome.json", "package-lock.json", "package.json", "tsconfig.json"}


def packed() -> set[Path]:
    """The data files that an installation carries."""
    pyproject = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    patterns = pyproject["tool"]["setuptools"]["package-data"]
    return {
        path
        for package, globs in patterns.items()
        for path in chain.from_iterable((CHECKOUT / package.replace(".", "/")).glob(glob) for glob in globs)
    }


def found(package: str) -> list[Path]:
    """The data files in the checkout."""
    apart = {"node_modules", "dist", "src", "tests", "__pycache__"}
    paths = (path for path in (CHECKOUT / package).rglob("*") if path.suffix in READ_AT_RUN_TIME)
    return [
        path for path in paths if not apart & set(path.parts) and path.name not in FOR_BUILDING_ALONE and path.is_file()
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_data_file_of_a_package_is_packed(package: str) -> None:
    left_out = sorted(str(path.relative_to(CHECKOUT)) for path in set(found(package)) - packed())
    assert not left_out, "name them in [tool.setuptools.package-data] of pyproject.toml"
