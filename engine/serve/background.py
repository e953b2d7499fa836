"""A served Lathe in the background, for the demo and for end-to-end tests."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.embedded.places import CHECKOUT

READY_SECONDS = 90


class NotServingError(RuntimeError):
    """The background Lathe died or did not answer in time; the message carries the end of its log."""


class BackgroundLathe:
    """`python -m engine.serve` in a process of its own, on a free port. Use it in a `with` statement.

    It ends with us, even where we are killed: a next one waits for that and takes over.

    Args:
        var: everything it writes; the embedded services live there too (where none are configured).
        port: 0 takes a free one.
        environment: variables set on top of ours.
    """

    def __init__(self, *, var: Path, port: int = 0, environment: dict[str, str] | None = None) -> None:
        self.var = var
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = var / "serve.log"
        self._environment = {**os.environ, **(environment or {}), "LATHE_VAR": str(var)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once the web server answers.

        Raises:
            NotServingError: it did not come up.
        """
        self.var.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engine.serve", f"--port={self.port}", "--end-with-parent"],
                cwd=CHECKOUT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers():
            if self._process.poll() is not None:
                raise NotServingError(f"serve ended with {self._process.returncode}:\n{self._end_of_log()}")
            if time.monotonic() > deadline:
                self.stop()
                raise NotServingError(f"No answer at {self.url} within {READY_SECONDS} s:\n{self._end_of_log()}")
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether the web server answers now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        if self._process is None:
            raise NotServingError("Not started.")
        return self._process.pid

    def stop(self) -> None:
        """End web server and workers; the embedded services stay up for whoever comes next."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end_of_log(self) -> str:
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-30:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
