import http.server
import threading
from functools import partial

import pytest

from tests.unit.training_loop.test_data import write_shard
from training_loop.shards import ShardUnavailable, index_shard, local_shards


def test_members_are_read_where_the_index_says(tmp_path):
    shard = write_shard(tmp_path / "a.tar", [("x", {"a.txt": b"one", "b": b"two"}), ("y", {"a.txt": b"three"})])
    (first, second), problem = index_shard(shard)
    assert problem == ""
    assert (first.key, dict(first)) == ("x", {"a.txt": b"one", "b": b"two"})
    assert second["a.txt"] == b"three"
    assert "b" not in second


def test_what_is_no_shard_is_said(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"\x01garbage" * 200)
    samples, problem = index_shard(tmp_path / "a.tar")
    assert samples == []
    assert "after the sample none" in problem
    assert "No such file" in index_shard(tmp_path / "b.tar")[1]


def test_addresses_are_downloaded_once_whatever_their_signature(tmp_path):
    write_shard(tmp_path / "a.tar", [("x", {"a": b"one"})])
    asked = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/a.tar"
        (first,) = local_shards([f"{address}?signature=1"], tmp_path / "cache")
        (second,) = local_shards([f"{address}?signature=2"], tmp_path / "cache")
        assert first == second
        assert first.read_bytes() == (tmp_path / "a.tar").read_bytes()
        assert len(asked) == 1
        with pytest.raises(ShardUnavailable, match=r"/none\.tar cannot be fetched"):
            local_shards([f"{address[:-5]}none.tar?secret=1"], tmp_path / "cache")
    finally:
        server.shutdown()
        server.server_close()
    assert local_shards([tmp_path / "a.tar"], tmp_path) == [tmp_path / "a.tar"]
