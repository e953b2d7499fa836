"""Celery that starts the embedded Redis when it connects and no broker is configured. For engine and workers alike."""

import os
from typing import Any

import structlog
from celery import Celery
from celery.signals import celeryd_init, setup_logging, worker_ready

from engine import logs
from engine.embedded import redis

# Longer than any task runs: Redis hands a task to a second worker when nobody acknowledged it for this long.
VISIBILITY_SECONDS = 6 * 3600


class LatheApp(Celery):
    """Celery that starts the embedded Redis where it is the broker."""

    def connection_for_read(self, *args: Any, **kwargs: Any) -> Any:
        _start_embedded_broker()
        return super().connection_for_read(*args, **kwargs)

    def connection_for_write(self, *args: Any, **kwargs: Any) -> Any:
        _start_embedded_broker()
        return super().connection_for_write(*args, **kwargs)

    def send_task(self, *args: Any, ignore_result: bool = True, **kwargs: Any) -> Any:
        """Send a task by name. Only who asks with `ignore_result=False` gets its answer.

        Raises:
            OperationalError: the broker is away (with `retry=False`).
        """
        if not ignore_result:
            # Celery declares the queue for the answer before it sends, and for that it would wait as long as the broker
            # stays away, whatever `retry` says.
            with self.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0.0)
        return super().send_task(*args, ignore_result=ignore_result, **kwargs)


def make_app(name: str, *, broker_url: str, **settings: Any) -> LatheApp:
    """An app with what is common to all of Lathe's: JSON only, acknowledged when done, one task at a time."""
    app = LatheApp(name)
    app.conf.update(
        broker_url=broker_url,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            # Senders have an outbox: they come back to it rather than wait for a broker that is away.
            "max_retries": 1,
            "interval_start": 0.1,
            "socket_connect_timeout": 5,
        },
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        # Few tasks have an answer that somebody waits for (`engine.asking`); it goes back by the broker.
        result_backend="rpc://",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        enable_utc=True,
        timezone="UTC",
        **settings,
    )
    return app


def configured_broker_url() -> str:
    """`CELERY_BROKER_URL`, or the embedded Redis."""
    return os.environ.get("CELERY_BROKER_URL") or redis.url()


def _start_embedded_broker() -> None:
    if not os.environ.get("CELERY_BROKER_URL"):
        redis.ensure_running()


@celeryd_init.connect  # a worker warns of root before it sets its logging up
@setup_logging.connect
def _log_as_lathe(**kwargs: Any) -> None:
    logs.configure()


@worker_ready.connect
def _say_what_it_listens_to(sender: Any, **kwargs: Any) -> None:
    queues = sorted(queue.name for queue in sender.task_consumer.queues)
    structlog.get_logger(__name__).info("worker_ready", queues=queues, broker=sender.app.connection().as_uri())
