"""A web server of its own process on the test's database: with settings of its own, and one that can die."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from django.conf import settings
from django.db import connection

from engine.embedded.places import CHECKOUT

START_SECONDS = 60


class OwnServer:
    """Starts, dies and starts again at the same address."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        database = connection.settings_dict
        address = {
            "host": database["HOST"],
            "port": database["PORT"],
            "user": database["USER"],
            "password": database["PASSWORD"],
            "dbname": database["NAME"],
        }
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "engine.settings.test",
            "DATABASE_URL": " ".join(f"{name}={value}" for name, value in address.items() if value),
            "LATHE_STORAGE_URL": settings.LATHE_STORAGE_URL,
            "LATHE_SECRET_KEY": "the same before and after",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [sys.executable, "-m", "gunicorn", "engine.wsgi", "--threads=4", f"--bind=127.0.0.1:{self.port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=CHECKOUT, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                httpx.get(f"{self.url}/healthz").raise_for_status()
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
