"""The rubric and the guidelines that annotators read: Markdown beside the code, named by version."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.contracts.generation import Modality

VERSIONS = {Modality.SHAPE: "v1", Modality.TEXTURE: "texture-v1"}  # of rubric and guidelines alike


@dataclass(frozen=True)
class Text:
    """One version of a text. A changed text gets a new file and version, so that judgements say what was read."""

    version: str
    markdown: str


@cache
def read_text(folder: Path, version: str) -> Text:
    """Read `<folder>/<version>.md`."""
    return Text(version=version, markdown=(folder / f"{version}.md").read_text(encoding="utf-8"))


def rubric(modality: Modality = Modality.SHAPE) -> Text:
    """What the rating r in [0, 1] means (paper A.2: "rate the mesh against a predefined quality bar")."""
    return read_text(Path(__file__).parent / "rubric", VERSIONS[modality])


def rubric_versions() -> list[str]:
    """All that a judgement may name: a page may have been opened before the text changed."""
    return sorted(file.stem for file in (Path(__file__).parent / "rubric").glob("*.md"))


def guidelines(modality: Modality = Modality.SHAPE) -> Text:
    """How to compare."""
    return read_text(Path(__file__).parent / "guidelines", VERSIONS[modality])
