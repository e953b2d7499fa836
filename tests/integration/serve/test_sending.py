"""A broker that goes away after it was used holds no sender up: the pooled connection is broken, and known to be."""

import time
from collections.abc import Iterator

import pytest
from kombu.exceptions import OperationalError

from engine.embedded.celery_app import LatheApp, make_app
from tests.redis_server import RedisServer


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("broker"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def app(broker: RedisServer, monkeypatch: pytest.MonkeyPatch) -> LatheApp:
    monkeypatch.setenv("CELERY_BROKER_URL", broker.url)
    return make_app("sender", broker_url=broker.url)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("ignore_result", [True, False], ids=["sent and forgotten", "asked"])
def test_it_is_an_error_at_once_and_over_when_the_broker_is_back(
    app: LatheApp, broker: RedisServer, ignore_result: bool
) -> None:
    app.send_task("some.task", retry=False, ignore_result=ignore_result)
    broker.stop()
    for _ in range(2):
        with pytest.raises((OperationalError, OSError)):
            app.send_task("some.task", retry=False, ignore_result=ignore_result)
    broker.start()
    deadline = time.monotonic() + 10
    while True:
        try:
            app.send_task("some.task", retry=False, ignore_result=ignore_result)
        except (OperationalError, OSError):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return
