import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine.settings.secret_key import kept_secret_key


def test_is_made_once_and_kept(tmp_path: Path) -> None:
    first = kept_secret_key(tmp_path / "var")
    assert len(first) >= 50
    assert kept_secret_key(tmp_path / "var") == first


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    kept_secret_key(tmp_path)
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_many_starters_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as together:
        keys = set(together.map(lambda _: kept_secret_key(tmp_path), range(64)))
    assert len(keys) == 1
