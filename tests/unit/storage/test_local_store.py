"""Blobs in a folder."""

import hashlib
import io
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storage import blobs
from engine.storage.blobs import BlobCorrupt, BlobMissing, StorageMisconfigured, open_store
from engine.storage.local import LocalStore

ABSENT = "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "blobs")


def files(store: LocalStore) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"a photograph", bytes(3 * blobs.CHUNK_BYTES + 7)])
def test_what_was_put_comes_back(store: LocalStore, content: bytes, tmp_path: Path) -> None:
    ref = store.put(content, media_type="image/png")
    assert (ref.sha256, ref.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert ref.media_type == "image/png"
    assert store.get(ref.sha256) == content
    assert store.exists(ref.sha256)
    assert store.size_bytes(ref.sha256) == len(content)
    assert store.fetch(ref.sha256, tmp_path / "copy").read_bytes() == content
    with store.open(ref.sha256) as stream:
        assert stream.read() == content


def test_bytes_files_and_streams_get_the_same_name(store: LocalStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"same")
    stream = io.BytesIO(b"same")
    refs = {store.put(data, media_type="text/plain") for data in (b"same", file, stream)}
    assert len(refs) == 1
    assert not stream.closed
    assert len(files(store)) == 1


def test_the_object_lies_two_folders_deep_and_drafts_are_gone(store: LocalStore) -> None:
    ref = store.put(b"x", media_type="text/plain")
    digest = ref.sha256
    assert files(store) == [store.folder / digest[:2] / digest[2:4] / digest]


def test_a_stream_that_breaks_leaves_nothing(store: LocalStore) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("the connection is gone")

    with pytest.raises(OSError, match="gone"):
        store.put(Broken(), media_type="text/plain")  # type: ignore[arg-type]
    assert files(store) == []


def test_a_writer_killed_half_way_leaves_no_object_and_its_draft_is_cleared_away(store: LocalStore) -> None:
    code = (
        "import sys; from pathlib import Path; from engine.storage.local import LocalStore;"
        "LocalStore(Path(sys.argv[1])).put(sys.stdin.buffer, media_type='x/y')"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(store.folder)], stdin=subprocess.PIPE)
    assert writer.stdin is not None
    with suppress(BrokenPipeError), writer.stdin as sending:
        sending.write(bytes(blobs.CHUNK_BYTES))
        sending.flush()
        for _ in range(500):
            if files(store):
                break
            time.sleep(0.02)
        writer.kill()
        writer.wait(10)
    (draft,) = files(store)
    assert draft.parent.name == "incoming"
    assert store.remove_abandoned_drafts(older_than_seconds=3600) == 0
    os.utime(draft, (0, 0))
    assert store.remove_abandoned_drafts(older_than_seconds=3600) == 1
    assert files(store) == []


def test_a_damaged_object_is_noticed_and_mended_by_storing_it_again(store: LocalStore, tmp_path: Path) -> None:
    ref = store.put(b"precious", media_type="text/plain")
    store.path_of(ref.sha256).write_bytes(b"precio")
    with pytest.raises(BlobCorrupt):
        store.get(ref.sha256)
    with pytest.raises(BlobCorrupt):
        store.fetch(ref.sha256, tmp_path / "copy")
    assert list(tmp_path.glob("*copy*")) == []
    store.put(b"precious", media_type="text/plain")
    assert store.get(ref.sha256) == b"precious"


@pytest.mark.parametrize("name", [ABSENT, "../../etc/passwd", "A" * 64, "0" * 63, ""])
def test_what_is_not_there_is_missing(store: LocalStore, name: str, tmp_path: Path) -> None:
    for ask in (store.get, store.open, store.size_bytes, lambda digest: store.fetch(digest, tmp_path / "copy")):
        with pytest.raises(BlobMissing):
            ask(name)


def test_threads_that_store_the_same_content_agree(store: LocalStore) -> None:
    content = bytes(range(256)) * 4096
    threads = [threading.Thread(target=store.put, args=(content,), kwargs={"media_type": "x/y"}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert store.get(hashlib.sha256(content).hexdigest()) == content
    assert len(files(store)) == 1


@given(content=st.binary(max_size=200), limit=st.integers(0, 250))
def test_chunks_stop_at_the_limit(content: bytes, limit: int) -> None:
    assert b"".join(blobs.chunks(io.BytesIO(content), limit_bytes=limit)) == content[:limit]


def test_addresses(tmp_path: Path) -> None:
    default, named = open_store(None, var=tmp_path), open_store((tmp_path / "a b").as_uri(), var=tmp_path)
    assert isinstance(default, LocalStore)
    assert isinstance(named, LocalStore)
    assert default.folder == tmp_path / "blobs"
    assert named.folder == tmp_path / "a b"


@pytest.mark.parametrize("url", ["ftp://host/x", "s3://", "file:", "s3://bucket?zone=1", "blobs"])
def test_wrong_addresses_say_what_to_do(url: str, tmp_path: Path) -> None:
    with pytest.raises(StorageMisconfigured) as problem:
        open_store(url, var=tmp_path)
    assert problem.value.what_to_do


def test_a_store_without_a_key_signs_nothing(store: LocalStore) -> None:
    with pytest.raises(StorageMisconfigured):
        store.sign(ABSENT, media_type="x/y", expires_seconds=60)


def test_workers_load_neither_django_nor_boto3() -> None:
    code = (
        "import sys; from pathlib import Path; from engine.storage.blobs import open_store;"
        "open_store(None, var=Path('unused')); print(sorted({'django', 'boto3', 'botocore'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
