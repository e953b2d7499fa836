"""These tests build on each other's server, in order: a start costs a second."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from engine.embedded import postgres
from engine.embedded.places import CHECKOUT

from .conftest import start_and_die

pytestmark = pytest.mark.usefixtures("var_folder")


def query(statement: str) -> object:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None


def test_survives_the_death_of_its_starter() -> None:
    start_and_die("postgres")

    assert query("SHOW synchronous_commit") == "on"
    assert int(str(query("SHOW server_version_num"))) >= 180000


def test_knows_vectors() -> None:
    postgres.ensure_running()
    assert query("SELECT '[1,0]'::vector <-> '[0,0]'::vector") == 1.0


def test_a_second_process_uses_the_same_server() -> None:
    postgres.ensure_running()
    code = "from engine.embedded import postgres; postgres.ensure_running(); print(postgres.postmaster_pid())"
    found = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert int(found.stdout) == postgres.postmaster_pid()


def test_several_processes_at_once_start_one_server() -> None:
    postgres.stop()
    code = "from engine.embedded import postgres; postgres.ensure_running(); print(postgres.postmaster_pid())"
    starters = [
        subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    pids = {int(starter.communicate(timeout=60)[0]) for starter in starters}
    assert pids == {postgres.postmaster_pid()}


def test_nobody_else_reaches_the_socket() -> None:
    postgres.ensure_running()
    assert stat.S_IMODE(Path(postgres.host()).stat().st_mode) & 0o077 == 0
    assert query("SHOW listen_addresses") == ""


def test_recovers_what_was_committed_when_the_postmaster_is_killed() -> None:
    postgres.ensure_running()
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 41 + 1 AS answer")
    killed = postgres.postmaster_pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(killed)] if psutil.pid_exists(killed) else [], timeout=10)

    postgres.ensure_running()

    assert postgres.postmaster_pid() != killed
    assert query("SELECT answer FROM kept") == 42


def test_a_stale_pid_file_that_names_another_living_process_is_no_obstacle() -> None:
    postgres.ensure_running()
    postgres.stop()
    (postgres.data_folder() / "postmaster.pid").write_text(f"{os.getpid()}\n{postgres.data_folder()}\n0\n5432\n")
    assert postgres.postmaster_pid() is None

    postgres.ensure_running()

    assert query("SELECT 1") == 1


def test_stop_stops() -> None:
    postgres.ensure_running()
    pid = postgres.postmaster_pid()
    assert pid is not None

    assert postgres.stop() is True

    assert postgres.postmaster_pid() is None
    assert not postgres.answers()
    assert postgres.stop() is False


def test_a_half_made_cluster_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_VAR", str(tmp_path / "var"))
    (tmp_path / "var" / "postgres.making" / "base").mkdir(parents=True)
    try:
        postgres.ensure_running()
        assert query("SELECT 1") == 1
    finally:
        postgres.stop()


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_VAR", str(tmp_path / ("long" * 25) / "var"))
    try:
        postgres.ensure_running()
        assert query("SELECT 1") == 1
        assert postgres.host().startswith("/tmp/lathe-")
        assert stat.S_IMODE(Path(postgres.host()).stat().st_mode) == 0o700
    finally:
        postgres.stop()
        Path(postgres.host()).rmdir()
