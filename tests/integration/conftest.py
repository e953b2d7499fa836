"""What all integration tests share: requests are counted, and what takes a minute runs beside them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from engine.embedded.places import CHECKOUT
from tests.queries import MOST_OF_A_REQUEST, at_most


@pytest.fixture(autouse=True)
def every_request_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request handler issues more than twelve queries."""
    ask = Client.request

    def counted(client: Client, **request: Any) -> HttpResponse:
        with at_most(MOST_OF_A_REQUEST):
            return ask(client, **request)

    monkeypatch.setattr(Client, "request", counted)


class LongOutage:
    """`tests.integration.serve.outage` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        unset = ("DATABASE_URL", "LATHE_STORAGE_URL", "PYTEST_CURRENT_TEST")
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.serve.outage", str(folder)],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def result(self) -> dict[str, Any]:
        """What it found, once it is over."""
        code = self._process.wait()
        assert code == 0, (self.folder / "log").read_text()[-4000:]
        return dict(json.loads((self.folder / "found.json").read_text()))

    def end(self) -> None:
        """Stop it, wherever it is."""
        self._process.terminate()
        self._process.wait()
        self._log.close()


@pytest.fixture(scope="session", autouse=True)
def long_outage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LongOutage | None]:
    """Begins before the first integration test where its own test was chosen: by then most of its minute is over."""
    if not any(item.path.name == "test_broker_outage.py" for item in request.session.items):
        yield None
        return
    outage = LongOutage(tmp_path_factory.mktemp("outage"))
    yield outage
    outage.end()
