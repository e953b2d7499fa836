"""No request handler issues more than twelve queries: counted in every request of every integration test."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.queries import MOST_OF_A_REQUEST, at_most


@pytest.fixture(autouse=True)
def every_request_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Client.request

    def counted(client: Client, **request: Any) -> HttpResponse:
        with at_most(MOST_OF_A_REQUEST):
            return ask(client, **request)

    monkeypatch.setattr(Client, "request", counted)
