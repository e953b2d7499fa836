"""Names of sources and reading of files."""

from pathlib import Path

import pytest

from engine.sourcing.importers import files
from engine.sourcing.importers.files import SOURCE_LENGTH, ImageMissing, read_limited, source_name
from engine.sourcing.photographs import ImageRefused


def test_a_source_is_a_path() -> None:
    assert source_name("coco", "val2017/1.jpg") == "coco/val2017/1.jpg"


def test_long_sources_are_shortened_and_stay_apart() -> None:
    one, other = source_name("x" * 300, "1"), source_name("x" * 300, "2")
    assert len(one) == len(other) == SOURCE_LENGTH
    assert one != other
    assert one == source_name("x" * 300, "1")


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    (tmp_path / "fits").write_bytes(bytes(10))
    (tmp_path / "large").write_bytes(bytes(11))
    assert read_limited(tmp_path / "fits") == bytes(10)
    with pytest.raises(ImageRefused, match="larger than"):
        read_limited(tmp_path / "large")
    with pytest.raises(ImageMissing, match="There is no file"):
        read_limited(tmp_path / "gone")
