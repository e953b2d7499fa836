"""What all integration tests share: requests are counted, and what takes a minute runs beside them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from engine.embedded.places import CHECKOUT
from tests.queries import check, counted, most_of


@pytest.fixture(autouse=True)
def every_request_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request handler issues more than twelve queries; none that annotators or artists reach more than eight."""
    ask = Client.request

    def limited(client: Client, **request: Any) -> HttpResponse:
        with counted() as statements:
            response = ask(client, **request)
        check(statements, most=most_of(response), asked=f"{request.get('REQUEST_METHOD')} {request.get('PATH_INFO')}:")
        return response

    monkeypatch.setattr(Client, "request", limited)


class LongOutage:
    """`tests.integration.serve.outage` in a process of its own, begun by whoever of the tests' processes is first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it, unless another process of the tests did."""
        try:
            self.folder.mkdir()
        except FileExistsError:
            return
        unset = ("DATABASE_URL", "LATHE_STORAGE_URL", "PYTEST_CURRENT_TEST")
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.serve.outage", str(self.folder)],
                cwd=CHECKOUT,
                env={name: value for name, value in os.environ.items() if name not in unset},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def result(self) -> dict[str, Any]:
        """What it found, once it is over."""
        found = self.folder / "found.json"
        while not found.exists():
            assert not (self.folder / "failed").exists(), (self.folder / "log").read_text()[-4000:]
            time.sleep(0.2)
        return dict(json.loads(found.read_text()))

    def end(self) -> None:
        """Wait for the process that we started: its result may be wanted in another process of the tests."""
        if self._process is not None:
            self._process.wait()


@pytest.fixture(scope="session", autouse=True)
def long_outage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LongOutage | None]:
    """Begins before the first integration test where its own test was chosen: by then most of its minute is over."""
    if not any(item.path.name == "test_broker_outage.py" for item in request.session.items):
        yield None
        return
    beside_others = os.environ.get("PYTEST_XDIST_WORKER") is not None
    base = tmp_path_factory.getbasetemp()
    outage = LongOutage((base.parent if beside_others else base) / "outage")
    outage.begin()
    yield outage
    outage.end()
