"""`python -m engine.serve`: everything that Lathe needs on one machine, in the foreground."""

import argparse
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import structlog

from engine import logs
from engine.embedded import postgres, redis
from engine.embedded.places import CHECKOUT, var_folder
from engine.serve import programs
from engine.serve.supervisor import GRACE_SECONDS, Supervisor

log = structlog.get_logger("engine.serve")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--end-with-parent", action="store_true", help="end when whoever started it dies")
    options = parser.parse_args()
    parent = os.getppid()
    os.environ.setdefault("LATHE_PROCESS", "serve")
    logs.configure()
    run_folder = var_folder() / "run"
    run_folder.mkdir(parents=True, exist_ok=True)
    with open(run_folder / "serve.pid", "a+") as pid_file:
        if not _locked(pid_file, patience_seconds=GRACE_SECONDS + 5 if options.end_with_parent else 0):
            pid_file.seek(0)
            print(
                f"Lathe already serves from {var_folder()} (process {pid_file.read()}). Stop it with `make stop`.",
                file=sys.stderr,
            )
            return 1
        pid_file.truncate(0)
        pid_file.write(str(os.getpid()))
        pid_file.flush()
        return serve(
            host=options.host,
            port=options.port,
            run_folder=run_folder,
            unneeded=lambda: options.end_with_parent and os.getppid() != parent,
        )


def _locked(file: IO[str], *, patience_seconds: float) -> bool:
    """Lock `file`, waiting for one whose parent died to end."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
        else:
            return True


def serve(*, host: str, port: int, run_folder: Path, unneeded: Callable[[], bool]) -> int:
    """Start what is embedded, check the tables, and supervise until told to stop or `unneeded()`."""
    if not os.environ.get("CELERY_BROKER_URL"):
        redis.ensure_running()
    if os.environ.get("DATABASE_URL"):
        # Somebody else's database: tables change when its operator says so.
        arguments, advice = ["migrate", "--check"], "The tables are not up to date: run `python manage.py migrate`."
    else:
        postgres.ensure_running()
        arguments, advice = ["migrate", "--no-input", "--verbosity=0"], "The tables could not be brought up to date."
    if subprocess.call([sys.executable, str(CHECKOUT / "manage.py"), *arguments], stdin=subprocess.DEVNULL) != 0:
        print(advice, file=sys.stderr)
        return 1
    model_workers = programs.model_workers()
    if not model_workers:
        log.warning("no_model_worker", reason="model_workers.celery is not installed here; generators run elsewhere")
    Supervisor(
        [
            programs.web(host=host, port=port),
            programs.engine_worker(),
            programs.assist_worker(),
            *model_workers,
        ],
        pid_file=run_folder / "serve.children.json",
        unneeded=unneeded,
    ).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
