"""Browser tests do not start on pages that were built from other sources."""

import os
from pathlib import Path

import pytest

from tests.e2e import bundle


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources of an hour ago and what was built from them since."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "page.tsx").touch()
    os.utime(tmp_path / "src" / "page.tsx", (1000, 1000))
    (tmp_path / "manifest.json").touch()
    monkeypatch.setattr(bundle, "is_done", lambda step: False)
    return tmp_path


def problem(folder: Path) -> str:
    return bundle.problem_of_bundle(folder / "manifest.json", sources=[folder / "src"])


def test_pages_that_were_built_last_are_right(built: Path) -> None:
    assert problem(built) == ""


def test_a_source_that_was_changed_since_is_named_with_what_to_run(built: Path) -> None:
    os.utime(built / "manifest.json", (500, 500))
    assert "page.tsx" in problem(built)
    assert "npm --prefix annotation_ui run build" in problem(built)


def test_sources_that_were_touched_and_not_changed_are_no_reason(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(built / "manifest.json", (500, 500))
    monkeypatch.setattr(bundle, "is_done", lambda step: True)
    assert problem(built) == ""


def test_pages_that_were_never_built_are_missed(built: Path) -> None:
    (built / "manifest.json").unlink()
    assert "not built" in problem(built)
